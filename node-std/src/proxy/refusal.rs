//! Responses that this node writes itself, on any leg.

use core::future::poll_fn;
use core::pin::Pin;
use core::time::Duration;
use std::io::Write as _;

use http::Response;
use http_body::Body as _;
use node_core::http::BodyLength;
use tokio::time::{Instant, timeout_at};

use super::body::Body;
use super::error::ProxyError;
use super::leg::{Leg, LegError, Outline};
use super::reply::ERROR;

/// Longest text in a field, in characters.
const MAX_TEXT: usize = 512;

/// Who reads a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Another node, which passes it on.
    Node,
    /// A client inside the cluster.
    Inside,
    /// The world, which learns nothing of the cluster's inside.
    Outside,
}

/// Answers with an error. `is_head` says that the request was one for the head alone.
pub(crate) async fn refuse<L: Leg>(
    leg: &mut L,
    error: &ProxyError,
    reader: Reader,
    is_head: bool,
) -> Result<(), LegError> {
    leg.skip_rest();
    let status = error.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let text = if reader == Reader::Outside { error.outside() } else { error.to_string() };
    let mut head = Vec::new();
    // Memory takes everything.
    let _ =
        write!(head, "HTTP/1.1 {} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\n", status.as_u16());
    if status == http::StatusCode::SERVICE_UNAVAILABLE {
        head.extend_from_slice(b"retry-after: 1\r\n");
    }
    if reader == Reader::Node {
        let line: String =
            text.chars().take(MAX_TEXT).map(|c| if c.is_ascii_graphic() { c } else { ' ' }).collect();
        let _ = write!(head, "{ERROR}: {} {line}\r\n", error.code());
    }
    let length = text.len() as u64;
    if is_head {
        leg.begin(&head, Outline { body: BodyLength::None, announced: Some(length) });
        poll_fn(|cx| leg.poll_end(cx, &[])).await?;
    } else {
        leg.begin(&head, Outline::of(BodyLength::Known(length)));
        send(leg, text.as_bytes(), true).await?;
    }
    poll_fn(|cx| leg.poll_flush(cx)).await
}

/// Answers with a response that this node made. The client may take `write` for it, or for each piece of a body that goes on.
pub(crate) async fn respond<L: Leg>(
    leg: &mut L,
    response: Response<Body>,
    is_head: bool,
    write: Duration,
) -> Result<(), LegError> {
    leg.skip_rest();
    let (parts, mut body) = response.into_parts();
    let mut head = Vec::new();
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let _ = write!(head, "HTTP/1.1 {} {reason}\r\n", parts.status.as_u16());
    for (name, value) in &parts.headers {
        super::request::put(&mut head, name.as_str(), value.as_bytes());
    }
    let exact = body.size_hint().exact();
    let bodyless = is_head || parts.status == http::StatusCode::NO_CONTENT;
    let length = match exact {
        _ if bodyless => BodyLength::None,
        Some(length) => BodyLength::Known(length),
        None => BodyLength::Chunked,
    };
    leg.begin(&head, Outline { body: length, announced: exact.filter(|_| is_head) });
    let mut until = Instant::now() + write;
    let late = |_| LegError::Closed;
    if !bodyless {
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(frame) = frame;
            if exact.is_none() {
                until = Instant::now() + write;
            }
            if let Ok(data) = frame.into_data() {
                let last = body.is_end_stream() && exact.is_some();
                timeout_at(until, send(leg, &data, last)).await.map_err(late)??;
                timeout_at(until, poll_fn(|cx| leg.poll_flush(cx))).await.map_err(late)??;
            }
        }
    }
    if exact.is_none() {
        until = Instant::now() + write;
    }
    if bodyless || exact.is_none() || exact == Some(0) {
        timeout_at(until, poll_fn(|cx| leg.poll_end(cx, &[]))).await.map_err(late)??;
    }
    timeout_at(until, poll_fn(|cx| leg.poll_flush(cx))).await.map_err(late)?
}

async fn send<L: Leg>(leg: &mut L, data: &[u8], last: bool) -> Result<(), LegError> {
    let mut rest = data;
    while !rest.is_empty() {
        let taken = poll_fn(|cx| leg.poll_send(cx, rest, last)).await?;
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::AsyncReadExt as _;
    use tokio::time::sleep;

    use super::*;
    use crate::proxy::Http1;

    const WRITE: Duration = Duration::from_secs(310);

    #[tokio::test(start_paused = true)]
    async fn a_body_that_goes_on_does_so_for_as_long_as_it_is_read() {
        let (mut near, far) = tokio::io::duplex(1024);
        let (pieces, body) = Body::pieces();
        let served = tokio::spawn(async move {
            let mut leg = Http1::new(far);
            respond(&mut leg, Response::new(body), false, WRITE).await
        });
        let mut seen = vec![0; 1024];
        for _ in 0..30 {
            sleep(Duration::from_secs(300)).await;
            pieces.send(Bytes::from_static(b"{}\r\n")).await.unwrap();
            assert_ne!(near.read(&mut seen).await.unwrap(), 0);
        }
        // It is read no more.
        let began = Instant::now();
        while pieces.send(Bytes::from_static(&[b'x'; 8192])).await.is_ok() {}
        served.await.unwrap().unwrap_err();
        assert_eq!(began.elapsed(), WRITE);
    }
}
