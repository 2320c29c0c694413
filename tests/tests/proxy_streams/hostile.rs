//! Clients and upstreams that go away at any moment. Nothing hangs, and nothing is left behind.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;
use node_tests::wait::eventually;

use crate::pair::{Pair, read_head, upstream};

/// Counts the connections that an upstream holds.
struct Held(Arc<AtomicUsize>);

impl Held {
    fn one(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether both components still answer.
fn answers(pair: &Pair) {
    for component in ["loc", "rem"] {
        let mut client = pair.connect();
        write!(client, "GET /{component}/ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok"), "{component}: {answer}");
    }
}

#[test]
fn clients_that_vanish_at_each_byte_leave_nothing_behind() {
    let held = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&held);
    let url = upstream(move |mut stream| {
        let head = read_head(&mut stream);
        if head.contains("/ok") || !head.contains("/hold") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            return;
        }
        let _held = Held::one(&counted);
        // A part of an answer, and then nothing until the other side goes away.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        let mut piece = [0; 1000];
        while stream.read(&mut piece).unwrap_or(0) > 0 {}
    });
    let pair = Pair::start(&url);
    answers(&pair);
    let before: Vec<u64> = pair.cluster.nodes.iter().map(|node| node.memory().unwrap()).collect();
    for component in ["loc", "rem"] {
        let request = format!(
            "POST /{component}/hold HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n"
        );
        for cut in 1..=request.len() {
            for end in [Shutdown::Both, Shutdown::Write] {
                let mut client = pair.connect();
                client.write_all(&request.as_bytes()[..cut]).unwrap();
                let _ = client.shutdown(end);
            }
        }
    }
    eventually(|| {
        let held = held.load(Ordering::SeqCst);
        ensure!(held == 0, "the upstream still works for {held} clients that are gone");
        Ok(())
    })
    .unwrap();
    answers(&pair);
    for (node, before) in pair.cluster.nodes.iter().zip(before) {
        let after = node.memory().unwrap();
        assert!(after < before + (8 << 20), "{} grew from {before} to {after} bytes", node.name());
    }
}

#[test]
fn upstreams_that_stop_at_each_byte_are_bad_gateways_or_cut_short() {
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let url = upstream(move |mut stream| {
        let head = read_head(&mut stream);
        let cut = head.split("/cut/").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        let Some(cut) = cut else {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            return;
        };
        let _ = stream.write_all(&answer[..cut]);
        if cut % 2 == 0 {
            reset(&stream);
        }
    });
    let pair = Pair::start(&url);
    for component in ["loc", "rem"] {
        for cut in 0..=answer.len() {
            let mut client = pair.connect();
            write!(client, "GET /{component}/cut/{cut} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut seen = Vec::new();
            let _ = client.read_to_end(&mut seen);
            let seen = String::from_utf8_lossy(&seen).into_owned();
            let whole = seen.ends_with("\r\n0\r\n\r\n");
            assert!(
                seen.starts_with("HTTP/1.1 502 ") || seen.starts_with("HTTP/1.1 200 "),
                "{component} {cut}: {seen}"
            );
            // A reset may take back what was sent before it.
            assert!(!whole || cut == answer.len(), "{component}: an answer cut at {cut} looks whole: {seen}");
            assert!(whole || cut < answer.len() || cut % 2 == 0, "{component}: {seen}");
        }
    }
    answers(&pair);
}

/// Closes a connection with a reset.
fn reset(stream: &TcpStream) {
    let linger = Some(std::time::Duration::ZERO);
    rustix::net::sockopt::set_socket_linger(stream, linger).unwrap();
}
