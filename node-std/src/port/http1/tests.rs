//! Clients that take their time, in virtual time.

use core::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

use crate::config::HttpLimits;
use crate::port::connection::Version;
use crate::port::testing::port_within;
use crate::proxy::Proxy;
use crate::testing::alone;

const PROBE: &[u8] = b"GET /_mael_ready HTTP/1.1\r\nhost: x\r\n\r\n";

fn connect() -> DuplexStream {
    let limits = HttpLimits::of_connections(64);
    let timeouts = limits.timeouts;
    assert_eq!((timeouts.head.as_secs(), timeouts.idle.as_secs(), limits.min_rate), (10, 75, Some(1024)));
    port_within(Proxy::new(alone(), &[]), limits, Version::Http1).0
}

/// Sends `bytes`, one a second, until it is answered or the port closes. Returns what came after how many seconds.
async fn drip(io: &mut DuplexStream, bytes: &[u8]) -> (String, u64) {
    let began = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(io);
    let dripping = async {
        for byte in bytes.chunks(1) {
            if writer.write_all(byte).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        core::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    let reading = async {
        // What it sends after the answer is not read for ever.
        let _ = reader.read_buf(&mut answer).await;
        let answered = began.elapsed().as_secs();
        let _ = reader.read_to_end(&mut answer).await;
        answered
    };
    let answered = tokio::select! {
        () = dripping => unreachable!(),
        answered = reading => answered,
    };
    (String::from_utf8(answer).unwrap(), answered)
}

/// Sends a whole request, and reads the response.
async fn ask(io: &mut DuplexStream) {
    io.write_all(PROBE).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ready") {
        assert_ne!(io.read_buf(&mut answer).await.unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_nothing_is_not_waited_for() {
    assert_eq!(drip(&mut connect(), b"").await, (String::new(), 10));
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_refused() {
    for head in [
        // Its request line takes too long, or its fields do.
        &b"GET /_mael_ready HTTP/1.1\r\nhost: x\r\n\r\n"[..],
        b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ] {
        let (answer, seconds) = drip(&mut connect(), head).await;
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("connection: close\r\n"), "{answer}");
        assert_eq!(seconds, 10);
    }
    let mut io = connect();
    io.write_all(b"GET /_mael_ready HTTP/1.1\r\n").await.unwrap();
    let (answer, seconds) = drip(&mut io, b"x: aaaaaaaaaaaaaaaaaaaaaaaaa").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(seconds, 10);
}

#[tokio::test(start_paused = true)]
async fn time_for_the_first_head_counts_from_the_start() {
    let mut io = connect();
    sleep(Duration::from_secs(7)).await;
    let (answer, seconds) = drip(&mut io, PROBE).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(seconds, 3);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    let mut io = connect();
    ask(&mut io).await;
    sleep(Duration::from_secs(70)).await;
    ask(&mut io).await;
    assert_eq!(drip(&mut io, b"").await, (String::new(), 75));
}

#[tokio::test(start_paused = true)]
async fn time_for_a_later_head_counts_from_its_first_byte() {
    let mut io = connect();
    ask(&mut io).await;
    sleep(Duration::from_secs(70)).await;
    let (answer, seconds) = drip(&mut io, PROBE).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(seconds, 10);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_refused() {
    let mut io = connect();
    let head =
        b"POST /_mael/v1 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
    io.write_all(head).await.unwrap();
    let (answer, seconds) = drip(&mut io, &[b' '; 99]).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(seconds, HttpLimits::GRACE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_given_up() {
    let limits = HttpLimits::of_connections(64);
    let mut io = connect();
    // The answers to these are more than the carrier holds.
    let began = Instant::now();
    let asking = async { while io.write_all(PROBE).await.is_ok() {} };
    asking.await;
    assert_eq!(began.elapsed().as_secs(), limits.timeouts.write.as_secs());
}
