//! HTTP/1.1 message heads (RFC 9112) over lent memory, for code that serves or passes on HTTP without a full HTTP library: a
//! board's component, and both ends of a proxied request on a link.
//!
//! A proxied message on a link is one head as text, then the bare body: no chunking, the end of the
//! exchange's direction ends the body. A head that is not well-formed is refused. A head that is written here cannot smuggle in
//! a second line or message, whatever strings it is made of.

mod chunked;
mod connection;
mod encode;
mod error;
mod field;
mod framing;
mod head;
#[cfg(test)]
mod tests;
mod trailers;
mod version;

pub use chunked::{BadChunk, Chunk, ChunkDecoder};
pub use connection::Connection;
pub use encode::{HeadWriter, is_token};
pub use error::{EncodeError, HeadError};
pub use field::{Field, NO_FIELD, connection_options, content_length, find, is_hop_by_hop, lists, may_trail};
pub use framing::{BodyLength, FramingError, request_length, response_length};
pub use head::{RequestHead, ResponseHead};
pub use trailers::{BadTrailers, MAX_TRAILERS, Trailers};
pub use version::Version;
