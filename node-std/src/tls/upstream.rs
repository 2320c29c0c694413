//! TLS towards the upstream of a component: a server that is no node, and proves its name by a CA that the operator names.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::endpoint::{ALPN_H2, ALPN_HTTP1};
use super::error::{FileProblem, TlsError};
use super::material;
use super::provider::provider;
use super::settings::Pem;

/// The configuration for connections to an upstream that one of `authorities` vouches for, by its name and for now. With `http2` the
/// upstream may choose HTTP/2 by ALPN.
///
/// A certificate that is no CA may stand among `authorities` as well: then the upstream may show just that one, as one does that signed
/// its own.
///
/// # Errors
/// A file cannot be read, or holds no certificate that can be trusted.
pub(crate) fn upstream_config(authorities: &[Pem], http2: bool) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for source in authorities {
        for certificate in material::authority(source)? {
            let added = roots.add(CertificateDer::from(certificate));
            added.map_err(|error| FileProblem::BadCertificate(error.to_string()).of(&source.place()))?;
        }
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_webpki_verifier(verifier)
        .with_no_client_auth();
    let h2 = http2.then(|| ALPN_H2.to_vec());
    config.alpn_protocols = h2.into_iter().chain([ALPN_HTTP1.to_vec()]).collect();
    Ok(Arc::new(config))
}
