//! Reading a head, again each time when more of it has arrived.

use super::error::HeadError;
use super::field::Field;

/// A request's head. It borrows the bytes it was read from and the field slots that the caller lent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestHead<'b, 's> {
    /// The method, as sent: methods are case-sensitive.
    pub method: &'b str,
    /// The request target, usually `/path?query`.
    pub target: &'b str,
    /// The header fields in their order.
    pub fields: &'s [Field<'b>],
    /// How many bytes the head took; the body follows.
    pub len: usize,
}

impl<'b, 's> RequestHead<'b, 's> {
    /// Reads a request head from the start of `bytes`, `None` while its end has not arrived. `slots` bounds
    /// how many fields it may have.
    ///
    /// # Errors
    /// [`HeadError`]: the bytes can never become a head, however many follow.
    pub fn parse(bytes: &'b [u8], slots: &'s mut [Field<'b>]) -> Result<Option<Self>, HeadError> {
        let mut request = httparse::Request::new(slots);
        let httparse::Status::Complete(len) = request.parse(bytes)? else { return Ok(None) };
        match (request.method, request.path, request.version) {
            (Some(method), Some(target), Some(1)) => {
                Ok(Some(Self { method, target, fields: request.headers, len }))
            }
            _ => Err(HeadError::Version),
        }
    }
}

/// A response's head. It borrows the bytes it was read from and the field slots that the caller lent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResponseHead<'b, 's> {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The reason phrase, often empty; nothing may depend on it.
    pub reason: &'b str,
    /// The header fields in their order.
    pub fields: &'s [Field<'b>],
    /// How many bytes the head took; the body follows.
    pub len: usize,
}

impl<'b, 's> ResponseHead<'b, 's> {
    /// Reads a response head from the start of `bytes`, `None` while its end has not arrived. `slots` bounds
    /// how many fields it may have.
    ///
    /// # Errors
    /// [`HeadError`]: the bytes can never become a head, however many follow.
    pub fn parse(bytes: &'b [u8], slots: &'s mut [Field<'b>]) -> Result<Option<Self>, HeadError> {
        let mut response = httparse::Response::new(slots);
        let httparse::Status::Complete(len) = response.parse(bytes)? else { return Ok(None) };
        match (response.code, response.reason, response.version) {
            (Some(status @ 100..), reason, Some(1)) => {
                Ok(Some(Self { status, reason: reason.unwrap_or_default(), fields: response.headers, len }))
            }
            (Some(0..100), ..) => Err(HeadError::Status),
            _ => Err(HeadError::Version),
        }
    }
}
