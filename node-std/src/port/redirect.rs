//! Sends clients that came without TLS to the gateway's address with TLS.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use node_core::http::{NO_FIELD, RequestHead, find};
use node_core::route::rules::host_of;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::acceptor::accept;
use super::admission::Admission;

/// The longest head that is read: a browser's, with its cookies.
const MAX_HEAD: usize = 16 * 1024;
/// Most fields that are read.
const MAX_FIELDS: usize = 128;
/// How long a client may take to read the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Where clients are sent, and within which limits.
#[derive(Clone, Copy, Debug)]
pub struct Redirect {
    /// The port of the gateway with TLS.
    pub https_port: u16,
    /// How long a head may take.
    pub head_timeout: Duration,
}

impl Redirect {
    /// Answers every request on `listener`, one a connection, until `drain` is cancelled.
    pub async fn serve(self, listener: TcpListener, admission: Arc<Admission>, drain: CancellationToken) {
        accept(listener, &admission, drain, |io, peer, ticket| async move {
            // It needs no place: it ends before its time to say who it is does.
            if let Some(Err(error)) = ticket.drain().run_until_cancelled(self.answer(io)).await {
                tracing::debug!(%peer, %error, "a client could not be redirected");
            }
        })
        .await;
    }

    /// Answers the one request on `io`, and ends the connection.
    ///
    /// # Errors
    /// The client went away, or took too long.
    pub async fn answer(self, mut io: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut head = Vec::new();
        let location = timeout(self.head_timeout, self.read(&mut io, &mut head)).await??;
        let answer = match location {
            Some(location) => answer("308 Permanent Redirect", Some(&location), "This site speaks https\n"),
            None => {
                answer("400 Bad Request", None, "This site speaks https, and the request names no host\n")
            }
        };
        let write = async {
            io.write_all(answer.as_bytes()).await?;
            io.shutdown().await?;
            // What the client still sends is read, or closing would take the answer from it.
            tokio::io::copy(&mut io, &mut tokio::io::sink()).await.map(drop)
        };
        timeout(LINGER, write).await.unwrap_or(Ok(()))
    }

    /// Reads a head. Returns where its client is to go, `None` if that cannot be told.
    async fn read(self, io: &mut (impl AsyncRead + Unpin), head: &mut Vec<u8>) -> io::Result<Option<String>> {
        loop {
            if io.take(4096).read_buf(head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut slots = [NO_FIELD; MAX_FIELDS];
            match RequestHead::parse(head, &mut slots) {
                Ok(Some(head)) => return Ok(location(&head, self.https_port)),
                Ok(None) if head.len() < MAX_HEAD => {}
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }
}

/// Where the client of a request goes, `None` if the request names no host.
fn location(head: &RequestHead<'_, '_>, port: u16) -> Option<String> {
    // The host of an absolute target counts before the field (RFC 9112 section 3.2.2).
    let absolute =
        head.target.split_once("://").map(|(_, rest)| rest.split_at(rest.find('/').unwrap_or(rest.len())));
    let (authority, path) = match absolute.filter(|_| !head.target.starts_with('/')) {
        Some((authority, path)) => (authority, path),
        None => (core::str::from_utf8(find(head.fields, "host")?).ok()?.trim(), head.target),
    };
    let host = host_of(authority);
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if host.is_empty() || !(is_name || v6.is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok())) {
        return None;
    }
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = if path.starts_with('/') { path } else { "/" };
    Some(format!("https://{host}{port}{path}"))
}

/// An answer with its last line as the body.
fn answer(status: &str, location: Option<&str>, text: &str) -> String {
    let location = location.map(|url| format!("Location: {url}\r\n")).unwrap_or_default();
    let len = text.len();
    format!(
        "HTTP/1.1 {status}\r\n{location}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn answered(request: &str, https_port: u16) -> String {
        let redirect = Redirect { https_port, head_timeout: Duration::from_secs(5) };
        let (mut client, server) = duplex(64);
        let answering = tokio::spawn(redirect.answer(server));
        // The head arrives in parts.
        for part in request.as_bytes().chunks(7) {
            if client.write_all(part).await.is_err() {
                break;
            }
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        drop(client);
        answering.await.unwrap().unwrap();
        answer
    }

    async fn location(target: &str, host: &str, https_port: u16) -> String {
        let answer = answered(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), https_port).await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap();
        location.to_owned()
    }

    #[tokio::test]
    async fn the_path_is_kept_and_the_port_is_that_with_tls() {
        for (target, host, port, expected) in [
            ("/a/b?c=d", "www.example.org", 443, "https://www.example.org/a/b?c=d"),
            ("/a%2F..//", "www.example.org:8080", 8443, "https://www.example.org:8443/a%2F..//"),
            ("//evil.example/", "h", 443, "https://h//evil.example/"),
            ("http://other.example/x?y", "h", 443, "https://other.example/x?y"),
            ("/x?u=http://other/", "h", 443, "https://h/x?u=http://other/"),
            ("*", "h", 443, "https://h/"),
            ("/", "[fd00::1]:80", 443, "https://[fd00::1]/"),
        ] {
            assert_eq!(location(target, host, port).await, expected);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_redirected_is_refused() {
        for request in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: [::x]\r\n\r\n",
            "nonsense\r\n\r\n",
            &format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_HEAD)),
        ] {
            let answer = answered(request, 443).await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && !answer.contains("Location"),
                "{request}: {answer}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_no_head_is_not_waited_for() {
        let redirect = Redirect { https_port: 443, head_timeout: Duration::from_secs(5) };
        let (mut client, server) = duplex(64);
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n").await.unwrap();
        assert_eq!(redirect.answer(server).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
