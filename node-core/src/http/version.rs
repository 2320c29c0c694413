//! The versions of HTTP/1.

/// The minor version of an HTTP/1 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunks, and the connection closes unless both sides say otherwise.
    Http10,
    /// HTTP/1.1.
    Http11,
}
