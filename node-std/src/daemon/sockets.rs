//! The sockets of the daemon's ports.

use core::net::SocketAddr;
use std::io;

use tokio::net::{TcpListener, TcpSocket};

use super::error::DaemonError;
use crate::config::Config;

/// Connections that the system holds until they are accepted. It may hold fewer: see `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// The listening sockets.
pub(super) struct Sockets {
    pub(super) private: TcpListener,
    /// The address of the private port, with the number that the system chose.
    pub(super) private_addr: SocketAddr,
    /// A node without a gateway has none.
    pub(super) public: Option<TcpListener>,
    /// Where clients are sent to the gateway with TLS.
    pub(super) redirect: Option<TcpListener>,
}

impl Sockets {
    /// Binds the ports of `config`.
    ///
    /// # Errors
    /// A port cannot be listened on.
    pub(super) fn bind(config: &Config) -> Result<Self, DaemonError> {
        let private = listen("private", config.private_addr, "--private-addr or MAEL_PRIVATE_PORT")?;
        let public = match config.public_addr {
            Some(addr) => Some(listen("public", addr, "--public-addr or MAEL_PUBLIC_PORT")?),
            None => None,
        };
        let redirect = match config.gateway.redirect_addr {
            Some(addr) => {
                Some(listen("redirect", addr, "--public-redirect-addr or MAEL_PUBLIC_REDIRECT_ADDR")?)
            }
            None => None,
        };
        let private_addr = private.local_addr();
        let private_addr =
            private_addr.map_err(DaemonError::system("cannot tell the private port's address"))?;
        Ok(Self { private, private_addr, public, redirect })
    }
}

fn listen(port: &'static str, addr: SocketAddr, flag: &'static str) -> Result<TcpListener, DaemonError> {
    bind(addr).map_err(|error| DaemonError::Listen { port, addr, error, flag })
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library binds: a daemon that starts again need not wait for its former connections.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
