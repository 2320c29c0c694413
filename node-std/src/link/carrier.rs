//! The byte stream under a link.

use tokio::io::{AsyncRead, AsyncWrite};

/// A reliable ordered byte stream.
pub trait Carrier: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Carrier for T {}
