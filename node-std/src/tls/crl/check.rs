//! Whether a list that came by HTTP, or from the cache, is taken.

use std::sync::Arc;

use node_core::crypto::{Digest, Software};
use node_core::time::UnixTime;
use node_core::trust::{Fingerprint, RevocationList, Rfc3339};
use rustls::pki_types::SignatureVerificationAlgorithm;

use super::list::{Listed, ders};
use super::source::Sources;
use super::url::CrlUrl;

/// What a list is held against.
pub(super) struct Check<'c> {
    pub(super) url: &'c CrlUrl,
    pub(super) sources: &'c Sources,
    pub(super) in_use: Option<&'c Listed>,
    pub(super) algorithms: &'c [&'c dyn SignatureVerificationAlgorithm],
}

/// A list that passed.
pub(super) enum Passed {
    /// It is the one in use.
    Same,
    /// It is another one, whose DER comes with it.
    New(Arc<Listed>, Vec<u8>),
}

/// Why a list is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("it is no list of revoked certificates (one X509 CRL in DER or PEM)")]
    NoList,
    #[error(
        "the list is of {issuer}, not of the CA whose list is to be there: correct the server, or the URL in the configuration"
    )]
    OtherIssuer { issuer: String },
    #[error(
        "the list is of {issuer}, which is no CA that is trusted here: add that CA, or correct the server"
    )]
    UnknownIssuer { issuer: String },
    #[error(
        "the list says that it is of {issuer}, but that CA did not sign it: the server lies, or the CA has a new key"
    )]
    Forged { issuer: String },
    #[error("the list was issued at {}, before the one in use: correct the server", Rfc3339(*issued))]
    Older { issued: UnixTime },
    #[error("the list cannot be used: {0}")]
    Unusable(String),
}

impl Check<'_> {
    /// Checks a list in DER or PEM. The cheap checks come first.
    pub(super) fn take(&self, text: &[u8]) -> Result<Passed, NotTaken> {
        let lists = ders(text).map_err(|_| NotTaken::NoList)?;
        let [der] = <[Vec<u8>; 1]>::try_from(lists).map_err(|_| NotTaken::NoList)?;
        let head = RevocationList::parse(&der).map_err(|_| NotTaken::NoList)?;
        let issuer = || head.issuer_name.unwrap_or("an issuer without a common name").to_owned();
        if !self.sources.expects(self.url, head.issuer) {
            return Err(NotTaken::OtherIssuer { issuer: issuer() });
        }
        if self.sources.keys(head.issuer).next().is_none() {
            return Err(NotTaken::UnknownIssuer { issuer: issuer() });
        }
        if !self.sources.keys(head.issuer).any(|key| head.is_signed_by(key, self.algorithms)) {
            return Err(NotTaken::Forged { issuer: issuer() });
        }
        if let Some(in_use) = self.in_use {
            if in_use.issuer() != head.issuer {
                // A CA that is not trusted any more needs no list.
                if self.sources.keys(in_use.issuer()).next().is_some() {
                    return Err(NotTaken::OtherIssuer { issuer: issuer() });
                }
            } else if head.edition < in_use.edition {
                return Err(NotTaken::Older { issued: head.edition.this_update });
            } else if Fingerprint(Software.sha256(&[&der])) == in_use.sha256 {
                return Ok(Passed::Same);
            }
        }
        let listed = Listed::read(&der, self.url.to_string()).map_err(NotTaken::Unusable)?;
        Ok(Passed::New(Arc::new(listed), der))
    }
}
