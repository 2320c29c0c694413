//! The rustls configuration for each kind of connection on the private port.

use std::sync::Arc;

use node_core::crypto::{Digest, Software};
use node_core::trust::Fingerprint;
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, Error, ServerConfig, SignatureScheme};

use super::settings::Protocol;
use super::trust::Trust;
use super::verifier::Verifier;

/// ALPN of the link protocol, version 1.
pub const ALPN_LINK: &[u8] = b"mael/1";
/// ALPN of HTTP/2.
pub const ALPN_H2: &[u8] = b"h2";
/// ALPN of HTTP/1.1.
pub const ALPN_HTTP1: &[u8] = b"http/1.1";

/// A configuration, and the certificate that a connection with it shows. They belong together also while the keyring changes.
#[derive(Clone, Debug)]
pub struct Shows<C> {
    /// The configuration.
    pub config: Arc<C>,
    /// SHA-256 of the certificate.
    pub certificate: Fingerprint,
}

/// The configurations made from one keyring.
pub(super) struct Endpoint {
    /// With the active pair.
    server: Server,
    /// With the other pairs that a peer may be shown which dials.
    others: Vec<Server>,
    pub(super) link_client: Arc<ClientConfig>,
    pub(super) http_client: Arc<ClientConfig>,
}

/// The configuration that shows a pair.
struct Server {
    key: Arc<dyn SigningKey>,
    shows: Shows<ServerConfig>,
}

impl Endpoint {
    /// This node shows `active`, or the first one of `others` if its peer cannot verify that; when it dials, it shows `client`.
    /// `verifier` judges what this node is shown.
    ///
    /// Sessions are never resumed, because a resumed session outlives the rotation of its keys.
    pub(super) fn new(
        active: CertifiedKey,
        others: Vec<CertifiedKey>,
        client: CertifiedKey,
        protocol: &Protocol,
        trust: &Arc<Trust>,
        verifier: Verifier,
    ) -> Result<Self, Error> {
        let verifier = Arc::new(verifier);
        let server = |pair: CertifiedKey| {
            let leaf = pair.cert.first().map(AsRef::as_ref).unwrap_or_default();
            let (key, certificate) = (Arc::clone(&pair.key), Fingerprint(Software.sha256(&[leaf])));
            let versions: &[_] = if protocol.tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
            let mut server = ServerConfig::builder_with_provider(Arc::clone(&trust.provider))
                .with_protocol_versions(versions)?
                .with_client_cert_verifier(Arc::clone(&verifier) as _)
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
            server.alpn_protocols = [ALPN_LINK, ALPN_H2, ALPN_HTTP1].map(<[u8]>::to_vec).to_vec();
            server.send_tls13_tickets = 0;
            server.session_storage = Arc::new(NoServerSessionStorage {});
            // Without it a channel of TLS 1.2 is not bound to its ends (RFC 7627).
            server.require_ems = true;
            Ok(Server { key, shows: Shows { config: Arc::new(server), certificate } })
        };
        let others = others.into_iter().map(server).collect::<Result<Vec<_>, Error>>()?;
        let server = server(active)?;

        let mut client = ClientConfig::builder_with_provider(Arc::clone(&trust.provider))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(client)));
        client.resumption = Resumption::disabled();
        let mut link_client = client.clone();
        link_client.alpn_protocols = vec![ALPN_LINK.to_vec()];
        client.alpn_protocols = vec![ALPN_HTTP1.to_vec()];

        Ok(Self { server, others, link_client: Arc::new(link_client), http_client: Arc::new(client) })
    }

    /// The configuration with the active pair.
    pub(super) fn server(&self) -> Shows<ServerConfig> {
        self.server.shows.clone()
    }

    /// The configuration for a peer that dials and can verify signatures by these schemes. For one that can verify none, the
    /// library says why.
    pub(super) fn server_for(&self, schemes: &[SignatureScheme]) -> Shows<ServerConfig> {
        let all = core::iter::once(&self.server).chain(&self.others);
        let verifiable = |server: &&Server| server.key.choose_scheme(schemes).is_some();
        all.into_iter().find(verifiable).unwrap_or(&self.server).shows.clone()
    }
}
