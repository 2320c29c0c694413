//! Reading a head, again each time when more of it has arrived.

use super::error::HeadError;
use super::field::Field;
use super::version::Version;

/// A request's head. It borrows the bytes it was read from and the field slots that the caller lent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestHead<'b, 's> {
    /// The method, as sent: methods are case-sensitive.
    pub method: &'b str,
    /// The request target, usually `/path?query`.
    pub target: &'b str,
    /// The version.
    pub version: Version,
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
        let head = Self::parse_any(bytes, slots)?;
        if head.is_some_and(|head| head.version != Version::Http11) {
            return Err(HeadError::Version);
        }
        Ok(head)
    }

    /// Reads a request head of HTTP/1.0 too; otherwise like [`parse`](Self::parse).
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn parse_any(bytes: &'b [u8], slots: &'s mut [Field<'b>]) -> Result<Option<Self>, HeadError> {
        let mut request = httparse::Request::new(slots);
        let httparse::Status::Complete(len) = request.parse(bytes)? else { return Ok(None) };
        match (request.method, request.path, version(request.version)) {
            (Some(method), Some(target), Some(version)) => {
                Ok(Some(Self { method, target, version, fields: request.headers, len }))
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
    /// The version.
    pub version: Version,
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
        let head = Self::parse_any(bytes, slots)?;
        if head.is_some_and(|head| head.version != Version::Http11) {
            return Err(HeadError::Version);
        }
        Ok(head)
    }

    /// Reads a response head of HTTP/1.0 too; otherwise like [`parse`](Self::parse).
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn parse_any(bytes: &'b [u8], slots: &'s mut [Field<'b>]) -> Result<Option<Self>, HeadError> {
        let mut response = httparse::Response::new(slots);
        let httparse::Status::Complete(len) = response.parse(bytes)? else { return Ok(None) };
        match (response.code, response.reason, version(response.version)) {
            (Some(status @ 100..), reason, Some(version)) => {
                let reason = reason.unwrap_or_default();
                Ok(Some(Self { status, reason, version, fields: response.headers, len }))
            }
            (Some(0..100), ..) => Err(HeadError::Status),
            _ => Err(HeadError::Version),
        }
    }
}

const fn version(minor: Option<u8>) -> Option<Version> {
    match minor {
        Some(0) => Some(Version::Http10),
        Some(1) => Some(Version::Http11),
        _ => None,
    }
}
