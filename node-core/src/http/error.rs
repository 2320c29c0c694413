//! Errors, split by blame: a peer's bad head, and one that the caller asks to write.

use thiserror::Error;

/// A peer's head is refused. Nothing was taken from the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    /// `Content-Length` is not one number.
    #[error("Content-Length is not one number")]
    ContentLength,
    /// A field name holds a character that it must not.
    #[error("invalid character in a header name")]
    FieldName,
    /// A field value holds a character that it must not.
    #[error("invalid character in a header value")]
    FieldValue,
    /// A line does not end as it must.
    #[error("a line of the head does not end in CR LF")]
    NewLine,
    /// The first line holds a character that it must not.
    #[error("invalid character in the first line")]
    StartLine,
    /// The status is not a number from 100 to 999.
    #[error("the status is not a number from 100 to 999")]
    Status,
    /// More fields than the reader has room for.
    #[error("too many headers")]
    TooManyFields,
    /// The version is not HTTP/1.1.
    #[error("the version is not HTTP/1.1")]
    Version,
}

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

/// The reason why a head was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A field name is not a token.
    #[error("a header name is not a token")]
    FieldName,
    /// A field value holds a control character.
    #[error("a header value holds a control character")]
    FieldValue,
    /// The buffer is too small.
    #[error("the head is larger than its buffer")]
    Full,
    /// The method is not a token.
    #[error("the method is not a token")]
    Method,
    /// The reason phrase holds a control character.
    #[error("the reason phrase holds a control character")]
    Reason,
    /// The status is not 100 to 999.
    #[error("the status is not a number from 100 to 999")]
    Status,
    /// The target is empty or holds a space or a control character.
    #[error("the request target is empty or holds a space or a control character")]
    Target,
}
