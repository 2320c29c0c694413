//! Upgrades, events, interim responses and large bodies.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::pair::{Pair, read_head, upstream};

#[test]
fn an_upgraded_connection_carries_bytes_both_ways_to_both_ends() {
    let url = upstream(|mut stream| {
        let head = read_head(&mut stream).to_lowercase();
        if !head.contains("upgrade: websocket\r\n") || !head.contains("connection: upgrade\r\n") {
            let _ = stream.write_all(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        let accept =
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello";
        stream.write_all(accept).unwrap();
        let mut piece = [0; 1000];
        loop {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(read) => stream.write_all(&piece[..read]).unwrap(),
            }
        }
        // The client has ended its direction, and this one goes on.
        let _ = stream.write_all(b"goodbye");
    });
    let pair = Pair::start(&url);
    for component in ["loc", "rem"] {
        let mut client = pair.connect();
        let request = format!(
            "GET /{component}/chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
        );
        client.write_all(request.as_bytes()).unwrap();
        let head = read_head(&mut client);
        assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{component}: {head}");
        assert!(head.to_lowercase().contains("upgrade: websocket\r\n"), "{component}: {head}");
        let mut hello = [0; 5];
        client.read_exact(&mut hello).unwrap();
        assert_eq!(&hello, b"hello");
        for round in 0..50_u8 {
            let sent = vec![round; 10_000];
            client.write_all(&sent).unwrap();
            let mut back = vec![0; sent.len()];
            client.read_exact(&mut back).unwrap();
            assert_eq!(back, sent, "{component}");
        }
        client.shutdown(Shutdown::Write).unwrap();
        let mut last = String::new();
        client.read_to_string(&mut last).unwrap();
        assert_eq!(last, "goodbye", "{component}");
    }
}

#[test]
fn events_arrive_one_by_one() {
    let (next, told) = mpsc::channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let url = upstream(move |mut stream| {
        if !read_head(&mut stream).contains("/events") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").unwrap();
        for event in 0..5 {
            stream.write_all(format!("data: {event}\n\n").as_bytes()).unwrap();
            // The next one is not sent before the client has this one.
            told.lock().unwrap().recv().unwrap();
        }
    });
    let pair = Pair::start(&url);
    for component in ["loc", "rem"] {
        let mut client = pair.connect();
        write!(client, "GET /{component}/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        assert!(read_head(&mut client).starts_with("HTTP/1.1 200 "));
        let mut seen = String::new();
        for event in 0..5 {
            while !seen.contains(&format!("data: {event}\n\n")) {
                let mut piece = [0; 500];
                let read = client.read(&mut piece).unwrap();
                assert!(read > 0, "{component}: {seen}");
                seen.push_str(&String::from_utf8_lossy(&piece[..read]));
            }
            next.send(()).unwrap();
        }
    }
}

#[test]
fn a_client_that_asks_before_it_sends_is_told_to_go_on() {
    let url = upstream(|mut stream| {
        let head = read_head(&mut stream).to_lowercase();
        if head.contains("expect: 100-continue") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
            let mut body = [0; 5];
            stream.read_exact(&mut body).unwrap();
            assert_eq!(&body, b"hello");
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    });
    let pair = Pair::start(&url);
    for component in ["loc", "rem"] {
        let mut client = pair.connect();
        write!(
            client,
            "PUT /{component}/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        .unwrap();
        assert!(read_head(&mut client).starts_with("HTTP/1.1 100 Continue\r\n"), "{component}");
        client.write_all(b"hello").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("done"),
            "{component}: {answer}"
        );
    }
}

#[test]
fn an_upload_that_nobody_reads_is_not_kept_in_memory() {
    const SIZE: usize = 256 << 20;
    let (go, told) = mpsc::channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let url = upstream(move |mut stream| {
        if !read_head(&mut stream).contains("/upload") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        told.lock().unwrap().recv().unwrap();
        let (mut piece, mut left) = (vec![0; 1 << 20], SIZE);
        while left > 0 {
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "the upload broke off");
            left -= read;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").unwrap();
    });
    let pair = Pair::start(&url);
    // The first time the allocator takes memory for later, too. It takes and gives back pages of 2 MB.
    for (component, most) in [("loc", 8), ("loc", 3), ("rem", 8), ("rem", 3)] {
        let memory = || pair.cluster.nodes.iter().map(|node| node.memory().unwrap()).collect::<Vec<_>>();
        let before = memory();
        let mut client = pair.connect();
        write!(client, "PUT /{component}/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {SIZE}\r\n\r\n")
            .unwrap();
        client.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let (piece, mut left) = (vec![7; 1 << 20], SIZE);
        // Up to where everything on the way is full.
        while let Ok(written) = client.write(&piece[..piece.len().min(left)]) {
            left -= written;
            assert!(left > 0, "somebody takes 256 MB that nobody reads");
        }
        for (node, (before, after)) in before.iter().zip(memory()).enumerate() {
            println!("{component}: node {node} holds {} KiB", after.saturating_sub(*before) / 1024);
            assert!(
                after < before + (most << 20),
                "{component}: node {node} grew from {before} to {after} bytes"
            );
        }
        go.send(()).unwrap();
        client.set_write_timeout(None).unwrap();
        while left > 0 {
            left -= client.write(&piece[..piece.len().min(left)]).unwrap();
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("done"), "{component}: {answer}");
        for (before, after) in before.iter().zip(memory()) {
            assert!(after < before + (8 << 20), "{component}: grew from {before} to {after} bytes");
        }
    }
}
