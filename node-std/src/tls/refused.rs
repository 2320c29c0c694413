//! A peer whose certificate was refused, in an operator's words: who it is, which rule refused it, and the remedy.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use node_core::crypto::{Digest, Software};
use node_core::trust::{Certificate, Fingerprint, NoPath, Rejection, SubjectName};
use rustls::pki_types::{CertificateDer, ServerName};

/// Most names of a certificate that are shown.
const MAX_NAMES: usize = 8;

tokio::task_local! {
    /// Where the verifier leaves the refusal of the handshake that runs: the error of the TLS library has no room for it.
    static REFUSED: Arc<Mutex<Option<RefusedPeer>>>;
}

/// A peer whose certificate was refused.
#[derive(Clone, Debug)]
pub struct RefusedPeer {
    rejection: Rejection,
    /// What is known of its certificate.
    certificate: String,
    /// What this node dialled, if it did, and the names of the certificate.
    dialled: Option<String>,
    names: Vec<String>,
}

impl RefusedPeer {
    pub(super) fn new(
        rejection: Rejection,
        leaf: &CertificateDer<'_>,
        dialled: Option<&ServerName<'_>>,
    ) -> Self {
        let fingerprint = Fingerprint(Software.sha256(&[leaf]));
        let (certificate, names) = match Certificate::parse(leaf) {
            Ok(certificate) => (describe(&certificate, fingerprint), names(&certificate)),
            Err(_) => (format!("certificate {fingerprint}"), Vec::new()),
        };
        Self { rejection, certificate, dialled: dialled.map(|name| name.to_str().into_owned()), names }
    }

    /// Whether nobody here vouches for it, whatever else may be wrong with it.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(
            self.rejection,
            Rejection::Unknown { .. }
                | Rejection::NoPath { reason: NoPath::UnknownIssuer | NoPath::BadSignature, .. }
        )
    }

    /// Leaves it for the handshake that runs.
    pub(super) fn leave(self) {
        let _ =
            REFUSED.try_with(|refused| *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(self));
    }
}

/// Runs a handshake. Returns its outcome, and the peer whose certificate was refused in it.
pub async fn noting<T>(handshake: impl Future<Output = T>) -> (T, Option<RefusedPeer>) {
    let refused = Arc::default();
    let outcome = REFUSED.scope(Arc::clone(&refused), handshake).await;
    let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
    (outcome, refused)
}

impl fmt::Display for RefusedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rejection)?;
        if let (Rejection::OtherName { .. }, Some(dialled)) = (&self.rejection, &self.dialled) {
            let names = if self.names.is_empty() { "no name".to_owned() } else { self.names.join(", ") };
            write!(f, " (it is valid for {names}, not {dialled})")?;
        }
        write!(f, "; {}", self.certificate)?;
        match &self.dialled {
            Some(dialled) => write!(f, ", dialled as {dialled}"),
            None => Ok(()),
        }
    }
}

fn describe(certificate: &Certificate<'_>, fingerprint: Fingerprint) -> String {
    let subject = certificate.common_name.unwrap_or("unnamed");
    let issuer = if certificate.issuer == certificate.subject {
        "itself".to_owned()
    } else {
        certificate.issuer_name().unwrap_or("unnamed").to_owned()
    };
    let spki = Fingerprint(Software.sha256(&[certificate.spki]));
    format!("subject {subject}, issued by {issuer}, certificate {fingerprint}, public key {spki}")
}

fn names(certificate: &Certificate<'_>) -> Vec<String> {
    let name = |name: SubjectName<'_>| match name {
        SubjectName::Dns(name) | SubjectName::Email(name) | SubjectName::Uri(name) => name.to_owned(),
        SubjectName::Ip(address) => address.to_string(),
    };
    certificate.names().take(MAX_NAMES).map(name).collect()
}
