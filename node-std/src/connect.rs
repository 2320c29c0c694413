//! Connects to a name: its addresses take part in a race, so that one that does not answer hides no other (RFC 8305).

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;
/// An address has so much time to answer before the next one is tried as well: the Connection Attempt Delay of RFC 8305.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses of `HOST:PORT`, in the order in which they are tried: as the system sorts them, IPv4 and IPv6 in turn.
///
/// # Errors
/// The name cannot be resolved, or has no address.
pub async fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    let sorted: Vec<SocketAddr> = tokio::net::lookup_host(address).await?.collect();
    let Some(first) = sorted.first().copied() else {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    };
    let (same, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        sorted.into_iter().partition(|addr| addr.is_ipv4() == first.is_ipv4());
    let mut other = other.into_iter();
    let mut addrs: Vec<SocketAddr> =
        same.into_iter().flat_map(|addr| [Some(addr), other.next()]).flatten().collect();
    addrs.extend(other);
    addrs.truncate(MAX_ADDRESSES);
    Ok(addrs)
}

/// The first connection to any of the addresses. Each is tried when the one before failed, or has not answered for a moment.
///
/// # Errors
/// That of an address; of several errors not *connection refused*, for a host that refuses shows nothing about the others.
pub async fn race(addrs: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut untried = addrs.iter().copied();
    let mut attempts = JoinSet::new();
    let mut worst: Option<io::Error> = None;
    loop {
        if let Some(addr) = untried.next() {
            attempts.spawn(TcpStream::connect(addr));
        }
        let ended = if untried.len() == 0 {
            attempts.join_next().await
        } else {
            match tokio::time::timeout(ATTEMPT_DELAY, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => {
                let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
                if worst.as_ref().is_none_or(refused) {
                    worst = Some(error);
                }
            }
            Some(Err(error)) => worst = Some(io::Error::other(error)),
            None => {
                let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                return Err(worst.unwrap_or_else(none));
            }
        }
    }
}

/// The first connection to any of the addresses of `HOST:PORT`.
///
/// # Errors
/// As for [`resolve`] and [`race`].
pub async fn connect(address: &str) -> io::Result<TcpStream> {
    match address.parse::<SocketAddr>() {
        Ok(addr) => TcpStream::connect(addr).await,
        Err(_) => race(&resolve(address).await?).await,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::net::TcpSocket;

    use super::*;

    /// An address where connections are never answered: nothing accepts them, and the queue is full.
    async fn unresponsive() -> (impl Sized, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(0).unwrap();
        let addr = listener.local_addr().unwrap();
        let waiting = TcpStream::connect(addr).await.unwrap();
        ((listener, waiting), addr)
    }

    fn refusing() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_hides_no_other() {
        let (_queue, unresponsive) = unresponsive().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let stream = race(&[unresponsive, refusing(), good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn addresses_that_all_refuse_refuse() {
        let error = race(&[refusing(), refusing()]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(race(&[]).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_tried_once() {
        let addrs = resolve("localhost:1").await.unwrap();
        assert!(addrs.iter().all(|addr| addr.ip().is_loopback()), "{addrs:?}");
        let mut distinct = addrs.clone();
        distinct.dedup();
        assert_eq!(addrs, distinct);
    }
}
