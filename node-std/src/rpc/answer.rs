//! Answers a method that takes time, in a task of its own.

use bytes::{Bytes, BytesMut};
use node_core::link::ResetCode;
use node_core::rpc::{Code, MAX_BODY, Response};

use super::response::{encode, refusal};
use crate::link::{Accepted, ExchangeError, Inbound};

/// Why a method failed: the error of its caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure.
    pub code: Code,
    /// For people: what went wrong and what to do. What exceeds 256 bytes is cut off.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The response that says so.
    fn response(&self) -> Vec<u8> {
        refusal(self.code, self.message.get(..self.message.floor_char_boundary(256)).unwrap_or_default())
    }
}

/// Reads the whole request, and sends what `method` makes of it. When the caller resets the exchange, its time is over or its link
/// breaks, the method is dropped wherever it waits (R-034a, R-036).
pub(crate) async fn answer<F: Future<Output = Result<Bytes, Failure>>>(
    accepted: Accepted,
    method: impl FnOnce(Bytes) -> F,
) {
    let Accepted { mut inbound, outbound, .. } = accepted;
    let work = async {
        match collect(&mut inbound).await {
            Ok(Some(request)) => Ok(method(request).await),
            Ok(None) => Ok(Err(Failure::new(
                Code::BadRequest,
                format!("the request is longer than {MAX_BODY} bytes"),
            ))),
            Err(error) => Err(error),
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = outbound.closed() => return,
    };
    // The caller may be gone by now.
    let _ = match done {
        Ok(Ok(result)) => {
            let mut response = BytesMut::from(&encode(&Response::Ok(()))[..]);
            response.extend_from_slice(&result);
            outbound.finish_with(response.freeze()).await
        }
        Ok(Err(failure)) => outbound.finish_with(failure.response().into()).await,
        Err(_) => {
            outbound.reset(ResetCode::Cancelled);
            Ok(())
        }
    };
}

/// A whole request, `None` if it is longer than [`MAX_BODY`].
pub(crate) async fn collect(inbound: &mut Inbound) -> Result<Option<Bytes>, ExchangeError> {
    let mut request = BytesMut::new();
    while let Some(part) = inbound.next().await? {
        if request.len() + part.len() > MAX_BODY {
            return Ok(None);
        }
        request.extend_from_slice(&part);
    }
    Ok(Some(request.freeze()))
}
