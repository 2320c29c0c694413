//! HTTP requests through the gateway of one node to a component behind another, and directly to that component for
//! comparison.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;
use tokio::net::TcpStream;

use crate::report::{Rate, Stopwatch, Times};

const NAMES: [&str; 2] = ["gateway", "owner"];
const BODY: &[u8] = &[b'x'; 128];

/// Measures 1, 16 and 128 connections, each for `time`.
///
/// # Errors
///
/// A daemon does not start, or a request fails.
pub fn measure(time: Duration) -> Result<Vec<Rate>> {
    let component = Component::start("echo")?;
    let keys = TlsDir::generate(Algorithm::P256)?;
    let cluster = Cluster::tls(&NAMES, &keys, |setup| {
        if setup.name() == NAMES[1] { setup.component("echo", &component.url()) } else { setup }
    })?;
    let [gateway, _] = &cluster.nodes[..] else { unreachable!("two names") };
    let through = Target { addr: addr(&gateway.gateway())?, path: "/echo/echo" };
    eventually(|| {
        let answer = Curl::get(&format!("{}{}", gateway.gateway(), through.path)).send()?;
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(())
    })?;
    let straight = Target { addr: addr(&component.url())?, path: "/echo" };
    let pids: Vec<_> = cluster.nodes.iter().map(|node| node.pid()).collect();
    let mut rates = Vec::new();
    for (what, target) in [
        ("128-byte POST: gateway, mutual-TLS link, component", through),
        ("128-byte POST: directly to the component", straight),
    ] {
        for connections in [1, 16, 128] {
            let (count, times) = load(target, connections, time, &pids)?;
            rates.push(Rate::new(what, connections, count, times));
        }
    }
    Ok(rates)
}

/// The target of requests.
#[derive(Clone, Copy)]
struct Target {
    addr: SocketAddr,
    path: &'static str,
}

fn addr(url: &str) -> Result<SocketAddr> {
    Ok(url.strip_prefix("http://").context("http")?.parse()?)
}

fn load(target: Target, connections: usize, time: Duration, pids: &[u32]) -> Result<(u64, Times)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(connect(target.addr).await?);
        }
        let stopwatch = Stopwatch::start(pids)?;
        let end = stopwatch.started() + time;
        let tasks = clients.into_iter().map(|client| tokio::spawn(ask_until(client, target, end)));
        let mut count = 0;
        for task in tasks.collect::<Vec<_>>() {
            count += task.await??;
        }
        Ok((count, stopwatch.stop(pids)?))
    })
}

async fn connect(addr: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (client, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn ask_until(mut client: SendRequest<Full<Bytes>>, target: Target, end: Instant) -> Result<u64> {
    let mut count = 0;
    while Instant::now() < end {
        let request = Request::builder().method(Method::POST).uri(target.path).header(HOST, "bench");
        let request = request.body(Full::new(Bytes::from_static(BODY)))?;
        client.ready().await?;
        let response = client.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success() && body == BODY, "{status}: {}", String::from_utf8_lossy(&body));
        count += 1;
    }
    Ok(count)
}
