//! Connections that take places and give nothing keep no one else out: neither silent ones, nor idle ones, nor busy ones an operator.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Setup, Signal};
use node_tests::http::Curl;
use node_tests::netns::Namespace;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Silent connections a second, and for how long: more than wait at once on a port.
const FLOOD: u32 = 300;
const FLOODED: Duration = Duration::from_secs(5);

/// The gateway's or the private port's figures in the health of a daemon, with or without TLS.
fn figures(daemon: &Daemon, keys: Option<&TlsDir>, port: &str) -> Value {
    let health = match keys {
        Some(keys) => daemon.health(keys).unwrap(),
        None => {
            let url = format!("http://{}/_mael_health_check", daemon.private());
            Curl::get(&url).header("Accept: application/json").send().unwrap().json().unwrap()
        }
    };
    health["connections"][port].clone()
}

fn node(keys: Option<&TlsDir>) -> Setup {
    let setup = Setup::named("node").unwrap();
    match keys {
        Some(keys) => setup.tls(keys.path()),
        None => setup,
    }
}

/// Opens connections that say nothing, until `stop`. Returns how many.
fn flood(addr: SocketAddr, stop: &AtomicBool) -> usize {
    let (mut silent, mut count) = (VecDeque::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        silent.push_back(TcpStream::connect(addr).unwrap());
        count += 1;
        // The node has dropped the oldest ones long ago: this process need not have so many files open.
        if silent.len() > 800 {
            silent.pop_front();
        }
        thread::sleep(Duration::from_secs(1) / FLOOD);
    }
    count
}

fn operators_get_through_silent_connections(keys: Option<&TlsDir>) {
    // Of 2,048 connections, 512 may be of clients that have not said who they are.
    let daemon = node(keys).flag("--max-connections", "2048").start().unwrap();
    let (addr, ctl, stop) = (daemon.private(), daemon.ctl(), AtomicBool::new(false));
    let (calls, silent) = thread::scope(|scope| {
        let flood = scope.spawn(|| flood(addr, &stop));
        let (began, mut calls) = (Instant::now(), 0);
        while began.elapsed() < FLOODED {
            // Some of them may come at the very start, others find the places taken.
            let output = ctl.run(&["config", "show"]).unwrap();
            assert_eq!(output.code, 0, "call {calls}: {output:?}");
            calls += 1;
        }
        stop.store(true, Ordering::Relaxed);
        (calls, flood.join().unwrap())
    });
    let figures = figures(&daemon, keys, "private");
    println!("{calls} calls of operators succeeded beside {silent} silent connections: {figures}");
    assert!(figures["dropped"].as_u64() > Some(0), "{figures}");
    assert_eq!(figures["refused"], 0, "{figures}");
}

#[test]
fn operators_get_through_silent_connections_under_tls() {
    operators_get_through_silent_connections(Some(&TlsDir::generate(Algorithm::P256).unwrap()));
}

#[test]
fn operators_get_through_silent_connections_without_tls() {
    operators_get_through_silent_connections(None);
}

/// An HTTP/2 connection whose client answers pings, and closes it when it is told to.
async fn connect(addr: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn idle_connections_give_way() {
    const IDLE: usize = 300;
    let component = Component::start("shop").unwrap();
    let setup = node(None).gateway().component("shop", &component.url());
    let daemon = setup.flag("--max-connections", "64").start().unwrap();
    let addr: SocketAddr = daemon.gateway().strip_prefix("http://").unwrap().parse().unwrap();
    let runtime = runtime();
    // Half of them had an answer before, the others have asked nothing yet.
    let idle: Vec<_> = (0..IDLE)
        .map(|number| {
            runtime.block_on(async {
                let mut client = connect(addr).await;
                if number % 2 == 0 {
                    let request = hyper::Request::get(format!("http://{addr}/shop/"));
                    let response = client.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
                    assert_eq!(response.status(), 200);
                }
                client
            })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(Curl::get(&format!("{}/shop/", daemon.gateway())).send().unwrap().status, 200);
    }
    let figures = figures(&daemon, None, "gateway");
    println!("20 requests were answered beside {IDLE} idle connections: {figures}");
    assert_eq!(figures["refused"], 0, "{figures}");
    assert!(figures["ended"].as_u64() > Some(0) && figures["dropped"].as_u64() > Some(0), "{figures}");
    let open = idle.iter().filter(|client| !client.is_closed()).count();
    assert!(open <= 128, "{open}");
}

/// `count` requests to a component that does not answer, each on a connection of its own.
fn operators_have_places_of_their_own(keys: Option<&TlsDir>) {
    const PLACES: usize = 24;
    let component = Component::start("shop").unwrap();
    let setup = node(keys).component("shop", &component.url());
    let daemon = setup.flag("--max-connections", &PLACES.to_string()).start().unwrap();
    let ask = |path: &str| {
        let scheme = if keys.is_some() { "https" } else { "http" };
        let curl =
            Curl::get(&format!("{scheme}://{}{path}", daemon.private())).header("MAELSTROM-COMPONENT: shop");
        let curl = match keys {
            Some(keys) => curl.certificate(keys, "server_a").flag("--insecure"),
            None => curl,
        };
        curl.flag("--include").flag("--http1.1").option("--max-time", "60").send().unwrap()
    };
    thread::scope(|scope| {
        let busy: Vec<_> = (0..PLACES).map(|_| scope.spawn(|| ask("/hold"))).collect();
        component.holds(PLACES).unwrap();
        let refused = ask("/");
        let text = refused.text();
        assert_eq!(refused.status, 503, "{text}");
        for part in [
            "retry-after: 1",
            "connection: close",
            "all places for connections are taken (limits.connections)",
        ] {
            assert!(text.contains(part), "{text}");
        }
        // More than are reserved, one after the other.
        for _ in 0..20 {
            let output = daemon.ctl().run(&["config", "show"]).unwrap();
            assert_eq!(output.code, 0, "{output:?}");
        }
        assert_eq!(
            ask("/_mael_health_check").status,
            200,
            "whoever asks whether the node is alive is told so"
        );
        component.release();
        for busy in busy {
            assert_eq!(busy.join().unwrap().status, 200, "what was under way is answered");
        }
    });
    assert_eq!(ask("/").status, 200, "there are places again");
    let figures = figures(&daemon, keys, "private");
    println!("20 calls of operators succeeded with all {PLACES} places taken: {figures}");
    assert_eq!(figures["refused"], 1, "{figures}");
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    let component = Component::start("shop").unwrap();
    // What the system's buffers take counts as read: some megabytes, which is no time at this rate.
    let setup = node(None).gateway().component("shop", &component.url());
    let daemon = setup.flag("--min-rate", "100MiB").start().unwrap();
    let addr = daemon.gateway().replace("http://", "");
    let open = || figures(&daemon, None, "gateway")["open"].as_u64().unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    client.write_all(b"GET /shop/bytes/268435456 HTTP/1.1\r\nHost: shop\r\n\r\n").unwrap();
    client.read_exact(&mut [0; 1024]).unwrap();
    assert_eq!(open(), 1);
    let began = Instant::now();
    eventually(|| {
        ensure!(open() == 0, "it is still served");
        Ok(())
    })
    .unwrap();
    println!("a client that read nothing was given up after {:?}", began.elapsed());
}

#[test]
fn operators_have_places_of_their_own_under_tls() {
    operators_have_places_of_their_own(Some(&TlsDir::generate(Algorithm::P256).unwrap()));
}

#[test]
fn operators_have_places_of_their_own_without_tls() {
    operators_have_places_of_their_own(None);
}

/// A gateway that sees the addresses of its clients, which all are of one namespace.
struct Street {
    namespace: Arc<Namespace>,
    front: Daemon,
    _back: Daemon,
    /// It accepts connections, as the system does that for it, and does nothing more.
    _silent: Daemon,
}

impl Street {
    fn start() -> Self {
        let namespace = Arc::new(Namespace::new().unwrap());
        namespace
            .ip("addr add 192.0.2.1/32 dev lo\naddr add 192.0.2.2/32 dev lo\naddr add 192.0.2.3/32 dev lo\n")
            .unwrap();
        let setup = |name| Setup::named(name).unwrap().within(&namespace);
        let silent = setup("silent").start().unwrap();
        silent.signal(Signal::STOP).unwrap();
        let front = setup("front").gateway().public("192.0.2.1:0".parse().unwrap()).start().unwrap();
        let url = |daemon: &Daemon| format!("http://{}", daemon.private());
        let back = setup("back").join(front.private());
        let back = back.component("silent", &url(&silent)).component("prompt", &url(&front)).start().unwrap();
        let street = Self { namespace, front, _back: back, _silent: silent };
        street.is_answered("192.0.2.2").unwrap();
        street
    }

    /// A request of this source to the gateway, or several.
    fn curl(&self, from: &str, path: &str) -> Command {
        let mut curl = self.namespace.command("curl");
        curl.args(["--silent", "--include", "--max-time", "120", "--interface", from]);
        curl.arg(format!("{}{path}", self.front.gateway()));
        curl
    }

    /// What this source is answered by the component that answers.
    fn ask(&self, from: &str) -> String {
        let output = self.curl(from, "/prompt/_mael_health_check").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn is_answered(&self, from: &str) -> Result<()> {
        eventually(|| {
            let text = self.ask(from);
            ensure!(text.starts_with("HTTP/1.1 200 "), "{text}");
            Ok(())
        })
    }

    /// As many requests at once, of which none is answered.
    fn stall(&self, from: &str, count: usize) -> Child {
        let mut curl = self.curl(from, &format!("/silent/[1-{count}]"));
        curl.args(["--parallel", "--parallel-immediate", "--parallel-max", "300"]);
        curl.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

#[test]
fn requests_of_one_source_leave_room_for_others() {
    let street = Street::start();
    // Half of what a component has on a link.
    let mut stalled = vec![street.stall("192.0.2.2", 168)];
    let refused = eventually(|| {
        let text = street.ask("192.0.2.2");
        if text.starts_with("HTTP/1.1 503 ") {
            return Ok(text);
        }
        // One that waits may have been refused because of this one.
        stalled.push(street.stall("192.0.2.2", 1));
        bail!("{text}")
    })
    .unwrap();
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    assert!(refused.ends_with("the component takes no more requests at present"), "{refused}");
    let other = street.ask("192.0.2.3");
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
    for mut curl in stalled {
        curl.kill().unwrap();
        curl.wait().unwrap();
    }
    street.is_answered("192.0.2.2").unwrap();
}
