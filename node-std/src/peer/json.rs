//! JSON-RPC between nodes: what an operator asks of this node through another one.

use core::time::Duration;
use std::sync::Arc;

use node_core::rpc::Code;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::api::{Api, Remote};
use crate::link::Accepted;
use crate::rpc::{Failure, answer};

/// Answers at once: each holds its whole text until the peer took it.
const MAX_ANSWERS: usize = 4;
/// How long an answer may take, its way to the peer included.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Answers peers.
pub(super) struct Json<R> {
    api: Arc<Api<R>>,
    room: Semaphore,
}

impl<R: Remote> Json<R> {
    pub(super) fn new(api: Arc<Api<R>>) -> Self {
        Self { api, room: Semaphore::new(MAX_ANSWERS) }
    }

    /// Answers one exchange.
    pub(super) async fn serve(&self, accepted: Accepted) {
        let answered = async {
            // It is never closed.
            let _permit = self.room.acquire().await;
            answer(accepted, |request| async move {
                let text = self.api.answer_peer(&request).await;
                text.map(Into::into).ok_or_else(|| {
                    Failure::new(Code::BadRequest, "a request in JSON-RPC with an id is needed")
                })
            })
            .await;
        };
        // What is left of the exchange is reset.
        let _ = timeout(ANSWER_TIME, answered).await;
    }
}
