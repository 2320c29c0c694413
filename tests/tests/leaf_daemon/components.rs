//! The board's component, as clients of a gateway see it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;

use node_tests::http::{Answer, Curl};
use node_tests::wait::{TIMEOUT, eventually};
use tempfile::NamedTempFile;

use crate::world::{BOARD_ECHO, World};

impl World {
    fn curl(&self, path: &str) -> Curl {
        Curl::get(&format!("{}/{BOARD_ECHO}{path}", self.daemon.gateway()))
    }
}

fn file(body: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(&file, body).unwrap();
    file
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text())
}

#[test]
fn every_method_and_every_framing_reaches_the_component() {
    let world = World::start();
    let body = file(&[b'x'; 70_000]);
    let collect = || world.curl("/collect");
    assert_eq!(told(&collect().send().unwrap()), (200, "0".to_owned()));
    for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE"] {
        let answer = collect().body(body.path()).method(method).send().unwrap();
        assert_eq!(told(&answer), (200, "70000".to_owned()), "{method}");
    }
    for header in ["Transfer-Encoding: chunked", "Expect: 100-continue"] {
        let answer = collect().body(body.path()).header(header).send().unwrap();
        assert_eq!(told(&answer), (200, "70000".to_owned()), "{header}");
    }
    let head = collect().flag("--head").send().unwrap();
    assert_eq!(head.status, 200);
    assert!(head.text().to_lowercase().contains("content-length: 1\r\n"), "{}", head.text());
    assert_eq!(told(&world.curl("/empty").send().unwrap()), (204, String::new()));
}

#[test]
fn a_long_body_without_a_length_streams_through_the_component() {
    let world = World::start();
    let body: Vec<u8> = (0..500_000u32).map(|place| (place % 251) as u8).collect();
    let sent = file(&body);
    let answer = world.curl("/echo").body(sent.path()).header("Transfer-Encoding: chunked").send().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body == body, "{} of {} bytes came back", answer.body.len(), body.len());
}

#[test]
fn what_a_component_does_wrong_is_no_answer_that_looks_right() {
    let world = World::start();
    for path in ["/fails", "/interim", "/hop", "/no-answer"] {
        assert_eq!(world.curl(path).send().unwrap().status, 500, "{path}");
    }
    // Where nothing of the answer was passed on, the gateway says that the component broke off.
    let broken = world.curl("/short").send();
    assert!(broken.as_ref().map_or(true, |answer| answer.status == 502), "{broken:?}");
    assert_eq!(
        told(&world.curl("/long").send().unwrap()),
        (200, "abc".to_owned()),
        "it is as long as announced"
    );
    world.echoes(b"still here").unwrap();
}

#[test]
fn who_waits_too_long_for_a_busy_board_is_told_when_to_come_again() {
    let world = World::start();
    let gateway = world.daemon.gateway();
    let (sender, answers) = mpsc::channel();
    // Three are served and give no answer, two wait on the board, and one at the gateway.
    let streams: Vec<_> = (0..6)
        .map(|_| {
            let mut stream = TcpStream::connect(gateway.trim_start_matches("http://")).unwrap();
            write!(stream, "GET /{BOARD_ECHO}/never HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .unwrap();
            let (mut reader, sender) = (stream.try_clone().unwrap(), sender.clone());
            thread::spawn(move || {
                let mut answer = String::new();
                let _ = reader.read_to_string(&mut answer);
                let _ = sender.send(answer);
            });
            stream
        })
        .collect();
    for _ in 0..3 {
        let answer = answers.recv_timeout(TIMEOUT).unwrap().to_lowercase();
        assert!(answer.starts_with("http/1.1 503 ") && answer.contains("\r\nretry-after: "), "{answer}");
    }
    // The others give up, and the board is free again.
    for stream in streams {
        let _ = stream.shutdown(Shutdown::Both);
    }
    eventually(|| world.echoes(b"free again")).unwrap();
}
