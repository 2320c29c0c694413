//! Heads between the `http` crate's types and their text on a link.

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use node_core::http::{
    EncodeError, Field, HeadError, HeadWriter, NO_FIELD, RequestHead, ResponseHead, content_length,
    end_to_end,
};

use super::{MAX_HEAD, ProxyError};
use crate::link::{ExchangeError, Inbound};

/// Most header fields that a head from a link may have.
const MAX_FIELDS: usize = 128;

/// A request's head as it goes on a link.
pub fn encode_request(parts: &http::request::Parts) -> Result<Bytes, ProxyError> {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let method = parts.method.as_str();
    let line = method.len() + target.len() + " HTTP/1.1\r\n".len() + 1;
    let head = encode(line, &parts.headers, |buf| HeadWriter::request(buf, method, target));
    head.map_err(|error| match error {
        EncodeError::Full => ProxyError::HeadTooLarge,
        error => ProxyError::BadRequest(error.to_string()),
    })
}

/// A response's head as it goes on a link.
pub fn encode_response(parts: &http::response::Parts) -> Result<Bytes, EncodeError> {
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let line = "HTTP/1.1 200 \r\n".len() + reason.len();
    encode(line, &parts.headers, |buf| HeadWriter::response(buf, parts.status.as_u16(), reason))
}

/// Writes a head whose first line takes `line` bytes into memory of just its size.
fn encode(
    line: usize,
    headers: &HeaderMap,
    begin: impl FnOnce(&mut [u8]) -> Result<HeadWriter<'_>, EncodeError>,
) -> Result<Bytes, EncodeError> {
    let fields = || headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let len = fields().fold(line + 2, |len, (name, value)| len + name.len() + value.len() + ": \r\n".len());
    if len > MAX_HEAD {
        return Err(EncodeError::Full);
    }
    let mut buf = BytesMut::zeroed(len);
    let mut head = begin(&mut buf)?;
    for (name, value) in fields() {
        head.field(name, value)?;
    }
    let len = head.finish()?;
    buf.truncate(len);
    Ok(buf.freeze())
}

/// Reads a request's head from a link, and what came of its body with it.
pub async fn read_request(inbound: &mut Inbound) -> Result<(Request<()>, Bytes), ReadError> {
    let (head, body) = read(inbound).await?;
    let mut slots = [NO_FIELD; MAX_FIELDS];
    let parsed = RequestHead::parse(&head, &mut slots)?.ok_or(ReadError::Cut)?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(parsed.method.as_bytes()).map_err(|_| HeadError::StartLine)?;
    *request.uri_mut() = Uri::try_from(parsed.target).map_err(|_| HeadError::StartLine)?;
    if !request.uri().path().starts_with('/') {
        return Err(HeadError::StartLine.into());
    }
    *request.headers_mut() = headers(parsed.fields)?;
    Ok((request, body))
}

/// Reads a response's head from a link, and what came of its body with it.
pub async fn read_response(inbound: &mut Inbound) -> Result<(Response<()>, Bytes), ReadError> {
    let (head, body) = read(inbound).await?;
    let mut slots = [NO_FIELD; MAX_FIELDS];
    let parsed = ResponseHead::parse(&head, &mut slots)?.ok_or(ReadError::Cut)?;
    let status = StatusCode::from_u16(parsed.status).map_err(|_| HeadError::Status)?;
    if status.is_informational() {
        return Err(HeadError::Status.into());
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers(parsed.fields)?;
    Ok((response, body))
}

/// Collects bytes up to the end of the head.
async fn read(inbound: &mut Inbound) -> Result<(Bytes, Bytes), ReadError> {
    const END: &[u8; 4] = b"\r\n\r\n";
    let mut bytes = BytesMut::new();
    loop {
        let piece = inbound.next().await?.ok_or(ReadError::Cut)?;
        // The end may be split between pieces; what is before was looked at already.
        let seen = bytes.len().saturating_sub(END.len() - 1);
        bytes.extend_from_slice(&piece);
        let unseen = bytes.get(seen..).unwrap_or_default();
        if let Some(at) = unseen.windows(END.len()).position(|window| window == END) {
            let head = bytes.split_to(seen + at + END.len());
            return if head.len() > MAX_HEAD {
                Err(ReadError::TooLarge)
            } else {
                Ok((head.freeze(), bytes.freeze()))
            };
        }
        if bytes.len() > MAX_HEAD {
            return Err(ReadError::TooLarge);
        }
    }
}

/// The fields to pass on.
fn headers(fields: &[Field<'_>]) -> Result<HeaderMap, HeadError> {
    content_length(fields)?;
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in end_to_end(fields) {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HeadError::FieldName)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| HeadError::FieldValue)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Why no head was read from a link.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The exchange's direction ended within the head.
    #[error("it ended before its head did")]
    Cut,
    /// The exchange ended early.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The bytes are no head.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// It does not end in time.
    #[error("its head takes more than {MAX_HEAD} bytes")]
    TooLarge,
}
