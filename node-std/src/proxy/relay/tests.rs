//! How long clients may take, in virtual time.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use node_core::http::{RequestHead, Version};
use node_core::id::NodeId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::config::HttpLimits;
use crate::proxy::{Arrival, Http1, Origin, Outline};

const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const READ: u64 = 300;
const WRITE: u64 = 310;

/// A request under way.
struct Scene {
    client: DuplexStream,
    component: DuplexStream,
    /// How it ended, and after how many seconds.
    end: JoinHandle<(Result<Finished, Failure>, u64)>,
}

/// A request with these fields, with or without a least rate.
async fn start(method: &str, fields: &str, min_rate: Option<u64>) -> Scene {
    let ((client, down), (component, up)) = (tokio::io::duplex(4096), tokio::io::duplex(4096));
    let head = format!("{method} / HTTP/1.1\r\nhost: x\r\nmaelstrom-component: a\r\n{fields}\r\n");
    let end = tokio::spawn(async move {
        let arrival = Arrival { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), secure: false, trusted: true };
        let mut slots = Slots::of(head.as_bytes(), MAX_FIELDS);
        let head = RequestHead::parse(head.as_bytes(), slots.get()).unwrap().unwrap();
        let (mut down, mut up) = (Http1::new(down), Http1::new(up));
        let (carried, origin) = (down.carried(head.len), Origin::Inside(arrival));
        let request = Request::take(&head, carried, origin, LONGEST, NodeId([0; 16])).unwrap();
        down.answers(Version::Http11, true);
        down.expect(request.body);
        up.begin(&request.text_for_component("", request.deadline), Outline::of(request.body));
        let mut timers = Timers::of_client(&HttpLimits { min_rate, ..HttpLimits::of_connections(64) });
        timers.begin();
        timers.alarm.set(request.deadline);
        let (began, mut progress) = (Instant::now(), Progress::default());
        let terms = Terms { request: &request, enters: true, most: u64::MAX, timers: &mut timers };
        let end = relay(&mut down, &mut up, terms, &mut progress).await;
        (end, began.elapsed().as_secs())
    });
    let mut scene = Scene { client, component, end };
    receive(&mut scene.component).await;
    scene
}

/// Whatever is here.
async fn receive(io: &mut DuplexStream) {
    assert_ne!(io.read(&mut [0; 4096]).await.unwrap(), 0);
}

async fn wait(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

impl Scene {
    /// The component begins its answer, and the client sees that.
    async fn answer(&mut self, head: &str) {
        self.component.write_all(format!("HTTP/1.1 {head}\r\n").as_bytes()).await.unwrap();
        receive(&mut self.client).await;
    }

    /// The client says something, or else the component does. The other one hears it.
    async fn say(&mut self, is_client: bool, bytes: &[u8]) {
        let (from, to) = match is_client {
            true => (&mut self.client, &mut self.component),
            false => (&mut self.component, &mut self.client),
        };
        from.write_all(bytes).await.unwrap();
        receive(to).await;
    }

    /// The seconds after which the client is too slow.
    async fn ends(self) -> u64 {
        let (end, seconds) = self.end.await.unwrap();
        assert!(matches!(end, Err(Failure::Slow)), "{end:?}");
        seconds
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_may_be_silent_for_the_read_time() {
    let mut scene = start("POST", CHUNKED, Some(1024)).await;
    scene.answer(&format!("200 OK\r\n{CHUNKED}")).await;
    for is_client in [true, false, false, false, true] {
        wait(200).await;
        scene.say(is_client, b"1\r\na\r\n").await;
    }
    assert_eq!(scene.ends().await, 5 * 200 + READ);
}

#[tokio::test(start_paused = true)]
async fn the_least_rate_counts_before_the_response_and_for_a_body_with_a_length() {
    assert_eq!(start("POST", CHUNKED, Some(1024)).await.ends().await, HttpLimits::GRACE.as_secs());
    let mut upload = start("POST", "content-length: 9999\r\n", Some(1024)).await;
    upload.answer(&format!("200 OK\r\n{CHUNKED}")).await;
    assert_eq!(upload.ends().await, HttpLimits::GRACE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn the_least_rate_counts_again_when_the_client_has_said_all() {
    let mut scene = start("POST", CHUNKED, Some(1024)).await;
    scene.answer(&format!("200 OK\r\n{CHUNKED}")).await;
    wait(60).await;
    scene.say(true, b"0\r\n\r\n").await;
    let Scene { client, mut component, end } = scene;
    let sender = tokio::spawn(async move { while component.write_all(b"1\r\na\r\n").await.is_ok() {} });
    let (_, seconds) = end.await.unwrap();
    assert_eq!(seconds, 60 + HttpLimits::GRACE.as_secs());
    sender.await.unwrap();
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_whole_request_must_be_here_within_the_read_time() {
    for fields in ["content-length: 9999\r\n", CHUNKED] {
        let mut scene = start("POST", fields, None).await;
        for _ in 0..4 {
            wait(70).await;
            scene.say(true, b"1\r\na\r\n").await;
        }
        assert_eq!(scene.ends().await, READ, "{fields}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_response_must_be_taken_within_the_write_time() {
    let mut scene = start("GET", "", None).await;
    wait(1000).await;
    scene.answer("200 OK\r\ncontent-length: 9999\r\n").await;
    for _ in 0..4 {
        wait(70).await;
        scene.say(false, b"a").await;
    }
    assert_eq!(scene.ends().await, 1000 + WRITE);
}

#[tokio::test(start_paused = true)]
async fn events_go_on_for_as_long_as_they_come_and_are_taken() {
    for is_read in [true, false] {
        let mut scene = start("GET", "", None).await;
        scene.answer(&format!("200 OK\r\n{CHUNKED}")).await;
        for _ in 0..10 {
            wait(300).await;
            scene.say(false, b"1\r\na\r\n").await;
        }
        if !is_read {
            // More than the carriers and buffers hold.
            let event = [&b"10000\r\n"[..], &[b'a'; 1 << 16], b"\r\n"].concat();
            let _ = tokio::time::timeout(Duration::from_secs(1), scene.component.write_all(&event)).await;
        }
        assert_eq!(scene.ends().await, 10 * 300 + WRITE, "{is_read}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_stays_for_as_long_as_anything_moves() {
    let mut scene = start("GET", "connection: upgrade\r\nupgrade: websocket\r\n", Some(1024)).await;
    scene.answer("101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n").await;
    for round in 0..400 {
        wait(300).await;
        scene.say(round % 3 == 0, b"a").await;
    }
    assert_eq!(scene.ends().await, 400 * 300 + WRITE, "longer than any deadline");
}
