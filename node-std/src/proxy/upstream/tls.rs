//! TLS to an upstream, which proves itself by a CA of its own.

use std::io;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::{UpstreamTls, UpstreamUrl, host_of};
use crate::tls::settings::Pem;
use crate::tls::upstream_config;

/// Secures connections to one upstream. Its CAs are read for each connection, so that new ones count at once.
pub(super) struct Connector {
    authorities: Vec<Pem>,
    name: Option<ServerName<'static>>,
}

impl Connector {
    pub(super) fn new(url: &UpstreamUrl, tls: &UpstreamTls) -> Self {
        let name = tls.server_name.clone().or_else(|| host_of(&url.address));
        Self { authorities: tls.authorities.clone(), name }
    }

    /// Makes TLS on a connection. The upstream chooses the version of HTTP.
    pub(super) async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let no_name = || io::Error::other("its host is no name that a certificate can have");
        let name = self.name.clone().ok_or_else(no_name)?;
        let config = upstream_config(&self.authorities, true).map_err(io::Error::other)?;
        TlsConnector::from(config).connect(name, stream).await
    }
}
