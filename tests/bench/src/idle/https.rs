//! Idle HTTPS connections: mutual TLS, and one request that was answered.

use std::io::ErrorKind;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use node_std::tls::Keyring;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const REQUEST: &[u8] = b"GET /_mael_health_check HTTP/1.1\r\nHost: bench\r\n\r\n";

/// A connection on which one request was answered.
///
/// # Errors
///
/// The request was not answered as it should be.
pub async fn open(keyring: &Keyring, addr: SocketAddr) -> Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let connector = TlsConnector::from(keyring.http_client_config());
    let mut stream = connector.connect(keyring.server_name(&addr.to_string()), stream).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"OK") {
        let length = stream.read_buf(&mut answer).await?;
        ensure!(length > 0, "{:?} is not the whole answer", String::from_utf8_lossy(&answer));
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    Ok(stream)
}

/// Whether the server has kept it.
pub fn is_open(stream: &TlsStream<TcpStream>) -> bool {
    // Nothing comes on an idle connection but its end.
    matches!(stream.get_ref().0.try_read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}
