//! Where a message's body ends (RFC 9112 section 6.3). Two readers that disagree here are how requests are smuggled, so
//! whatever can be read in two ways is refused.

use thiserror::Error;

use super::field::{Field, content_length};
use super::version::Version;

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// After so many bytes.
    Known(u64),
    /// After the last chunk.
    Chunked,
    /// Where the connection closes.
    UntilClose,
}

/// The end of a body cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramingError {
    /// `Content-Length` and `Transfer-Encoding` in one request.
    #[error("the request has both Content-Length and Transfer-Encoding")]
    BothLengths,
    /// `Transfer-Encoding` does not end in one `chunked`, or is in a message of HTTP/1.0, which has none.
    #[error("Transfer-Encoding does not say where the body ends")]
    Chunks,
    /// A coding that is not known here.
    #[error("Transfer-Encoding names a coding other than chunked")]
    Coding,
    /// `Content-Length` is not one number.
    #[error("Content-Length is not one number")]
    ContentLength,
}

/// The body of a request.
///
/// # Errors
/// [`FramingError`]: answer 501 to [`Coding`](FramingError::Coding) and 400 to the others, and close.
pub fn request_length(version: Version, fields: &[Field<'_>]) -> Result<BodyLength, FramingError> {
    let length = content_length(fields).map_err(|_| FramingError::ContentLength)?;
    match (is_chunked(version, fields)?, length) {
        (true, Some(_)) => Err(FramingError::BothLengths),
        (true, None) => Ok(BodyLength::Chunked),
        (false, Some(length)) => Ok(BodyLength::Known(length)),
        (false, None) => Ok(BodyLength::None),
    }
}

/// The body of a response with this `status`, to a request whose method was HEAD if `to_head`. Where it is chunked, a
/// `Content-Length` counts for nothing and MUST NOT be passed on.
///
/// # Errors
/// [`FramingError`]: the response cannot be used.
pub fn response_length(
    version: Version,
    status: u16,
    to_head: bool,
    fields: &[Field<'_>],
) -> Result<BodyLength, FramingError> {
    if to_head || matches!(status, 100..200 | 204 | 304) {
        return Ok(BodyLength::None);
    }
    if is_chunked(version, fields)? {
        return Ok(BodyLength::Chunked);
    }
    let length = content_length(fields).map_err(|_| FramingError::ContentLength)?;
    Ok(length.map_or(BodyLength::UntilClose, BodyLength::Known))
}

/// Returns true when the message is in chunks and nothing else.
fn is_chunked(version: Version, fields: &[Field<'_>]) -> Result<bool, FramingError> {
    let values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("transfer-encoding"));
    let mut codings =
        values.flat_map(|field| field.value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let is_chunks = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let Some(first) = codings.next() else { return Ok(false) };
    if version == Version::Http10 {
        return Err(FramingError::Chunks);
    }
    match (is_chunks(first), codings.next_back()) {
        (true, None) => Ok(true),
        (false, Some(last)) if is_chunks(last) => Err(FramingError::Coding),
        _ => Err(FramingError::Chunks),
    }
}
