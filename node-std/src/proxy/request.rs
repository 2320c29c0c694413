//! A request on its way to a component.

use core::fmt::Display;
use core::time::Duration;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use node_core::http::{BodyLength, Connection, RequestHead, Version, lists, request_length};
use node_core::id::{Name, NodeId};
use node_core::route;
use node_core::route::deadline::{TimeLimits, parse_nanos};
use node_core::route::path::{BadPath, normalize};
use node_core::route::relay::RelayPath;
use tokio::time::Instant;

use super::arrival::{Arrival, Origin};
use super::error::ProxyError;
use super::field::Kind;
use super::leg::Carried;
use super::trailers::named;
use super::upgrade::offered;
use crate::cluster::MAX_HOPS;

/// A request whose head was read and checked. Its text is what goes to the next hop.
#[derive(Debug)]
pub(crate) struct Request {
    /// The first line, and the fields that do not end at this hop.
    text: Vec<u8>,
    /// Where the target begins in the first line.
    target: usize,
    pub(crate) component: Name,
    /// How long the body is that arrives.
    pub(crate) body: BodyLength,
    /// The response has no body, whatever its fields say.
    pub(crate) is_head: bool,
    /// It changes nothing, so that it can be sent twice.
    pub(crate) is_safe: bool,
    /// The names of fields that end at this hop, also as trailers.
    pub(crate) named: Vec<u8>,
    /// It offers to change the protocol of the connection.
    pub(crate) upgrades: bool,
    /// The sender reads interim responses.
    pub(crate) reads_interim: bool,
    /// The nodes that it came through.
    pub(crate) path: String,
    /// The node that answers, `None` for any node that offers the component.
    pub(crate) to: Option<NodeId>,
    pub(crate) deadline: Instant,
    /// How many more links it may cross.
    pub(crate) hops: u8,
}

impl Request {
    /// Takes in a request that may take `most` on the node `me`, and whose head came so.
    ///
    /// # Errors
    /// It breaks a rule, names no component, or is too late.
    pub(crate) fn take(
        head: &RequestHead<'_, '_>,
        carried: Carried,
        origin: Origin<'_>,
        most: Duration,
        me: NodeId,
    ) -> Result<Self, ProxyError> {
        refuse_connect(head)?;
        let connection = Connection::of(head.fields);
        let mut text = Vec::with_capacity(head.len + 512);
        text.extend_from_slice(head.method.as_bytes());
        text.push(b' ');
        let target_at = text.len();
        let (target, authority) = match origin {
            Origin::Outside { target, .. } => (target, absolute(head.target).1),
            Origin::Inside(_) | Origin::Link(_) => absolute(head.target),
        };
        let mut buffer = Vec::new();
        let target = match origin {
            Origin::Outside { target, .. } => target,
            _ => normal(target, &mut buffer)?,
        };
        text.extend_from_slice(target.as_bytes());
        text.extend_from_slice(b" HTTP/1.1\r\n");
        let mut seen = Seen { host: authority.map(str::as_bytes), ..Seen::default() };
        for field in head.fields {
            let (name, value) = (field.name, field.value);
            let kind = Kind::of(name);
            match (kind, origin) {
                (Kind::TransferEncoding | Kind::ContentLength | Kind::Connection, _) => {}
                (Kind::Te, _) => seen.trailers |= lists(value, "trailers"),
                // HTTP/1.0 offers nothing (RFC 9110 section 7.8).
                (Kind::Upgrade, _) if connection.upgrade && head.version == Version::Http11 => {
                    seen.protocols.extend(offered(value));
                }
                (Kind::Http2Settings, _) => {}
                (Kind::Host, _) if authority.is_some() => {}
                (Kind::Host, _) if seen.host.is_some() => {
                    return Err(ProxyError::BadRequest("the request has several Host headers".to_owned()));
                }
                (Kind::Host, _) => seen.host = Some(value),
                (
                    Kind::Component | Kind::RelayPath | Kind::Deadline | Kind::Start | Kind::Maelstrom,
                    Origin::Outside { .. },
                ) => {}
                (Kind::Component, _) => seen.component = Some(value),
                (Kind::RelayPath, _) => seen.join_path(value),
                (Kind::Deadline, Origin::Link(_)) => {}
                (Kind::Deadline, _) => seen.deadline = Some(nanos(value)?),
                (Kind::Start, Origin::Inside(_)) => {
                    seen.start = true;
                    put(&mut text, name, value);
                }
                (Kind::ForwardedFor, Origin::Outside { arrival, .. } | Origin::Inside(arrival)) => {
                    seen.forwarded_for.extend(arrival.trusted.then_some(value));
                }
                (Kind::Forwarded, Origin::Outside { arrival, .. } | Origin::Inside(arrival)) => {
                    seen.forwarded.extend(arrival.trusted.then_some(value));
                }
                (Kind::Via, Origin::Outside { arrival, .. } | Origin::Inside(arrival)) => {
                    seen.via.extend(arrival.trusted.then_some(value));
                }
                (
                    Kind::ForwardedHost | Kind::ForwardedProto,
                    Origin::Outside { arrival, .. } | Origin::Inside(arrival),
                ) if !arrival.trusted => {}
                (Kind::ForwardedHost, Origin::Outside { .. } | Origin::Inside(_)) => {
                    seen.forwarded_host = true;
                    put(&mut text, name, value);
                }
                (Kind::ForwardedProto, Origin::Outside { .. } | Origin::Inside(_)) => {
                    seen.forwarded_proto = true;
                    put(&mut text, name, value);
                }
                // A component that takes fields for variables of a program cannot tell these from others (httpoxy).
                (Kind::Proxy | Kind::Underscore, Origin::Outside { .. } | Origin::Inside(_)) => {}
                _ if connection.passes(name) => put(&mut text, name, value),
                _ => {}
            }
        }
        if let Some(host) = seen.host {
            put(&mut text, "host", host);
        } else if head.version == Version::Http11 && origin.arrival().is_some() {
            return Err(ProxyError::BadRequest("the request has no Host header".to_owned()));
        }
        let upgrades = !seen.protocols.is_empty();
        if upgrades {
            line(&mut text, "upgrade", seen.protocols.join(", "));
            text.extend_from_slice(b"connection: upgrade\r\n");
        }
        if seen.trailers {
            text.extend_from_slice(b"te: trailers\r\n");
        }
        let component = match origin {
            Origin::Outside { component, .. } => component.clone(),
            Origin::Inside(_) | Origin::Link(_) => {
                let name = seen.component.and_then(|name| core::str::from_utf8(name).ok());
                Name::new(name.ok_or(ProxyError::NoComponent)?).map_err(|_| ProxyError::NoComponent)?
            }
        };
        put(&mut text, route::COMPONENT, component.as_str().as_bytes());
        let now = unix_nanos();
        if let Some(arrival) = origin.arrival() {
            seen.announce(&mut text, arrival, now);
            begin_list(&mut text, "via", &seen.via);
            text.extend_from_slice(carried.protocol.via(head.version).as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        let path = RelayPath(&seen.path);
        if path.visits(me) {
            return Err(ProxyError::Loop);
        }
        line(&mut text, route::RELAY_PATH, path.joined(me));

        let (to, hops, budget_ms) = match origin {
            Origin::Link(open) => (open.to, open.hops, Some(open.budget_ms)),
            _ => (None, MAX_HOPS, None),
        };
        let limits = TimeLimits { deadline_nano: seen.deadline, now_nano: Some(now), budget_ms };
        let remaining = limits.remaining_within(most);
        if remaining == Duration::ZERO {
            return Err(ProxyError::Late);
        }
        let body = if carried.ends_itself() {
            carried_length(head, upgrades)?
        } else {
            request_length(head.version, head.fields)?
        };
        let is_safe = matches!(head.method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
        Ok(Self {
            text,
            target: target_at,
            component,
            body,
            is_head: head.method == "HEAD",
            is_safe,
            named: named(head.fields, connection),
            upgrades,
            reads_interim: head.version == Version::Http11,
            path: seen.path,
            to,
            deadline: Instant::now() + remaining,
            hops,
        })
    }

    /// The text of the head without its end, for a link.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text of the head without its end, for a component of this node under `prefix`: with this deadline by this node's
    /// clock.
    pub(crate) fn text_for_component(&self, prefix: &str, deadline: Instant) -> Vec<u8> {
        let (method, rest) = self.text.split_at_checked(self.target).unwrap_or_default();
        let mut text = Vec::with_capacity(self.text.len() + prefix.len() + 64);
        text.extend_from_slice(method);
        text.extend_from_slice(prefix.as_bytes());
        text.extend_from_slice(rest);
        let left = deadline.saturating_duration_since(Instant::now());
        let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        number(&mut text, route::DEADLINE_NANO, unix_nanos().saturating_add(left));
        text
    }
}

/// What was found in the fields.
#[derive(Default)]
struct Seen<'b> {
    host: Option<&'b [u8]>,
    component: Option<&'b [u8]>,
    path: String,
    deadline: Option<u64>,
    start: bool,
    trailers: bool,
    /// Those that it offers to change to.
    protocols: Vec<&'b str>,
    forwarded_for: Vec<&'b [u8]>,
    forwarded: Vec<&'b [u8]>,
    via: Vec<&'b [u8]>,
    forwarded_host: bool,
    forwarded_proto: bool,
}

impl Seen<'_> {
    fn join_path(&mut self, value: &[u8]) {
        if let Ok(value) = core::str::from_utf8(value) {
            if !self.path.is_empty() {
                self.path.push('|');
            }
            self.path.push_str(value);
        }
    }

    /// Says who sent the request, and how, to those who do not see that themselves.
    fn announce(&self, text: &mut Vec<u8>, arrival: Arrival, now: u64) {
        let (peer, proto) = (arrival.peer.to_canonical(), if arrival.secure { "https" } else { "http" });
        begin_list(text, "x-forwarded-for", &self.forwarded_for);
        let from = text.len();
        let _ = write!(text, "{peer}");
        let to = text.len();
        text.extend_from_slice(b"\r\n");
        begin_list(text, "forwarded", &self.forwarded);
        let (before, after): (&[u8], &[u8]) =
            if peer.is_ipv6() { (b"for=\"[", b"]\"") } else { (b"for=", b"") };
        text.extend_from_slice(before);
        text.extend_from_within(from..to);
        text.extend_from_slice(after);
        if let Some(host) = self.host.filter(|host| !host.iter().any(|byte| b"\"\\".contains(byte))) {
            text.extend_from_slice(b";host=\"");
            text.extend_from_slice(host);
            text.push(b'"');
        }
        for part in [";proto=", proto, "\r\n"] {
            text.extend_from_slice(part.as_bytes());
        }
        if let Some(host) = self.host.filter(|_| !self.forwarded_host) {
            put(text, "x-forwarded-host", host);
        }
        if !self.forwarded_proto {
            put(text, "x-forwarded-proto", proto.as_bytes());
        }
        if !self.start {
            number(text, route::START_NANO, now);
        }
    }
}

/// A request's body on a leg that ends itself: the fields say whether there is one.
fn carried_length(head: &RequestHead<'_, '_>, upgrades: bool) -> Result<BodyLength, ProxyError> {
    match request_length(head.version, head.fields)? {
        BodyLength::None if upgrades => Ok(BodyLength::None),
        // The peer may not know of the mark for a body without a length, so its end decides.
        BodyLength::None => Ok(BodyLength::UntilClose),
        length => Ok(length),
    }
}

/// A component cannot be asked for a tunnel: the bytes after a response 2xx are no HTTP (RFC 9110 section 9.3.6).
///
/// # Errors
/// The method is CONNECT.
pub(crate) fn refuse_connect(head: &RequestHead<'_, '_>) -> Result<(), ProxyError> {
    if head.method.eq_ignore_ascii_case("connect") { Err(ProxyError::Connect) } else { Ok(()) }
}

/// The target without dot segments. Most targets need no memory for that.
///
/// # Errors
/// It leads above its root, or is no path.
pub(crate) fn normal<'t>(target: &'t str, buffer: &'t mut Vec<u8>) -> Result<&'t str, ProxyError> {
    match normalize(target, &mut []) {
        Err(BadPath::Long) => {
            buffer.resize(target.len(), 0);
            Ok(normalize(target, buffer)?)
        }
        normal => Ok(normal?),
    }
}

/// The path and query of a target, and the host that it names in absolute form (RFC 9112 section 3.2.2).
pub(crate) fn absolute(target: &str) -> (&str, Option<&str>) {
    let rest = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let Some(rest) = rest else { return (target, None) };
    match rest.find(['/', '?']) {
        Some(at) => {
            let (host, path) = rest.split_at(at);
            (if path.starts_with('/') { path } else { "" }, Some(host))
        }
        None => ("/", Some(rest)),
    }
}

impl From<BadPath> for ProxyError {
    fn from(error: BadPath) -> Self {
        Self::BadRequest(format!("the request target: {error}"))
    }
}

fn nanos(value: &[u8]) -> Result<u64, ProxyError> {
    parse_nanos(value).map_err(|error| ProxyError::BadRequest(format!("MAELSTROM-DEADLINE-NANO: {error}")))
}

/// The time of this node's clock, in nanoseconds since 1970.
fn unix_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// Adds a field whose parts came from a head that was read, so that they hold no line end.
pub(super) fn put(text: &mut Vec<u8>, name: &str, value: &[u8]) {
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}

/// Adds a field. Writing into memory does not fail.
pub(super) fn line(text: &mut Vec<u8>, name: &str, value: impl Display) {
    let _ = write!(text, "{name}: {value}\r\n");
}

/// Adds a field with a number.
fn number(text: &mut Vec<u8>, name: &str, value: u64) {
    put(text, name, itoa::Buffer::new().format(value).as_bytes());
}

fn begin_list(text: &mut Vec<u8>, name: &str, values: &[&[u8]]) {
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b": ");
    for value in values {
        text.extend_from_slice(value);
        text.extend_from_slice(b", ");
    }
}
