//! A request to a component that is sent at once, and its response.

use core::pin::pin;

use embassy_futures::select::{Either, select};

use super::call::{Call, CallError};
use super::handle::Leaf;
use super::stream::{CallHead, CallStream};
use crate::state::ExchangeError;

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
