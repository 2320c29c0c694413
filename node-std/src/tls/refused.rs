//! A peer whose certificate was refused, in an operator's words: who it is, which rule refused it, and the remedy.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use node_core::crypto::{Digest, Software};
use node_core::trust::{Certificate, Fingerprint, NoPath, Rejection, SubjectName};
use rustls::pki_types::ServerName;

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
    /// Subject and issuer of its certificate.
    certificate: String,
    fingerprint: Fingerprint,
    spki: Fingerprint,
    /// What this node dialled, if it did, and the names of the certificate.
    dialled: Option<String>,
    names: Vec<String>,
    /// What the verify command says, if it was asked.
    said: Option<String>,
}

impl RefusedPeer {
    pub(super) fn new(rejection: Rejection, leaf: &[u8], dialled: Option<&ServerName<'_>>) -> Self {
        let fingerprint = Fingerprint(Software.sha256(&[leaf]));
        let parsed = Certificate::parse(leaf).ok();
        let spki =
            parsed.map_or(fingerprint, |certificate| Fingerprint(Software.sha256(&[certificate.spki])));
        let certificate =
            parsed.map_or_else(|| "unreadable".to_owned(), |certificate| describe(&certificate));
        let names = parsed.map(|certificate| names(&certificate)).unwrap_or_default();
        let dialled = dialled.map(|name| name.to_str().into_owned());
        Self { rejection, certificate, fingerprint, spki, dialled, names, said: None }
    }

    /// With what the verify command says.
    pub(super) fn saying(self, said: Option<String>) -> Self {
        Self { said, ..self }
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
        let reason = self.rejection.to_string();
        f.write_str(&reason)?;
        if let (Rejection::OtherName { .. }, Some(dialled)) = (&self.rejection, &self.dialled) {
            let names = if self.names.is_empty() { "no name".to_owned() } else { self.names.join(", ") };
            write!(f, " (it is valid for {names}, not {dialled})")?;
        }
        if let Some(said) = &self.said {
            write!(f, " ({said})")?;
        }
        write!(f, "; it is {}", self.certificate)?;
        // Most reasons name one of these themselves.
        for (what, sha256) in [("certificate", self.fingerprint), ("public key", self.spki)] {
            if !reason.contains(&sha256.to_string()) {
                write!(f, ", {what} {sha256}")?;
            }
        }
        match &self.dialled {
            Some(dialled) => write!(f, ", dialled as {dialled}"),
            None => Ok(()),
        }
    }
}

fn describe(certificate: &Certificate<'_>) -> String {
    let subject = certificate.common_name.unwrap_or("unnamed");
    let issuer = if certificate.issuer == certificate.subject {
        "itself".to_owned()
    } else {
        certificate.issuer_name().unwrap_or("unnamed").to_owned()
    };
    format!("{subject}, issued by {issuer}")
}

fn names(certificate: &Certificate<'_>) -> Vec<String> {
    let name = |name: SubjectName<'_>| match name {
        SubjectName::Dns(name) | SubjectName::Email(name) | SubjectName::Uri(name) => name.to_owned(),
        SubjectName::Ip(address) => address.to_string(),
    };
    certificate.names().take(MAX_NAMES).map(name).collect()
}
