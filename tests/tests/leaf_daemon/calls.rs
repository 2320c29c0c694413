//! The board's calls to components: one behind its hub, and one on another node.

use anyhow::{Context as _, Result, ensure};
use node_embedded::{Call, Leaf};
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Setup};
use node_tests::upstream::{Script, Upstream};
use node_tests::wait::eventually;
use serde_json::Value;

use crate::world::{HUB_ECHO, World};

/// A component on another node.
const FAR: &str = "far";
/// A component on that node whose bytes the test decides.
const RAW: &str = "raw";
/// The most time for a call.
const TIMEOUT: embassy_time::Duration = embassy_time::Duration::from_secs(60);

/// Another node, with components.
struct Far {
    raw: Upstream,
    _component: Component,
    _daemon: Daemon,
}

impl Far {
    fn start(world: &World) -> Self {
        let (component, raw) = (Component::start(FAR).unwrap(), Upstream::start().unwrap());
        let setup = Setup::named(FAR).unwrap().tls(world.keys.path()).join(world.daemon.private());
        let setup = setup.component(FAR, &component.url()).component(RAW, &raw.url());
        let daemon = setup.start().unwrap();
        let far = Self { raw, _component: component, _daemon: daemon };
        eventually(|| ask(world, FAR, "GET", b"").map(drop)).unwrap();
        far
    }
}

/// A short call, with the whole response.
fn ask(world: &World, component: &'static str, method: &'static str, body: &'static [u8]) -> Result<String> {
    world.board.with(async move |held| {
        let mut head = [0; 1024];
        let call = Call { method, body, timeout: TIMEOUT, ..Call::get(component, "/path?query") };
        let mut response = held.leaf.call(&call, &mut head).await?;
        ensure!(response.status() == 200, "status {}", response.status());
        let (mut whole, mut part) = (Vec::new(), [0; 100]);
        while let read @ 1.. = response.read(&mut part).await? {
            whole.extend_from_slice(&part[..read]);
        }
        Ok(String::from_utf8(whole)?)
    })
}

/// Streams `body` to an echo, and what comes back is returned.
async fn stream(leaf: Leaf<'_>, component: &str, length: Option<u64>, body: &[u8]) -> Result<Vec<u8>> {
    let call = Call { method: "POST", timeout: TIMEOUT, ..Call::get(component, "/echo") };
    let mut head = [0; 1024];
    let stream = leaf.open(&call, length, &mut head).await?;
    let send = async {
        for piece in body.chunks(700) {
            stream.write(piece).await?;
        }
        stream.finish().await
    };
    let receive = async {
        ensure!(stream.response(&mut [0; 1024]).await?.status() == 200);
        let (mut whole, mut part) = (Vec::new(), [0; 500]);
        while let read @ 1.. = stream.read(&mut part).await? {
            whole.extend_from_slice(&part[..read]);
        }
        Ok(whole)
    };
    let (sent, received) = tokio::join!(send, receive);
    sent.context("the request")?;
    received
}

#[test]
fn a_board_calls_components_of_its_hub_and_of_other_nodes_with_any_method() {
    let world = World::start();
    let _far = Far::start(&world);
    for component in [HUB_ECHO, FAR] {
        for (method, body) in [
            ("GET", &b""[..]),
            ("DELETE", b""),
            ("OPTIONS", b""),
            ("POST", b"hello"),
            ("PUT", b"hello"),
            ("PURGE", b""),
        ] {
            let seen: Value = serde_json::from_str(&ask(&world, component, method, body).unwrap()).unwrap();
            assert_eq!((&seen["component"], &seen["method"]), (&component.into(), &method.into()));
        }
        assert_eq!(ask(&world, component, "HEAD", b"").unwrap(), "");
    }
    let unknown = ask(&world, "nobody", "GET", b"").unwrap_err();
    assert_eq!(unknown.to_string(), "status 404");
}

#[test]
fn long_bodies_stream_both_ways_at_once() {
    let world = World::start();
    let _far = Far::start(&world);
    for component in [HUB_ECHO, FAR] {
        for known in [true, false] {
            let back = world.board.with(async move |held| {
                let body: Vec<u8> = (0..400_000u32).map(|place| (place % 251) as u8).collect();
                let length = known.then_some(body.len() as u64);
                stream(held.leaf, component, length, &body).await.map(|back| (back == body, back.len()))
            });
            assert_eq!(back.unwrap(), (true, 400_000), "{component}, with a length: {known}");
        }
    }
}

#[test]
fn interim_responses_and_early_answers_of_a_far_component_are_understood() {
    let world = World::start();
    let far = Far::start(&world);
    far.raw.plays(Script::answer(
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    ));
    assert_eq!(ask(&world, RAW, "POST", b"hi").unwrap(), "hello");
    // A body without a length is in chunks, where it leaves the cluster.
    far.raw.plays(Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    let back = world.board.with(async |held| stream(held.leaf, RAW, None, b"hi").await);
    assert_eq!(back.unwrap(), b"");
    eventually(|| {
        let seen = far.raw.seen()?;
        let seen = seen.first().context("nothing yet")?;
        ensure!(
            seen.to_lowercase().contains("transfer-encoding: chunked")
                && seen.ends_with("2\r\nhi\r\n0\r\n\r\n"),
            "{seen}"
        );
        Ok(())
    })
    .unwrap();
    far.raw.plays(
        Script::answer("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").early().close(),
    );
    let status = world.board.with(async |held| {
        let body = vec![0; 2_000_000];
        let mut head = [0; 1024];
        let call = Call { timeout: TIMEOUT, ..Call::post(RAW, "/", &body) };
        let response = held.leaf.call(&call, &mut head).await?;
        Ok::<_, anyhow::Error>(response.status())
    });
    assert_eq!(status.unwrap(), 413);
    // The board's exchanges are free again.
    for _ in 0..6 {
        far.raw.plays(Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        assert_eq!(ask(&world, RAW, "GET", b"").unwrap(), "ok");
    }
}
