//! Answers one request, on any leg.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use node_core::http::{BodyLength, Connection, RequestHead, Version, find, lists, request_length};
use tokio::time::Instant;

use super::service::{Service, Taken};
use crate::proxy::{
    Arrived, Body, Leg, LegError, Outcome, ProxyError, Sender, Slots, Timers, absolute, refuse,
    refuse_connect, respond,
};

/// How long a client may take to read the rest of a response that broke off.
const LAST: Duration = Duration::from_secs(5);
/// Bytes of a request's body that are held before an exchange is taken for it.
const HELD: usize = 16 * 1024;
/// How long a client may take to send it.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request whose head was read and consumed.
#[derive(Debug)]
pub(super) struct Asked {
    taken: Result<Taken, ProxyError>,
    /// For this node's own answer.
    own: Option<http::Request<()>>,
    body: BodyLength,
    is_head: bool,
    /// The client waits until it is told to send the body.
    waits: bool,
    pub(super) version: Version,
    /// The connection goes on after the response.
    pub(super) persists: bool,
}

/// Reads a head from what is here. `None` when more of it must arrive first.
///
/// # Errors
/// What the client sent is no request, or cannot be told from the next one.
pub(super) fn read<S: Service>(leg: &mut impl Leg, service: &S) -> Result<Option<Asked>, ProxyError> {
    let limits = service.limits();
    let bytes = leg.bytes();
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut slots = Slots::of(bytes, limits.header_count);
    let parsed = RequestHead::parse_any(bytes, slots.get()).map_err(|error| match error {
        node_core::http::HeadError::TooManyFields => ProxyError::TooManyFields { limit: limits.header_count },
        error => ProxyError::BadRequest(format!("bad request: {error}")),
    })?;
    let limit = limits.head_bytes;
    let Some(head) = parsed.filter(|head| head.len <= limit) else {
        let is_too_long = parsed.is_some() || bytes.len() > limit;
        return if is_too_long { Err(ProxyError::HeadTooLarge { limit }) } else { Ok(None) };
    };
    let carried = leg.carried(head.len);
    let connection = Connection::of(head.fields);
    // Before anything else: after a body whose end is not certain no further request can be read.
    let framed = request_length(head.version, head.fields)?;
    // Its target is no path, so it is refused before a component is looked for.
    let taken = refuse_connect(&head).and_then(|()| service.take(&head, carried));
    let own = if matches!(taken, Ok(Taken::Own)) { Some(own_request(&head)?) } else { None };
    let body = match (&taken, framed) {
        (Ok(Taken::Forward(request)), _) => request.body,
        (_, BodyLength::None) if carried.ends_itself() => BodyLength::UntilClose,
        (_, framed) => framed,
    };
    let expect = find(head.fields, "expect");
    let asked = Asked {
        own,
        body,
        is_head: head.method == "HEAD",
        waits: expect.is_some_and(|expect| lists(expect, "100-continue")) && head.version == Version::Http11,
        version: head.version,
        persists: !connection.close && (head.version == Version::Http11 || connection.keep_alive),
        taken,
    };
    let len = head.len;
    leg.consume(len);
    leg.expect(asked.body);
    Ok(Some(asked))
}

/// Answers a request. Returns whether the whole of it was read.
///
/// # Errors
/// The client is gone, or the connection must close for it to see that the response is not whole.
pub(super) async fn answer<S: Service>(
    leg: &mut impl Leg,
    service: &S,
    asked: Asked,
    timers: &mut Timers,
) -> Result<bool, LegError> {
    let Asked { taken, own, is_head, waits, .. } = asked;
    let write = service.limits().timeouts.write;
    timers.begin();
    match taken {
        Ok(Taken::Forward(request)) => {
            let most = service.limits().body_bytes.unwrap_or(u64::MAX);
            timers.alarm.set(request.deadline);
            if !waits && !request.upgrades && !hold(leg, timers).await? {
                return tell(leg, service, &ProxyError::Stalled, is_head).await.map(|()| false);
            }
            let sender = Sender { arrival: Some(service.arrival()), most, timers };
            match service.proxy().forward(leg, &request, sender).await {
                Outcome::Answered { request_sent } => Ok(request_sent),
                Outcome::Refused(error) => tell(leg, service, &error, is_head).await.map(|()| false),
                Outcome::Broken => {
                    // What arrived is passed on, as far as the client takes it.
                    let _ = tokio::time::timeout(LAST, poll_fn(|cx| leg.poll_flush(cx))).await;
                    leg.abort();
                    Err(LegError::Closed)
                }
                Outcome::Gone => Err(LegError::Closed),
            }
        }
        Ok(Taken::Done(response)) => Box::pin(respond(leg, response, is_head, write)).await.map(|()| false),
        Ok(Taken::Own) => {
            let own = Own { request: own.unwrap_or_default(), is_head, waits };
            Box::pin(answer_own(leg, service, own, timers)).await
        }
        Err(error) => tell(leg, service, &error, is_head).await.map(|()| false),
    }
}

/// A request that this node answers itself.
struct Own {
    request: http::Request<()>,
    is_head: bool,
    waits: bool,
}

async fn answer_own<S: Service>(
    leg: &mut impl Leg,
    service: &S,
    own: Own,
    timers: &mut Timers,
) -> Result<bool, LegError> {
    let Own { request, is_head, waits } = own;
    timers.alarm.set(Instant::now() + BODY_TIMEOUT);
    if waits {
        leg.begin(b"HTTP/1.1 100 Continue\r\n", crate::proxy::Outline::of(BodyLength::None));
        poll_fn(|cx| leg.poll_flush(cx)).await?;
    }
    let body = match collect(leg, S::OWN_BODY, timers).await? {
        Ok(body) => body,
        Err(error) => return tell(leg, service, &error, is_head).await.map(|()| false),
    };
    timers.alarm.clear();
    let response = service.answer(request.map(|()| Body::from(body.freeze()))).await;
    respond(leg, response, is_head, service.limits().timeouts.write).await.map(|()| true)
}

/// Tells the client why its request is refused.
pub(super) async fn tell<S: Service>(
    leg: &mut impl Leg,
    service: &S,
    error: &ProxyError,
    is_head: bool,
) -> Result<(), LegError> {
    // A client that does not read it gives its place back.
    let sending = Box::pin(refuse(leg, error, service.reader(), is_head));
    tokio::time::timeout(service.limits().timeouts.write, sending).await.unwrap_or(Err(LegError::Closed))
}

/// Waits until the body is here, or much of it: a client that sends slowly holds no more than its connection. A body in chunks
/// may be a conversation, whose next chunk waits for an answer. Returns whether the client is fast enough.
async fn hold(leg: &mut impl Leg, timers: &mut Timers) -> Result<bool, LegError> {
    let mut held = leg.bytes().len();
    while !leg.is_whole() && !leg.is_conversation() && held < HELD {
        let more = poll_fn(|cx| match leg.poll_more(cx) {
            Poll::Ready(more) => Poll::Ready(Some(more)),
            Poll::Pending if timers.awaits_request(cx) || timers.alarm.poll(cx).is_ready() => {
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        });
        match more.await {
            Some(Ok(true)) => timers.received.moved(leg.bytes().len() - held),
            Some(Ok(false)) => return Err(LegError::Closed),
            Some(Err(error)) => return Err(error),
            None => return Ok(false),
        }
        held = leg.bytes().len();
    }
    Ok(true)
}

/// Collects the body of a request to this node.
async fn collect(
    leg: &mut impl Leg,
    most: usize,
    timers: &mut Timers,
) -> Result<Result<BytesMut, ProxyError>, LegError> {
    let mut body = BytesMut::new();
    loop {
        let arrived = poll_fn(|cx| match leg.poll_body(cx) {
            Poll::Ready(arrived) => Poll::Ready(Some(arrived)),
            Poll::Pending if timers.awaits_request(cx) || timers.alarm.poll(cx).is_ready() => {
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        });
        let Some(arrived) = arrived.await else { return Ok(Err(ProxyError::Stalled)) };
        match arrived {
            Err(error @ LegError::Chunk(_)) => return Ok(Err(error.into())),
            arrived => match arrived? {
                Arrived::End => return Ok(Ok(body)),
                Arrived::Data { len, .. } if body.len() + len > most => {
                    return Ok(Err(ProxyError::TooLarge { limit: most as u64 }));
                }
                Arrived::Data { len, .. } => {
                    timers.received.moved(len);
                    body.extend_from_slice(leg.bytes().get(..len).unwrap_or_default());
                    leg.consume(len);
                }
            },
        }
    }
}

/// The head of a request that this node answers itself.
fn own_request(head: &RequestHead<'_, '_>) -> Result<http::Request<()>, ProxyError> {
    let bad = || ProxyError::BadRequest("the request cannot be read".to_owned());
    let mut request = http::Request::new(());
    *request.method_mut() = Method::from_bytes(head.method.as_bytes()).map_err(|_| bad())?;
    *request.uri_mut() = Uri::try_from(absolute(head.target).0).map_err(|_| bad())?;
    let mut headers = HeaderMap::with_capacity(head.fields.len());
    for field in head.fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| bad())?;
        headers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| bad())?);
    }
    *request.headers_mut() = headers;
    Ok(request)
}
