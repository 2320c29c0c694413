//! The answer to a request to a component.

use node_core::http::HeadWriter;

use crate::exchange::Exchange;
use crate::state::ExchangeError;

/// Reads the request's body and sends the response.
pub struct Answer<'e, 'd> {
    exchange: &'e mut Exchange<'d>,
    /// Bytes of the body that arrived with the head.
    early: &'e [u8],
    begun: bool,
}

impl<'e, 'd> Answer<'e, 'd> {
    pub(crate) const fn new(exchange: &'e mut Exchange<'d>, early: &'e [u8]) -> Self {
        Self { exchange, early, begun: false }
    }

    /// Whether the head of the response was sent.
    #[must_use]
    pub const fn is_begun(&self) -> bool {
        self.begun
    }

    /// Waits for bytes of the request's body and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// The exchange ended early.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        if self.early.is_empty() {
            return self.exchange.read(buffer).await;
        }
        let count = self.early.len().min(buffer.len());
        let (now, later) = self.early.split_at(count);
        buffer.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        self.early = later;
        Ok(count)
    }

    /// Begins the response. Its head may take [`RESPONSE_HEAD`](crate::sizes::RESPONSE_HEAD) bytes.
    ///
    /// # Errors
    /// The head is too long or malformed, or the exchange ended early.
    pub async fn begin(&mut self, status: u16, fields: &[(&str, &[u8])]) -> Result<(), ExchangeError> {
        self.exchange
            .write_head(|buffer| {
                let mut head = HeadWriter::response(buffer, status, reason(status))?;
                fields.iter().try_for_each(|(name, value)| head.field(name, value))?;
                head.finish()
            })
            .await?;
        self.begun = true;
        Ok(())
    }

    /// Sends bytes of the response's body, as fast as the caller gives credit for them.
    ///
    /// # Errors
    /// The exchange ended early.
    pub async fn write(&mut self, body: &[u8]) -> Result<(), ExchangeError> {
        self.exchange.write(body).await
    }

    /// Sends a whole response.
    ///
    /// # Errors
    /// The exchange ended early.
    pub async fn send(&mut self, status: u16, content_type: &str, body: &[u8]) -> Result<(), ExchangeError> {
        let mut digits = itoa::Buffer::new();
        let length = digits.format(body.len()).as_bytes();
        self.begin(status, &[("content-type", content_type.as_bytes()), ("content-length", length)]).await?;
        self.write(body).await
    }
}

/// The usual reason phrase of a status.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        508 => "Loop Detected",
        _ => "",
    }
}
