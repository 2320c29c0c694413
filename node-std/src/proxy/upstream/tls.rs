//! TLS to an upstream, which proves itself by a CA of its own.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::{UpstreamTls, UpstreamUrl, host_of};
use crate::tls::authorities;
use crate::tls::settings::Pem;

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

    /// Makes TLS on a connection, and offers these protocols.
    pub(super) async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let no_name = || io::Error::other("its host is no name that a certificate can have");
        let name = self.name.clone().ok_or_else(no_name)?;
        let roots = authorities(&self.authorities).map_err(io::Error::other)?;
        let mut config = ClientConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}
