//! Heads of HTTP/2 as text, and back.

use std::io::Write as _;

use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use node_core::http::{Connection, Field, RequestHead, ResponseHead, Trailers};

use crate::proxy::MAX_FIELDS;
use crate::proxy::leg::LegError;
use crate::proxy::request::put;
use crate::proxy::slots::Slots;

/// The text of a request's head. `has_body` says that a body follows, of whatever length.
pub(super) fn of_request(request: &Request<()>, has_body: bool) -> Vec<u8> {
    let mut text = Vec::new();
    let uri = request.uri();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    // Memory takes everything.
    let _ = write!(text, "{} {target} HTTP/1.1\r\n", request.method());
    if let Some(authority) = uri.authority() {
        put(&mut text, "host", authority.as_str().as_bytes());
    }
    for (name, value) in request.headers() {
        // The authority stands for the Host (RFC 9113 section 8.3.1), and cookies come in pieces (section 8.2.3).
        if *name != COOKIE && !(*name == HOST && uri.authority().is_some()) {
            put(&mut text, name.as_str(), value.as_bytes());
        }
    }
    let cookies: Vec<&[u8]> = request.headers().get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        put(&mut text, "cookie", &cookies.join(&b"; "[..]));
    }
    end(&mut text, request.headers(), has_body);
    text
}

/// The text of a response's head. `has_body` says that a body follows, of whatever length.
pub(super) fn of_response(status: StatusCode, headers: &HeaderMap, has_body: bool) -> Vec<u8> {
    let mut text = Vec::new();
    let reason = status.canonical_reason().unwrap_or_default();
    let _ = write!(text, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in headers {
        put(&mut text, name.as_str(), value.as_bytes());
    }
    end(&mut text, headers, has_body);
    text
}

fn end(text: &mut Vec<u8>, headers: &HeaderMap, has_body: bool) {
    if has_body && !headers.contains_key(http::header::CONTENT_LENGTH) {
        text.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    text.extend_from_slice(b"\r\n");
}

/// The response that a head is the text of. The text has no empty line at its end.
pub(super) fn to_response(text: &[u8]) -> Result<Response<()>, LegError> {
    let whole = [text, b"\r\n"].concat();
    let mut slots = Slots::of(&whole, MAX_FIELDS);
    let head = ResponseHead::parse(&whole, slots.get()).ok().flatten().ok_or(LegError::Head)?;
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status).map_err(|_| LegError::Head)?;
    *response.headers_mut() = headers(head.fields)?;
    Ok(response)
}

/// The request that a head is the text of, to `scheme`. The text has no empty line at its end.
pub(super) fn to_request(text: &[u8], scheme: &str) -> Result<Request<()>, LegError> {
    let whole = [text, b"\r\n"].concat();
    let mut slots = Slots::of(&whole, MAX_FIELDS);
    let head = RequestHead::parse(&whole, slots.get()).ok().flatten().ok_or(LegError::Head)?;
    let mut headers = headers(head.fields)?;
    let host = headers.remove(HOST).ok_or(LegError::Head)?;
    let uri = Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(head.target).build();
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(head.method.as_bytes()).map_err(|_| LegError::Head)?;
    *request.uri_mut() = uri.map_err(|_| LegError::Head)?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

fn headers(fields: &[Field<'_>]) -> Result<HeaderMap, LegError> {
    let connection = Connection::of(fields);
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        // The one option that HTTP/2 keeps (RFC 9113 section 8.2.2).
        if connection.passes(field.name) || field.name.eq_ignore_ascii_case("te") {
            append(&mut headers, field)?;
        }
    }
    Ok(headers)
}

/// Trailers as field lines.
pub(super) fn of_trailers(trailers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in trailers {
        put(&mut text, name.as_str(), value.as_bytes());
    }
    text
}

/// Field lines as trailers.
pub(super) fn to_trailers(lines: &[u8]) -> Result<HeaderMap, LegError> {
    let mut trailers = HeaderMap::new();
    for field in Trailers::parse(lines)? {
        append(&mut trailers, &field)?;
    }
    Ok(trailers)
}

fn append(headers: &mut HeaderMap, field: &Field<'_>) -> Result<(), LegError> {
    let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| LegError::Head)?;
    let value = HeaderValue::from_bytes(field.value).map_err(|_| LegError::Head)?;
    headers.try_append(name, value).map(drop).map_err(|_| LegError::Head)
}
