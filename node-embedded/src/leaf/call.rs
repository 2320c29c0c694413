//! This board's own requests to components anywhere in the cluster.

use core::pin::pin;

use embassy_futures::select::{Either, select};
use embassy_time::Duration;
use node_core::rpc::Code;
use thiserror::Error;

use super::handle::Leaf;
use super::stream::{CallHead, CallStream};
use crate::state::ExchangeError;

/// A request to a component.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    /// The component's name.
    pub component: &'c str,
    /// The method, usually `GET` or `POST`.
    pub method: &'c str,
    /// The target, usually `/path?query`.
    pub target: &'c str,
    /// Further header fields. The node adds the length of the body.
    pub fields: &'c [(&'c str, &'c [u8])],
    /// The whole body; see [`Leaf::open`] for one that is sent piece by piece.
    pub body: &'c [u8],
    /// The most time that it may take in all, a wait for a link included.
    pub timeout: Duration,
}

impl<'c> Call<'c> {
    /// A `GET` that may take 10 seconds.
    #[must_use]
    pub const fn get(component: &'c str, target: &'c str) -> Self {
        let timeout = Duration::from_secs(10);
        Self { component, method: "GET", target, fields: &[], body: &[], timeout }
    }

    /// A `POST` that may take 10 seconds.
    #[must_use]
    pub const fn post(component: &'c str, target: &'c str, body: &'c [u8]) -> Self {
        Self { method: "POST", body, ..Self::get(component, target) }
    }
}

impl<'d> Leaf<'d> {
    /// Sends a request and waits for the head of its response. `buffer` first holds the head of the request, and then
    /// that of the response, as long as the response lives.
    ///
    /// The request waits while a link is being replaced, or while all exchanges are taken. A response that begins before the
    /// request was sent ends the request if its status is not a success. For a component that sends a long response while it
    /// reads, use [`open`](Self::open).
    ///
    /// # Errors
    /// [`CallError`]: no response. [`CallError::NoLink`] and [`CallError::BadRequest`] mean that the request was not
    /// sent; any other error leaves its outcome unknown.
    pub async fn call<'b>(
        &self,
        call: &Call<'_>,
        buffer: &'b mut [u8],
    ) -> Result<CallResponse<'d, 'b>, CallError> {
        let stream = self.begin(call, Some(call.body.len() as u64), buffer).await?;
        let head = {
            let mut send = pin!(async {
                stream.write(call.body).await?;
                stream.finish().await
            });
            let mut receive = pin!(stream.response(buffer));
            match select(send.as_mut(), receive.as_mut()).await {
                // When the rest of the request is not wanted, the response says why, if there is one.
                Either::First(_) => receive.await?,
                Either::Second(head) => {
                    let head = head?;
                    if head.status() < 300 {
                        match send.await {
                            Ok(()) | Err(ExchangeError::Answered) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                    head
                }
            }
        };
        Ok(CallResponse { head, stream })
    }
}

/// A response whose head has arrived. When it is dropped before its end, the rest is not sent.
pub struct CallResponse<'d, 'b> {
    head: CallHead<'b>,
    stream: CallStream<'d>,
}

impl<'b> CallResponse<'_, 'b> {
    /// The status, 200 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.head.status()
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        self.head.field(name)
    }

    /// Waits for bytes of the body and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// The exchange ended early, or the body is not as long as its head says.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        self.stream.read(buffer).await
    }
}

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The other node answered with an error of this kind.
    #[error("the other node answered with an error: {0:?}")]
    Answered(Code),
    /// The request's head is too long, or has parts that do not belong there. Nothing was sent.
    #[error("the request's headers are too long or malformed")]
    BadRequest,
    /// The response, or its head, is malformed, or longer than the buffer.
    #[error("the response is malformed, or longer than the buffer")]
    BadResponse,
    /// The exchange ended early.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// No link took it in time. Nothing was sent.
    #[error("no hub took the request in time")]
    NoLink,
}
