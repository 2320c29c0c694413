//! The log of this node for its peers.

use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use node_core::link::ResetCode;
use node_core::rpc::{Code, LOG_STREAM_S, LogItem, LogRequest, Response};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::link::{Accepted, Outbound};
use crate::log::{Reader, Ring};
use crate::rpc::{collect, encode, refusal};

/// Readers at the same time.
const MAX_STREAMS: usize = 32;
/// How long a request may take to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a peer may take nothing.
const STALLED: Duration = Duration::from_secs(60);

/// Shows peers the log.
pub struct Logs {
    ring: Arc<Ring>,
    drain: CancellationToken,
    room: Semaphore,
}

impl Logs {
    /// Shows the log in `ring`, until `drain` is cancelled.
    #[must_use]
    pub fn new(ring: Arc<Ring>, drain: CancellationToken) -> Self {
        Self { ring, drain, room: Semaphore::new(MAX_STREAMS) }
    }

    /// Answers one exchange. A peer that does not keep up loses lines.
    pub(super) async fn serve(&self, accepted: Accepted) {
        let Accepted { mut inbound, outbound, .. } = accepted;
        let Ok(_place) = self.room.try_acquire() else { return outbound.reset(ResetCode::Full) };
        let body = timeout(REQUEST_TIME, collect(&mut inbound)).await;
        let body = body.ok().and_then(Result::ok).flatten();
        match body.and_then(|body| postcard::from_bytes(&body).ok()) {
            Some(request) => self.send(request, outbound).await,
            None => {
                let refusal = refusal(Code::BadRequest, "this is no request for a log");
                let _ = timeout(STALLED, outbound.finish_with(refusal.into())).await;
            }
        }
    }

    async fn send(&self, request: LogRequest, mut outbound: Outbound) {
        let mut reader = Reader::new(Arc::clone(&self.ring), request);
        let mut over = pin!(sleep(Duration::from_secs(LOG_STREAM_S.into())));
        let mut items = Bytes::from(encode(&Response::Ok(())));
        loop {
            // What is left of the exchange is reset.
            if !matches!(timeout(STALLED, outbound.send(items)).await, Ok(Ok(()))) {
                return;
            }
            let next = tokio::select! {
                next = reader.next() => next,
                () = &mut over => None,
                () = self.drain.cancelled() => None,
                () = outbound.closed() => return,
            };
            let Some(next) = next else { break };
            items = next.into();
        }
        let until = LogItem::Until(reader.position());
        let last = if request.follow { encode(&until) } else { Vec::new() };
        let _ = timeout(STALLED, outbound.finish_with(last.into())).await;
    }
}
