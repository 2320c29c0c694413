//! What the firmware brings: components that answer HTTP requests, and methods of its own.

use core::future::Future;

use node_core::http::{HeadWriter, RequestHead, find};
use node_core::rpc::Code;

use crate::digits::decimal;
use crate::exchange::Exchange;
use crate::rpc::Reply;
use crate::table::ExchangeError;

/// The firmware's part of a node. `()` is a node that offers nothing.
///
/// Its methods run inside the [`Runner`](crate::Runner), up to [`WORKERS`](crate::sizes::WORKERS) at once: one that
/// computes for long without waiting holds up everything else. A future is dropped when its exchange ends early: the
/// caller lost interest, its time ran out, or the link broke.
pub trait Application {
    /// Names of the components that this board offers, told to the cluster at start: at most 8.
    fn components(&self) -> &[&str] {
        &[]
    }

    /// Answers a request to one of the components. Returning without an answer is answered with status 500.
    ///
    /// # Errors
    /// Only those of `answer`, passed on: the exchange is over.
    fn serve(
        &self,
        request: &Request<'_>,
        answer: &mut Answer<'_, '_>,
    ) -> impl Future<Output = Result<(), ExchangeError>> {
        async {
            let _ = request;
            answer.send(404, "text/plain", b"this board offers no component\n").await
        }
    }

    /// Answers a method of the firmware's own, numbered from
    /// [`FIRST_CUSTOM`](node_core::rpc::FIRST_CUSTOM). `body` has at most [`HEAD`](crate::sizes::HEAD) bytes.
    ///
    /// # Errors
    /// Only those of `reply`, passed on: the exchange is over.
    fn call(
        &self,
        method: u16,
        body: &[u8],
        reply: &mut Reply<'_, '_>,
    ) -> impl Future<Output = Result<(), ExchangeError>> {
        async move {
            let _ = (method, body);
            reply.error(Code::UnknownMethod, "this board has no such method").await
        }
    }

    /// Most bytes of stack used so far, where the firmware measures that; part of the node's status.
    fn stack_high_water(&self) -> Option<u32> {
        None
    }
}

impl Application for () {}

/// A request to a component.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// Which component.
    pub component: &'r str,
    /// Method, target and fields.
    pub head: RequestHead<'r, 'r>,
}

impl<'r> Request<'r> {
    /// The method, as sent.
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.head.method
    }

    /// The target's path, without its query.
    #[must_use]
    pub fn path(&self) -> &'r str {
        self.head.target.split('?').next().unwrap_or_default()
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'r [u8]> {
        find(self.head.fields, name)
    }
}

/// The request's body, and the way back.
pub struct Answer<'e, 'd> {
    exchange: &'e mut Exchange<'d>,
    /// Bytes of the body that came with the head.
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

    /// Sends bytes of the response's body, as fast as the caller takes them.
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
        let mut digits = [0; 20];
        let length = decimal(body.len(), &mut digits);
        self.begin(status, &[("content-type", content_type.as_bytes()), ("content-length", length)]).await?;
        self.write(body).await
    }
}

/// The usual words for a status, for people; nothing depends on them.
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
