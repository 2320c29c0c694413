//! Clients of HTTP/2 that take their time, in virtual time.

use core::future::poll_fn;
use core::time::Duration;

use bytes::Bytes;
use h2::Ping;
use h2::client::{Connection, SendRequest};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::HttpLimits;
use crate::port::connection::Version;
use crate::port::testing::port_within;
use crate::proxy::Proxy;
use crate::testing::alone;

fn connect() -> (DuplexStream, CancellationToken) {
    port_within(Proxy::new(alone(), &[]), HttpLimits::of_connections(64), Version::Http2)
}

async fn client() -> (SendRequest<Bytes>, Connection<DuplexStream>) {
    h2::client::handshake(connect().0).await.unwrap()
}

async fn ask(client: SendRequest<Bytes>) {
    let request = Request::get("http://x/_mael_ready").body(()).unwrap();
    let (response, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    while let Some(data) = body.data().await {
        let len = data.unwrap().len();
        body.flow_control().release_capacity(len).unwrap();
    }
}

/// Pings every five seconds until the connection ends. Returns the whole seconds until then.
async fn pings(mut connection: Connection<DuplexStream>) -> u64 {
    let began = Instant::now();
    let mut pings = connection.ping_pong().unwrap();
    tokio::spawn(async move {
        while pings.ping(Ping::opaque()).await.is_ok() {
            sleep(Duration::from_secs(5)).await;
        }
    });
    // The port may close it while a ping is on its way.
    let _ = connection.await;
    began.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed_whatever_pings_come() {
    let (_client, connection) = client().await;
    assert_eq!(pings(connection).await, 10, "the time for a head");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_whatever_pings_come() {
    let (client, connection) = client().await;
    let ended = tokio::spawn(pings(connection));
    ask(client.clone()).await;
    sleep(Duration::from_secs(70)).await;
    ask(client.clone()).await;
    let began = Instant::now();
    ended.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 75);
}

/// Frames without flags, for the connection as a whole.
fn frame(kind: u8) -> [u8; 9] {
    [0, 0, 0, kind, 0, 0, 0, 0, 0]
}

#[tokio::test(start_paused = true)]
async fn a_client_that_heeds_nothing_does_not_stay() {
    let (mut io, drain) = connect();
    io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    io.write_all(&frame(4)).await.unwrap();
    // The settings of the port, so that it is served.
    io.read_exact(&mut [0; 9]).await.unwrap();
    let began = Instant::now();
    drain.cancel();
    // It answers neither the pings nor GOAWAY.
    io.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_port_that_drains_answers_what_is_under_way() {
    let (io, drain) = connect();
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    let ended = tokio::spawn(connection);
    let request = Request::post("http://x/_mael/v1").body(()).unwrap();
    let (response, mut body) = client.ready().await.unwrap().send_request(request, false).unwrap();
    poll_fn(|cx| {
        body.reserve_capacity(1);
        body.poll_capacity(cx)
    })
    .await
    .unwrap()
    .unwrap();
    drain.cancel();
    sleep(Duration::from_secs(3)).await;
    body.send_data(Bytes::from_static(b"{}"), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 415);
    ended.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_refused_early_is_not_told_to_stop() {
    let (client, connection) = client().await;
    tokio::spawn(connection);
    let request = Request::post("http://x/unknown").body(()).unwrap();
    let (response, mut upload) = client.ready().await.unwrap().send_request(request, false).unwrap();
    let mut refusal = response.await.unwrap();
    assert_eq!(refusal.status(), 404);
    while refusal.body_mut().data().await.is_some() {}
    // The response is whole, and the client goes on for a while.
    let goes_on = async {
        upload.send_data(Bytes::from_static(b"more"), false)?;
        poll_fn(|cx| upload.poll_reset(cx)).await
    };
    assert!(tokio::time::timeout(Duration::from_secs(4), goes_on).await.is_err());
    poll_fn(|cx| upload.poll_reset(cx)).await.unwrap();
}
