//! The sockets of the daemon's ports.

use core::net::SocketAddr;

use tokio::net::TcpListener;

use super::error::DaemonError;
use crate::config::Config;

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
    pub(super) async fn bind(config: &Config) -> Result<Self, DaemonError> {
        let private = listen("private", config.private_addr, "--private-addr or MAEL_PRIVATE_PORT").await?;
        let public = match config.public_addr {
            Some(addr) => Some(listen("public", addr, "--public-addr or MAEL_PUBLIC_PORT").await?),
            None => None,
        };
        let redirect = match config.gateway.redirect_addr {
            Some(addr) => {
                Some(listen("redirect", addr, "--public-redirect-addr or MAEL_PUBLIC_REDIRECT_ADDR").await?)
            }
            None => None,
        };
        let private_addr = private.local_addr();
        let private_addr =
            private_addr.map_err(DaemonError::system("cannot tell the private port's address"))?;
        Ok(Self { private, private_addr, public, redirect })
    }
}

async fn listen(
    port: &'static str,
    addr: SocketAddr,
    flag: &'static str,
) -> Result<TcpListener, DaemonError> {
    TcpListener::bind(addr).await.map_err(|error| DaemonError::Listen { port, addr, error, flag })
}
