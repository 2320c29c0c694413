//! Reading a head, as often as more of it has arrived.

use core::fmt;

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

/// What is wrong with a peer's head. Nothing was taken from the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// `Content-Length` is not one number.
    ContentLength,
    /// A field name holds a character that it must not.
    FieldName,
    /// A field value holds a character that it must not.
    FieldValue,
    /// A line does not end as it must.
    NewLine,
    /// The first line holds a character that it must not.
    StartLine,
    /// The status is not a number from 100 to 999.
    Status,
    /// More fields than the reader has room for.
    TooManyFields,
    /// The version is not HTTP/1.1.
    Version,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContentLength => "Content-Length is not one number",
            Self::FieldName => "invalid character in a header name",
            Self::FieldValue => "invalid character in a header value",
            Self::NewLine => "a line of the head does not end in CR LF",
            Self::StartLine => "invalid character in the first line",
            Self::Status => "the status is not a number from 100 to 999",
            Self::TooManyFields => "too many headers",
            Self::Version => "the version is not HTTP/1.1",
        })
    }
}

impl core::error::Error for HeadError {}

impl From<httparse::Error> for HeadError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::HeaderName => Self::FieldName,
            httparse::Error::HeaderValue => Self::FieldValue,
            httparse::Error::NewLine => Self::NewLine,
            httparse::Error::Status => Self::Status,
            httparse::Error::Token => Self::StartLine,
            httparse::Error::TooManyHeaders => Self::TooManyFields,
            httparse::Error::Version => Self::Version,
        }
    }
}
