//! The head of a response on its way back.

use node_core::http::{BodyLength, Connection, ResponseHead, content_length, response_length};

use super::error::ProxyError;
use super::field::Kind;
use super::leg::{Carried, LegError, Outline, Protocol};
use super::request::{Request, put};
use super::trailers::named;

/// A response's head as it goes to the next hop.
pub(super) struct Reply {
    pub(super) status: u16,
    /// The first line, and the fields that do not end at this hop.
    pub(super) text: Vec<u8>,
    /// How long the body is that arrives.
    pub(super) body: BodyLength,
    pub(super) outline: Outline,
    /// The names of fields that end at this hop, also as trailers.
    pub(super) named: Vec<u8>,
    /// The upstream closes the connection after it.
    pub(super) closes: bool,
    /// What another node of the cluster says that failed.
    pub(super) error: Option<ProxyError>,
    /// A gateway's error: it counts against who gave it.
    pub(super) is_failure: bool,
}

/// The error in the field of an answer with this status.
fn told(status: u16, value: &[u8]) -> ProxyError {
    let text = String::from_utf8_lossy(value);
    let (code, what) = text.split_once(' ').unwrap_or((&text, "a node further on failed"));
    ProxyError::Told { status, unseen: matches!(code, "busy" | "unreachable"), what: what.to_owned() }
}

/// Marks a response that a node wrote to say what failed, so that the gateway does not show it to the world.
pub(super) const ERROR: &str = "maelstrom-error";

impl Reply {
    /// Takes in the response to `request`, whose head came so. `enters` says that this node let the request into the cluster.
    pub(super) fn take(
        head: &ResponseHead<'_, '_>,
        carried: Carried,
        request: &Request,
        enters: bool,
    ) -> Result<Self, LegError> {
        let Carried { protocol, ended } = carried;
        let connection = Connection::of(head.fields);
        let mut text = Vec::with_capacity(head.len + 64);
        let mut digits = itoa::Buffer::new();
        for part in ["HTTP/1.1 ", digits.format(head.status), " ", head.reason, "\r\n"] {
            text.extend_from_slice(part.as_bytes());
        }
        let switches = head.status == 101;
        let (mut error, mut announced) = (None, None);
        for field in head.fields {
            let (name, value) = (field.name, field.value);
            match Kind::of(name) {
                Kind::ContentLength => announced = content_length(head.fields).ok().flatten(),
                Kind::TransferEncoding | Kind::Connection => {}
                Kind::Upgrade if switches => put(&mut text, name, value),
                Kind::Maelstrom if name.eq_ignore_ascii_case(ERROR) => {
                    // A component does not speak for a node.
                    if protocol == Protocol::Link && enters {
                        error = Some(told(head.status, value));
                    } else if protocol == Protocol::Link {
                        put(&mut text, ERROR, value);
                    }
                }
                _ if connection.passes(name) => put(&mut text, name, value),
                _ => {}
            }
        }
        if switches {
            text.extend_from_slice(b"connection: upgrade\r\n");
        }
        // The node of the component has done so for a response that came over a link.
        if protocol != Protocol::Link {
            put(&mut text, "via", protocol.via(head.version).as_bytes());
        }
        let body = match response_length(head.version, head.status, request.is_head, head.fields)? {
            BodyLength::Chunked if protocol.ends_itself() => BodyLength::UntilClose,
            // A call of gRPC that failed ends so, and its client wants to see the end there (RFC 9113 section 8.1).
            BodyLength::UntilClose if ended => BodyLength::Known(0),
            body => body,
        };
        let outline = match body {
            BodyLength::None => {
                Outline { body, announced: announced.filter(|_| request.is_head || head.status == 304) }
            }
            BodyLength::Known(_) => Outline::of(body),
            BodyLength::Chunked | BodyLength::UntilClose => Outline::of(BodyLength::Chunked),
        };
        let closes = connection.close || body == BodyLength::UntilClose || {
            head.version == node_core::http::Version::Http10 && !connection.keep_alive
        };
        let is_failure = matches!(head.status, 502..=504);
        let named = named(head.fields, connection);
        Ok(Self { status: head.status, text, body, outline, named, closes, error, is_failure })
    }

    /// Whether another response to the same request follows.
    pub(super) const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }
}
