//! The answer to a method.

use core::fmt::{Display, Write as _};

use node_core::rpc::{Code, Response, RpcError};
use serde::Serialize;

use crate::exchange::Exchange;
use crate::state::ExchangeError;

/// Longest item of a response: a slot of a keyring with the longest name.
const ITEM: usize = 256;
/// Longest message of an error.
const MESSAGE: usize = 256;

/// Answers the caller of a method.
pub struct Reply<'e, 'd> {
    exchange: &'e mut Exchange<'d>,
}

impl<'e, 'd> Reply<'e, 'd> {
    pub(crate) const fn new(exchange: &'e mut Exchange<'d>) -> Self {
        Self { exchange }
    }

    /// The exchange to read the body from, and to send parts of the result on that are encoded already.
    pub(crate) const fn exchange(&mut self) -> &mut Exchange<'d> {
        self.exchange
    }

    /// Sends the method's result, in at most 256 bytes. When a method returns several items, the result is `()` and each
    /// [item](Self::item) follows.
    ///
    /// # Errors
    /// The exchange ended early.
    pub async fn ok(&mut self, result: &impl Serialize) -> Result<(), ExchangeError> {
        let response: Response<'_, &_> = Ok(result);
        self.item(&response).await
    }

    /// Sends one of several items, in at most 256 bytes.
    ///
    /// # Errors
    /// The exchange ended early.
    pub async fn item(&mut self, item: &impl Serialize) -> Result<(), ExchangeError> {
        let mut buffer = [0; ITEM];
        let bytes = postcard::to_slice(item, &mut buffer).map_err(|_| ExchangeError::BadHead)?;
        self.exchange.write(bytes).await
    }

    /// Sends an error with a message for people, in at most 256 bytes.
    ///
    /// # Errors
    /// The exchange ended early.
    pub async fn error(&mut self, code: Code, message: impl Display) -> Result<(), ExchangeError> {
        let mut buffer = [0; MESSAGE + 8];
        let bytes = encode_error(code, &message, &mut buffer)?;
        self.exchange.write(bytes).await
    }
}

fn encode_error<'b>(
    code: Code,
    message: &dyn Display,
    buffer: &'b mut [u8; MESSAGE + 8],
) -> Result<&'b [u8], ExchangeError> {
    let mut text = heapless::String::<MESSAGE>::new();
    // A longer message is truncated.
    let _ = write!(text, "{message}");
    let response: Response<'_, ()> = Err(RpcError { code, message: &text });
    let bytes = postcard::to_slice(&response, buffer).map_err(|_| ExchangeError::BadHead)?;
    Ok(bytes)
}
