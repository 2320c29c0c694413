//! A request to a component whose body is sent piece by piece, and its response.

use core::cell::Cell;

use node_core::http::{
    BodyLength, EncodeError, HeadWriter, NO_FIELD, ResponseHead, find, is_hop_by_hop, response_length,
};
use node_core::link::Service;
use node_core::route;

use super::call::{Call, CallError};
use super::handle::Leaf;
use super::open::begin;
use crate::exchange::{Beginning, BodyLeft, Exchange};
use crate::sizes::FIELDS;
use crate::state::ExchangeError;

impl<'d> Leaf<'d> {
    /// Sends the head of a request, whose body is then [written](CallStream::write): `length` bytes, or as many as there are.
    /// `call.body` is empty. `buffer` holds the head while it is sent.
    ///
    /// The request waits while a link is being replaced, or while all exchanges are taken.
    ///
    /// # Errors
    /// [`CallError::NoLink`] and [`CallError::BadRequest`]: nothing was sent. Otherwise the exchange ended early.
    pub async fn open(
        &self,
        call: &Call<'_>,
        length: Option<u64>,
        buffer: &mut [u8],
    ) -> Result<CallStream<'d>, CallError> {
        if call.body.is_empty() { self.begin(call, length, buffer).await } else { Err(CallError::BadRequest) }
    }

    /// Sends the head of a request.
    pub(super) async fn begin(
        &self,
        call: &Call<'_>,
        length: Option<u64>,
        buffer: &mut [u8],
    ) -> Result<CallStream<'d>, CallError> {
        let written = write_request(call, length, buffer)?;
        let head = buffer.get(..written).unwrap_or_default();
        #[cfg(feature = "accept")]
        let to = self.state.with(|core| core.chosen(call.component));
        #[cfg(not(feature = "accept"))]
        let to = None;
        let beginning = Beginning { to, service: Service::Http, head, end: length == Some(0) };
        let exchange = begin(self.state, beginning, call.timeout).await?;
        let request =
            Cell::new(length.map_or(BodyLeft::UNKNOWN, |length| BodyLeft::of(BodyLength::Known(length))));
        Ok(CallStream { exchange, is_head: call.method == "HEAD", request, response: Cell::new(None) })
    }
}

/// A request under way and its response. When it is dropped before both have ended, it is cancelled.
///
/// A component may answer while it reads. So write and read at the same time if both bodies are long, for example in the two
/// futures of a `join`, which must be of one task.
pub struct CallStream<'d> {
    exchange: Exchange<'d>,
    is_head: bool,
    /// The rest of the request.
    request: Cell<BodyLeft>,
    /// The rest of the response, once its head has arrived.
    response: Cell<Option<BodyLeft>>,
}

impl CallStream<'_> {
    /// Sends bytes of the request's body, as fast as the component takes them.
    ///
    /// # Errors
    /// [`ExchangeError::Misuse`]: the body would be longer than announced; nothing was sent.
    /// [`ExchangeError::Answered`]: the whole response has arrived, and the rest of the request is not wanted.
    /// Otherwise the exchange ended early.
    pub async fn write(&self, body: &[u8]) -> Result<(), ExchangeError> {
        let mut left = self.request.get();
        if !left.count(body.len()) {
            return Err(ExchangeError::Misuse);
        }
        self.request.set(left);
        self.exchange.write(body).await
    }

    /// Ends the request. A second call does nothing.
    ///
    /// # Errors
    /// [`ExchangeError::Misuse`]: the body is shorter than announced. Otherwise the exchange ended early.
    pub async fn finish(&self) -> Result<(), ExchangeError> {
        if self.request.get().may_end() { self.exchange.finish().await } else { Err(ExchangeError::Misuse) }
    }

    /// Waits for the head of the response, and reads it into `buffer`. It is called once. Interim responses are skipped.
    ///
    /// # Errors
    /// [`CallError::BadResponse`]: the head is malformed, or does not fit. Otherwise the exchange ended early.
    pub async fn response<'b>(&self, buffer: &'b mut [u8]) -> Result<CallHead<'b>, CallError> {
        let (filled, status) = loop {
            let filled = self.exchange.read_head(&mut *buffer).await?.map_err(|_| CallError::BadResponse)?;
            let mut slots = [NO_FIELD; FIELDS];
            let head = ResponseHead::parse(buffer.get(..filled).unwrap_or_default(), &mut slots);
            match head {
                Ok(Some(ResponseHead { status: 100 | 102..200, .. })) => {}
                Ok(Some(ResponseHead { status, version, fields, .. })) if status >= 200 => {
                    let length = response_length(version, status, self.is_head, fields);
                    self.response.set(Some(BodyLeft::of(length.map_err(|_| CallError::BadResponse)?)));
                    break (filled, status);
                }
                _ => return Err(CallError::BadResponse),
            }
        };
        Ok(CallHead { status, bytes: buffer.get(..filled).unwrap_or_default() })
    }

    /// Waits for bytes of the response's body and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// [`ExchangeError::Misuse`]: the head comes [first](Self::response). [`ExchangeError::BadBody`]: the body is not as long as its
    /// head says. Otherwise the exchange ended early.
    pub async fn read(&self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        let mut left = self.response.get().ok_or(ExchangeError::Misuse)?;
        let read = self.exchange.read(buffer).await?;
        let is_right = if read == 0 { buffer.is_empty() || left.may_end() } else { left.count(read) };
        self.response.set(Some(left));
        if is_right { Ok(read) } else { Err(ExchangeError::BadBody) }
    }
}

/// The head of a response.
#[derive(Clone, Copy, Debug)]
pub struct CallHead<'b> {
    status: u16,
    bytes: &'b [u8],
}

impl<'b> CallHead<'b> {
    /// The status, 200 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        let mut slots = [NO_FIELD; FIELDS];
        let head = ResponseHead::parse(self.bytes, &mut slots).ok().flatten()?;
        find(head.fields, name)
    }
}

fn write_request(call: &Call<'_>, length: Option<u64>, buffer: &mut [u8]) -> Result<usize, CallError> {
    if call.fields.iter().any(|(name, _)| is_hop_by_hop(name) || name.eq_ignore_ascii_case("content-length"))
    {
        return Err(CallError::BadRequest);
    }
    let mut write = || {
        let mut head = HeadWriter::request(buffer, call.method, call.target)?;
        head.field(route::COMPONENT, call.component.as_bytes())?;
        match length {
            // These have a body, and only the others may leave its length out (RFC 9110 section 8.6).
            Some(0) if !matches!(call.method, "POST" | "PUT" | "PATCH") => {}
            Some(length) => head.field("content-length", itoa::Buffer::new().format(length).as_bytes())?,
            // The bytes are bare: the field only says that there is a body.
            None => head.field("transfer-encoding", b"chunked")?,
        }
        call.fields.iter().try_for_each(|(name, value)| head.field(name, value))?;
        head.finish()
    };
    write().map_err(|_: EncodeError| CallError::BadRequest)
}
