//! The log of this node for its peers.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use node_core::rpc::{Code, LogRequest, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::link::{Accepted, Inbound, Outbound};
use crate::log::{Reader, Ring};
use crate::rpc::{collect, encode, refusal};

/// Readers at the same time.
const MAX_STREAMS: usize = 32;
/// How long a request may take to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a peer may take nothing.
const STALLED: Duration = Duration::from_secs(60);

/// Shows peers the log.
pub(super) struct Logs {
    ring: Arc<Ring>,
    room: Semaphore,
}

impl Logs {
    pub(super) fn new(ring: Arc<Ring>) -> Self {
        Self { ring, room: Semaphore::new(MAX_STREAMS) }
    }

    /// Answers one exchange. A peer that does not keep up loses lines.
    pub(super) async fn serve(&self, accepted: Accepted) {
        let Accepted { inbound, outbound, .. } = accepted;
        let (_place, request) = match self.admit(inbound).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let _ = timeout(STALLED, outbound.finish_with(refusal.into())).await;
                return;
            }
        };
        self.send(request, outbound).await;
    }

    /// Reads the request and takes a place.
    async fn admit(
        &self,
        mut inbound: Inbound,
    ) -> Result<(tokio::sync::SemaphorePermit<'_>, LogRequest), Vec<u8>> {
        let busy = |_| refusal(Code::Refused, "as many readers of its log as a node has are there already");
        let place = self.room.try_acquire().map_err(busy)?;
        let unreadable = || refusal(Code::BadRequest, "this is no request for a log");
        let body = timeout(REQUEST_TIME, collect(&mut inbound)).await;
        let Ok(Ok(Some(body))) = body else { return Err(unreadable()) };
        Ok((place, postcard::from_bytes(&body).map_err(|_| unreadable())?))
    }

    async fn send(&self, request: LogRequest, mut outbound: Outbound) {
        let mut reader = Reader::new(Arc::clone(&self.ring), request);
        let mut items = Bytes::from(encode(&Response::Ok(())));
        loop {
            // What is left of the exchange is reset.
            if !matches!(timeout(STALLED, outbound.send(items)).await, Ok(Ok(()))) {
                return;
            }
            items = tokio::select! {
                next = reader.next() => match next {
                    Some(items) => items.into(),
                    None => break,
                },
                () = outbound.closed() => return,
            };
        }
        let _ = timeout(STALLED, outbound.finish()).await;
    }
}
