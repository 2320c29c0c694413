//! The rustls configuration for each kind of connection on the private port.

use core::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, Error, ServerConfig};

use super::provider::provider;
use super::verifier::Verifier;

/// ALPN of the link protocol, version 1.
pub const ALPN_LINK: &[u8] = b"mael/1";
/// ALPN of HTTP/2.
pub const ALPN_H2: &[u8] = b"h2";
/// ALPN of HTTP/1.1.
pub const ALPN_HTTP1: &[u8] = b"http/1.1";

/// The fragment size of a server, so that a record fits the 4096-byte buffer of a leaf. rustls subtracts 5 bytes for the
/// header, and encryption adds 17 bytes.
///
/// A server does not know before the end of the handshake whether the peer is a leaf, and rustls does not negotiate the
/// length. So every peer that dials gets such records. Bulk data costs a third more CPU time to seal: 4.4 GB/s a core
/// instead of 5.8 GB/s with the longest records. Small requests cost the same.
const MAX_FRAGMENT: usize = 4096 - 17 + 5;

/// The name for a TLS connector. No verifier checks it, because a certificate proves membership and not which node
/// the peer is.
#[must_use]
pub fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into())
}

/// The configurations made from one keyring.
pub(super) struct Endpoint {
    pub(super) server: Arc<ServerConfig>,
    pub(super) link_client: Arc<ClientConfig>,
    pub(super) http_client: Arc<ClientConfig>,
}

impl Endpoint {
    /// Both sides show the certificate of `signer` and demand one that `verifier` accepts.
    ///
    /// Sessions are never resumed, because a resumed session outlives the rotation of its keys.
    pub(super) fn new(signer: CertifiedKey, verifier: Verifier) -> Result<Self, Error> {
        let signer = Arc::new(SingleCertAndKey::from(signer));
        let verifier = Arc::new(verifier);

        let mut server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::clone(&verifier) as _)
            .with_cert_resolver(Arc::clone(&signer) as _);
        server.alpn_protocols = [ALPN_LINK, ALPN_H2, ALPN_HTTP1].map(<[u8]>::to_vec).to_vec();
        server.max_fragment_size = Some(MAX_FRAGMENT);
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});

        let mut client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(signer);
        client.enable_sni = false;
        client.resumption = Resumption::disabled();
        let mut link_client = client.clone();
        link_client.alpn_protocols = vec![ALPN_LINK.to_vec()];
        client.alpn_protocols = vec![ALPN_HTTP1.to_vec()];

        Ok(Self {
            server: Arc::new(server),
            link_client: Arc::new(link_client),
            http_client: Arc::new(client),
        })
    }
}
