//! The answer to a request to a component.

use node_core::http::{
    BodyLength, Field, HeadWriter, RequestHead, content_length, find, is_hop_by_hop, lists,
};

use crate::exchange::{BodyLeft, Exchange};
use crate::state::ExchangeError;

/// Reads the request's body and sends the response. Both may be longer than the board's memory, and the response may begin while
/// the request arrives.
///
/// Trailers of a request are dropped, and a board sends none. The one interim response is `100 Continue`, which the node sends by
/// itself when the component reads the body of a request that asks for it.
pub struct Answer<'e, 'd> {
    exchange: &'e Exchange<'d>,
    to_head: bool,
    /// The sender waits for an interim response before it sends the body.
    waits: bool,
    /// The rest of the request.
    request: BodyLeft,
    /// What the sender of the request did wrong.
    fault: Option<ExchangeError>,
    response: Option<Response>,
}

/// A response whose head was sent.
struct Response {
    left: BodyLeft,
    /// Its body is counted, and not sent.
    only_head: bool,
}

impl<'e, 'd> Answer<'e, 'd> {
    pub(crate) const fn new(exchange: &'e Exchange<'d>) -> Self {
        Self {
            exchange,
            to_head: false,
            waits: false,
            request: BodyLeft::UNKNOWN,
            fault: None,
            response: None,
        }
    }

    /// The request's head was read, and its body is so long.
    pub(crate) fn take_head(&mut self, head: &RequestHead<'_, '_>, body: BodyLength) {
        self.to_head = head.method == "HEAD";
        self.waits = find(head.fields, "expect").is_some_and(|expect| lists(expect, "100-continue"));
        self.request = BodyLeft::of(body);
    }

    /// Whether the head of the response was sent.
    #[must_use]
    pub const fn is_begun(&self) -> bool {
        self.response.is_some()
    }

    /// What the sender of the request did wrong: it stalls, or its body is not as long as announced.
    pub(crate) const fn fault(&self) -> Option<ExchangeError> {
        self.fault
    }

    /// Whether nothing is missing of the response.
    pub(crate) fn is_whole(&self) -> bool {
        self.response.as_ref().is_some_and(|response| response.only_head || response.left.may_end())
    }

    /// Waits for bytes of the request's body and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// The exchange ended early. [`ExchangeError::Stalled`]: nothing came for [`STALL`](crate::sizes::STALL).
    /// [`ExchangeError::BadBody`]: the body is longer or shorter than announced. When the component gives up after one of these two,
    /// the node answers with status 408 or 400 unless an answer has begun.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        if core::mem::take(&mut self.waits) && !self.is_begun() {
            self.exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let read = match self.exchange.read(buffer).await {
            Ok(0) if buffer.is_empty() || self.request.may_end() => Ok(0),
            Ok(read) if read > 0 && self.request.count(read) => Ok(read),
            Ok(_) => Err(ExchangeError::BadBody),
            Err(error) => Err(error),
        };
        self.fault = read.err();
        read
    }

    /// Begins the response, with a final status. Its head may take [`RESPONSE_HEAD`](crate::sizes::RESPONSE_HEAD) bytes.
    ///
    /// With a `content-length` among the fields, exactly so many bytes must follow; without one, the response is as long as what is
    /// [written](Self::write). An answer to `HEAD`, and one with status 204 or 304, has no body.
    ///
    /// # Errors
    /// [`ExchangeError::BadHead`]: the head is too long or malformed, it is not the first one, or it has a field that is the node's
    /// (`connection`, `transfer-encoding`, ...). Nothing was sent. Otherwise the exchange ended early.
    pub async fn begin(&mut self, status: u16, fields: &[(&str, &[u8])]) -> Result<(), ExchangeError> {
        let announced = self.check(status, fields)?;
        let without_body = matches!(status, 204 | 304);
        let left = match announced {
            _ if without_body => BodyLeft::of(BodyLength::None),
            Some(length) => BodyLeft::of(BodyLength::Known(length)),
            None => BodyLeft::UNKNOWN,
        };
        self.response = Some(Response { left, only_head: self.to_head });
        // The bytes are bare: the field only says that there is a body.
        let is_marked = announced.is_none() && !without_body && !self.to_head;
        let sent = self.exchange.write_head(|buffer| {
            let mut head = HeadWriter::response(buffer, status, reason(status))?;
            fields.iter().try_for_each(|(name, value)| head.field(name, value))?;
            if is_marked {
                head.field("transfer-encoding", b"chunked")?;
            }
            head.finish()
        });
        let sent = sent.await;
        if sent == Err(ExchangeError::BadHead) {
            self.response = None;
        }
        sent
    }

    /// Returns the length of the body that the fields announce.
    fn check(&self, status: u16, fields: &[(&str, &[u8])]) -> Result<Option<u64>, ExchangeError> {
        let mut announced = None;
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("content-length") {
                let length = content_length(&[Field { name, value }]).ok().flatten();
                let length = length.filter(|_| announced.is_none() && status != 204);
                announced = Some(length.ok_or(ExchangeError::BadHead)?);
            }
        }
        let is_refused =
            self.is_begun() || status < 200 || fields.iter().any(|(name, _)| is_hop_by_hop(name));
        if is_refused { Err(ExchangeError::BadHead) } else { Ok(announced) }
    }

    /// Sends bytes of the response's body, as fast as the caller takes them.
    ///
    /// # Errors
    /// [`ExchangeError::Misuse`]: the response has not begun, or would be longer than announced; nothing was sent.
    /// Otherwise the exchange ended early. [`ExchangeError::Stalled`]: the caller took nothing for [`STALL`](crate::sizes::STALL).
    pub async fn write(&mut self, body: &[u8]) -> Result<(), ExchangeError> {
        let response = self.response.as_mut().ok_or(ExchangeError::Misuse)?;
        if !response.left.count(body.len()) {
            return Err(ExchangeError::Misuse);
        }
        if response.only_head { Ok(()) } else { self.exchange.write(body).await }
    }

    /// Sends a whole response.
    ///
    /// # Errors
    /// As those of [`begin`](Self::begin) and [`write`](Self::write).
    pub async fn send(&mut self, status: u16, content_type: &str, body: &[u8]) -> Result<(), ExchangeError> {
        let mut digits = itoa::Buffer::new();
        let length = digits.format(body.len()).as_bytes();
        self.begin(status, &[("content-type", content_type.as_bytes()), ("content-length", length)]).await?;
        self.write(body).await
    }

    /// Says why there is no other response.
    pub(crate) async fn refuse(&mut self, status: u16, problem: &str) -> Result<(), ExchangeError> {
        self.send(status, "text/plain", problem.as_bytes()).await
    }
}

/// The usual reason phrase of a status.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        508 => "Loop Detected",
        _ => "",
    }
}
