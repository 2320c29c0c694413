//! A list of revoked certificates, and what is shown of it.

use node_core::crypto::{Digest, Software};
use node_core::time::UnixTime;
use node_core::trust::{Edition, Fingerprint, RevocationList};
use webpki::{CertRevocationList, OwnedCertRevocationList};

use crate::tls::error::FileProblem;
use crate::tls::pem;

/// Longest list, in bytes: 400,000 entries.
pub const MAX_LIST: usize = 16 << 20;

/// A list of revoked certificates.
#[derive(Debug)]
pub struct Listed {
    /// What it revokes.
    pub list: CertRevocationList<'static>,
    /// Which of its issuer's lists it is.
    pub edition: Edition,
    /// SHA-256 of its DER.
    pub sha256: Fingerprint,
    /// When the next one is due.
    pub next_update: Option<UnixTime>,
    issuer_name: String,
    origin: String,
}

impl Listed {
    /// Reads a list in DER, which came from `origin`. Its signature is checked when it is used.
    pub fn read(der: &[u8], origin: String) -> Result<Self, String> {
        let head = RevocationList::parse(der).map_err(|error| error.to_string())?;
        let list = OwnedCertRevocationList::from_der(der).map_err(|error| error.to_string())?;
        Ok(Self {
            list: list.into(),
            edition: head.edition,
            sha256: Fingerprint(Software.sha256(&[der])),
            next_update: head.next_update,
            issuer_name: head.issuer_name.unwrap_or("an issuer without a common name").to_owned(),
            origin,
        })
    }

    /// Contents of the issuer's `Name`.
    pub fn issuer(&self) -> &[u8] {
        self.list.issuer()
    }

    /// What people call the issuer.
    pub fn issuer_name(&self) -> &str {
        &self.issuer_name
    }

    /// What is shown of it.
    pub fn status(&self, error: Option<String>) -> ListStatus {
        ListStatus {
            issuer: Some(self.issuer_name.clone()),
            this_update: Some(self.edition.this_update),
            next_update: self.next_update,
            origin: self.origin.clone(),
            error,
        }
    }
}

/// What is shown of a list, or of a URL that has none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListStatus {
    /// What people call the issuer.
    pub issuer: Option<String>,
    /// When it was issued.
    pub this_update: Option<UnixTime>,
    /// When the next one is due.
    pub next_update: Option<UnixTime>,
    /// The file or URL that it is from.
    pub origin: String,
    /// Why the last fetch brought none.
    pub error: Option<String>,
}

/// The lists in a text. A list is distributed in DER as often as in PEM.
pub fn ders(text: &[u8]) -> Result<Vec<Vec<u8>>, FileProblem> {
    // A SEQUENCE.
    if text.first() == Some(&0x30) {
        return Ok(vec![text.to_vec()]);
    }
    let mut found = Vec::new();
    for block in pem::blocks(text) {
        let block = block.map_err(FileProblem::BadPem)?;
        if block.label == b"X509 CRL" {
            found.push(block.decode().map_err(FileProblem::BadPem)?.to_vec());
        }
    }
    let missing = FileProblem::Missing("list of revoked certificates (X509 CRL)");
    if found.is_empty() { Err(missing) } else { Ok(found) }
}
