//! Header fields that the proxy adds, changes and drops.

use core::fmt;
use core::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use http::Version;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use node_core::http::{is_hop_by_hop, lists};
use node_core::route;
use node_core::route::deadline::parse_nanos;

use super::error::ProxyError;

/// How a request reached this node over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The address of the sender.
    pub peer: IpAddr,
    /// Whether it came over TLS.
    pub secure: bool,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Names the component of a request.
pub const COMPONENT: HeaderName = HeaderName::from_static(route::COMPONENT);
const DEADLINE_NANO: HeaderName = HeaderName::from_static(route::DEADLINE_NANO);
const RELAY_PATH: HeaderName = HeaderName::from_static(route::RELAY_PATH);
const START_NANO: HeaderName = HeaderName::from_static(route::START_NANO);

/// Prepares a head that came over HTTP for the way to a component.
pub fn take_in(parts: &mut Parts, arrival: Arrival, now_nano: u64) -> Result<(), ProxyError> {
    if !parts.uri.path().starts_with('/') {
        return Err(ProxyError::BadRequest("the request target must begin with /".to_owned()));
    }
    let headers = &mut parts.headers;
    strip_hop_by_hop(headers);
    // HTTP/2, and HTTP/1.1 in absolute form, name the host in the target.
    if let Some(Ok(host)) = parts.uri.authority().map(|host| HeaderValue::from_str(host.as_str())) {
        headers.insert(HOST, host);
    }
    let mut hosts = headers.get_all(HOST).iter().cloned();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            headers.entry(X_FORWARDED_HOST).or_insert(host);
        }
        // RFC 9112 section 3.2.
        (None, _) if parts.version == Version::HTTP_11 => {
            return Err(ProxyError::BadRequest("the request has no Host header".to_owned()));
        }
        (None, _) => {}
        _ => return Err(ProxyError::BadRequest("the request has several Host headers".to_owned())),
    }
    let proto = HeaderValue::from_static(if arrival.secure { "https" } else { "http" });
    headers.entry(X_FORWARDED_PROTO).or_insert(proto);
    let mut forwarded = joined(headers, &X_FORWARDED_FOR, ", ");
    if !forwarded.is_empty() {
        forwarded.push_str(", ");
    }
    set(headers, X_FORWARDED_FOR, format_args!("{forwarded}{}", arrival.peer.to_canonical()));
    if !headers.contains_key(START_NANO) {
        set(headers, START_NANO, now_nano);
    }
    Ok(())
}

/// Drops the fields that end at this hop (RFC 9110 section 7.6.1).
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named =
        |name: &str| headers.get_all(CONNECTION).iter().any(|options| lists(options.as_bytes(), name));
    let ends_here = |name: &&HeaderName| is_hop_by_hop(name.as_str()) || named(name.as_str());
    let names: Vec<HeaderName> = headers.keys().filter(ends_here).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Drops the fields that only nodes of the cluster may set.
pub fn strip_maelstrom(headers: &mut HeaderMap) {
    let ours = |name: &&HeaderName| name.as_str().starts_with("maelstrom-");
    let names: Vec<HeaderName> = headers.keys().filter(ours).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// The component that the request names.
pub fn component(headers: &HeaderMap) -> Result<&str, ProxyError> {
    let value = headers.get(COMPONENT).ok_or(ProxyError::NoComponent)?;
    value.to_str().map_err(|_| ProxyError::NoComponent)
}

/// The nodes that the request came through.
pub fn relay_path(headers: &HeaderMap) -> String {
    joined(headers, &RELAY_PATH, "|")
}

/// Sets the relay path.
pub fn join_relay_path(headers: &mut HeaderMap, path: impl fmt::Display) {
    set(headers, RELAY_PATH, path);
}

/// Removes the absolute deadline and returns it. From here on the remaining time counts.
pub fn take_deadline(headers: &mut HeaderMap) -> Result<Option<u64>, ProxyError> {
    let Some(value) = headers.remove(DEADLINE_NANO) else { return Ok(None) };
    let nanos = parse_nanos(value.as_bytes());
    nanos.map(Some).map_err(|error| ProxyError::BadRequest(format!("MAELSTROM-DEADLINE-NANO: {error}")))
}

/// Sets the deadline by this node's clock, for a component of this node.
pub fn set_deadline(headers: &mut HeaderMap, remaining: core::time::Duration) {
    let remaining = u64::try_from(remaining.as_nanos()).unwrap_or(u64::MAX);
    set(headers, DEADLINE_NANO, unix_nanos().saturating_add(remaining));
}

/// The time of this node's clock, in nanoseconds since 1970.
pub fn unix_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// All values of a field as one text.
fn joined(headers: &HeaderMap, name: &HeaderName, separator: &str) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(separator)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: impl fmt::Display) {
    if let Ok(value) = HeaderValue::try_from(value.to_string()) {
        headers.insert(name, value);
    }
}
