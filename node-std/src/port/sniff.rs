//! Finds a connection's protocol from its first bytes. The protocol's server reads these bytes again.

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io::{self, IoSlice};

use node_core::id::Hex;
use node_core::link::PREFACE;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// A TLS ClientHello.
    Tls,
    /// The preface of a link.
    Link,
    /// An HTTP/1.x request.
    Http1,
    /// The preface of HTTP/2 (RFC 9113 section 3.4).
    Http2,
}

/// Reads from `io` until its protocol is certain, for `wait` at most. Returns the protocol, and a stream that gives the bytes
/// again.
///
/// # Errors
/// [`SniffError`].
pub(super) async fn sniff<IO: AsyncRead + Unpin>(
    mut io: IO,
    wait: Duration,
) -> Result<(Opening, Prefixed<IO>), SniffError> {
    let mut prefix = Prefix { bytes: [0; LONGEST], start: 0, end: 0 };
    let certain = async {
        loop {
            if let Some(opening) = opening(prefix.rest())? {
                return Ok(opening);
            }
            let room = prefix.bytes.get_mut(prefix.end..).unwrap_or_default();
            match io.read(room).await? {
                0 => return Err(SniffError::Closed),
                read => prefix.end += read,
            }
        }
    };
    let opening = tokio::time::timeout(wait, certain).await.map_err(|_| SniffError::Timeout(wait))??;
    Ok((opening, Prefixed { prefix, io }))
}

const HTTP2: &[u8; LONGEST] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes after which the protocol is certain. No known HTTP method is longer.
const LONGEST: usize = 24;

/// The protocol that begins with `bytes`, `None` while several do.
fn opening(bytes: &[u8]) -> Result<Option<Opening>, SniffError> {
    const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];
    for (preface, opening) in
        [(&TLS_HANDSHAKE[..], Opening::Tls), (&PREFACE, Opening::Link), (HTTP2, Opening::Http2)]
    {
        if bytes.starts_with(preface) {
            return Ok(Some(opening));
        }
        if preface.starts_with(bytes) {
            return Ok(None);
        }
    }
    // An empty line may come before a request (RFC 9112 section 2.2). Any token is a method, whether it is known or not.
    if bytes.first() == Some(&b'\r') || bytes.first() == Some(&b'\n') {
        return Ok(Some(Opening::Http1));
    }
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let method = bytes.iter().take_while(is_token).count();
    match bytes.get(method) {
        Some(b' ') if method > 0 => Ok(Some(Opening::Http1)),
        None if method < LONGEST => Ok(None),
        None => Ok(Some(Opening::Http1)),
        _ => Err(SniffError::Garbage(Hex(bytes).to_string())),
    }
}

/// A stream that gives a few bytes again before it continues.
#[derive(Debug)]
pub(super) struct Prefixed<IO> {
    prefix: Prefix,
    io: IO,
}

#[derive(Debug)]
struct Prefix {
    bytes: [u8; LONGEST],
    start: usize,
    end: usize,
}

impl Prefix {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Prefixed<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.prefix.rest();
        if rest.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let (now, _) = rest.split_at(rest.len().min(buf.remaining()));
        buf.put_slice(now);
        self.prefix.start += now.len();
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Prefixed<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Why the protocol of a connection is unknown.
#[derive(Debug, thiserror::Error)]
pub(super) enum SniffError {
    /// The peer closed before the protocol was certain.
    #[error("the peer closed before it said which protocol it speaks")]
    Closed,
    /// No port serves the protocol.
    #[error("the peer speaks neither TLS nor a link nor HTTP; it began with {0}")]
    Garbage(String),
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first bytes did not arrive in time.
    #[error("the peer did not say within {0:?} which protocol it speaks")]
    Timeout(Duration),
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn protocols_are_told_apart_and_nothing_is_lost() {
        for (bytes, expected) in [
            (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], Opening::Tls),
            (b"MAEL/1\r\nrest of the link, which is rather longer", Opening::Link),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04", Opening::Http2),
            (b"GET / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"M-SEARCH / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"PRI / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"MAEL / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"BASELINE-CONTROL / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"patch / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"MY_METHOD / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"\r\nGET / HTTP/1.1\r\n\r\n", Opening::Http1),
            (&[b'A'; 24], Opening::Http1),
        ] {
            // One byte at a time, then all at once.
            for piece in [1, bytes.len()] {
                let (mut client, server) = tokio::io::duplex(piece);
                let write = async {
                    client.write_all(bytes).await.unwrap();
                    client.shutdown().await.unwrap();
                };
                let read = async {
                    let (opening, mut io) = sniff(server, WAIT).await.unwrap();
                    let mut all = Vec::new();
                    io.read_to_end(&mut all).await.unwrap();
                    (opening, all)
                };
                let ((), (opening, all)) = tokio::join!(write, read);
                assert_eq!((opening, all.as_slice()), (expected, bytes));
            }
        }
    }

    #[tokio::test]
    async fn garbage_is_refused_immediately() {
        for bytes in [&b"\x16\x02"[..], b"\0", b" GET /", b"MAEL/2\r\n", b"SSH-2.0-x\r\n", b"a(b"] {
            let error = sniff(bytes, WAIT).await.unwrap_err();
            assert!(matches!(error, SniffError::Garbage(_)), "{bytes:?}: {error}");
        }
        let error = sniff(&b"\xde\xad\xbe\xef"[..], WAIT).await.unwrap_err();
        assert!(error.to_string().ends_with("it began with deadbeef"), "{error}");
    }

    #[tokio::test]
    async fn a_peer_that_closes_early_is_not_waited_for() {
        for bytes in [&b""[..], b"MAEL", b"\x16", b"GET"] {
            assert!(matches!(sniff(bytes, WAIT).await.unwrap_err(), SniffError::Closed));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_nothing_is_given_up() {
        let (_client, server) = tokio::io::duplex(64);
        let error = sniff(server, WAIT).await.unwrap_err();
        assert_eq!(error.to_string(), "the peer did not say within 5s which protocol it speaks");
    }
}
