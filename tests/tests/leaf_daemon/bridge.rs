//! The bridge from the cable to a daemon on loopback: it passes on the bytes that arrive on the second stack.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use std::io;

use embassy_net::Stack;
use embassy_net::tcp::{Error, TcpSocket};
use embassy_time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::net::TcpStream;

/// The address at which the leaf dials its hub.
const PORT: u16 = 8374;
/// Bytes that are under way in each direction.
const WINDOW: usize = 16 * 1024;
/// A leaf that is not heard of for so long is gone.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Serves one connection after the other.
pub async fn serve(network: Stack<'static>, daemon: SocketAddr) {
    let (mut receive, mut send) = (vec![0; WINDOW], vec![0; WINDOW]);
    loop {
        let mut socket = Socket(TcpSocket::new(network, &mut receive, &mut send));
        socket.0.set_nagle_enabled(false);
        socket.0.set_timeout(Some(TIMEOUT));
        if socket.0.accept(PORT).await.is_err() {
            continue;
        }
        if pass(&mut socket, daemon).await.is_err() {
            socket.0.abort();
        }
        // A leaf that has gone does not hear how it ends.
        let _ = socket.0.flush().await;
    }
}

async fn pass(leaf: &mut Socket<'_>, daemon: SocketAddr) -> io::Result<()> {
    let mut daemon = TcpStream::connect(daemon).await?;
    daemon.set_nodelay(true)?;
    copy_bidirectional(leaf, &mut daemon).await.map(drop)
}

/// A socket of embassy-net as tokio wants it.
struct Socket<'n>(TcpSocket<'n>);

impl AsyncRead for Socket<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = pin!(self.0.read(buffer.initialize_unfilled())).poll(cx);
        buffer.advance(ready!(read).map_err(reset)?);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        pin!(self.0.write(bytes)).poll(cx).map_err(reset)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TCP sends without a flush.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.close();
        Poll::Ready(Ok(()))
    }
}

fn reset(_: Error) -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
