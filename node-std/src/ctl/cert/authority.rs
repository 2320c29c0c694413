//! The CA that signs: its certificate and its key, of this program or of openssl.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use node_core::crypto::Software;
use node_core::time::UnixTime;
use node_core::trust::{self, Rfc3339};
use rcgen::{CertificateParams, Issuer, KeyIdMethod};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{KeyUsage, SubjectKeyIdentifier};
use x509_cert::name::Name;

use super::draft::Validity;
use super::error::CertError;
use super::flags::Signing;
use super::issuer_name;
use super::signature::{Signed, Signer};
use crate::clock::unix_time;
use crate::stack;
use crate::tls::{KeyPassword, read_chain, read_key};

/// A CA that can sign.
pub struct Authority {
    /// Its name and key, as rcgen signs with them.
    pub issuer: Issuer<'static, Signer>,
    /// The file of its certificate.
    pub path: PathBuf,
    /// Its name, as it must stand in what it signs.
    pub name: Name,
    /// The identifier of its key.
    pub key_id: Vec<u8>,
    /// What the user should know of it.
    pub warnings: Vec<String>,
    key: PathBuf,
    not_after: UnixTime,
    may_sign_lists: bool,
}

impl Authority {
    /// Reads the CA. `dir` is the output directory, where it lies by default.
    ///
    /// # Errors
    /// The files are not those of one CA that is valid and can sign.
    pub fn read(files: &Signing, dir: &Path) -> Result<Self, CertError> {
        let (path, key_path) = (files.certificate(dir), files.key(dir));
        if path.metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(CertError::NoCa { path });
        }
        let chain = read_chain(&path)?;
        let der = chain.first().ok_or(CertError::NoCa { path: path.clone() })?;
        let authority = trust::Authority::read(der, &Software);
        let authority = authority.map_err(|problem| CertError::NotCa { path: path.clone(), problem })?;
        let not_after = authority.not_after;
        if not_after < unix_time() {
            return Err(CertError::CaExpired { path, end: not_after });
        }
        let password = KeyPassword::of_process();
        let password = password.as_ref().map(KeyPassword::as_bytes);
        let signer = stack::wiped(|| read_key(&key_path, password).map(|key| Signer::new(&key)))?;
        let signer = signer.map_err(|reason| CertError::CaKey { path: key_path.clone(), reason })?;
        let certificate = parse(&path, der)?.tbs_certificate;
        if certificate.subject_public_key_info.to_der().ok().as_deref() != Some(signer.spki()) {
            return Err(CertError::CaKeyMismatch { certificate: path, key: key_path });
        }
        let malformed = |_| malformed(&path);
        let key_id = certificate.get::<SubjectKeyIdentifier>().map_err(malformed)?;
        let key_id = key_id.map_or_else(|| signer.key_id(), |(_, id)| id.0.as_bytes().to_vec());
        let usage = certificate.get::<KeyUsage>().map_err(malformed)?;
        let may_sign_lists = usage.is_none_or(|(_, usage)| usage.crl_sign());
        let mut params = CertificateParams::default();
        let no_copy = || CertError::CaName { path: path.clone() };
        params.distinguished_name = issuer_name::copy(&certificate.subject).ok_or_else(no_copy)?;
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_id.clone());
        let issuer = Issuer::new(params, signer);
        let (name, warnings) = (certificate.subject, exposed(&key_path).into_iter().collect());
        Ok(Self { issuer, path, name, key_id, warnings, key: key_path, not_after, may_sign_lists })
    }

    /// A period of so many days that ends with the CA at the latest. Says so if it does.
    pub fn validity(&mut self, days: u32) -> Validity {
        let validity = Validity::of_days(days);
        if validity.not_after <= self.not_after {
            return validity;
        }
        let end = Rfc3339(self.not_after);
        self.warnings
            .push(format!("the CA ends at {end}, and so does this certificate, before its {days} days"));
        Validity { not_after: self.not_after, ..validity }
    }

    /// # Errors
    /// The CA may sign certificates alone.
    pub fn check_may_sign_lists(&self) -> Result<(), CertError> {
        if self.may_sign_lists { Ok(()) } else { Err(CertError::NotCrlSigner { path: self.path.clone() }) }
    }

    /// Checks that the CA signed what is in the file at `path`.
    ///
    /// # Errors
    /// It is by another.
    pub fn check_signed(&self, path: &Path, issuer: &Name, signed: &Signed<'_>) -> Result<(), CertError> {
        if *issuer == self.name && signed.is_by(self.issuer.key().spki()) {
            return Ok(());
        }
        Err(CertError::OtherCa { path: path.to_owned(), ca: self.path.clone() })
    }

    /// Returns true when a file at `path` is one of the CA.
    pub fn owns(&self, path: &Path) -> bool {
        let target = path.canonicalize();
        target.is_ok_and(|target| {
            [&self.path, &self.key].iter().any(|own| own.canonicalize().is_ok_and(|own| own == target))
        })
    }
}

/// The certificate in DER that stands in the file at `path`.
pub fn parse(path: &Path, der: &[u8]) -> Result<Certificate, CertError> {
    Certificate::from_der(der).map_err(|_| malformed(path))
}

fn malformed(path: &Path) -> CertError {
    CertError::Unreadable {
        path: path.to_owned(),
        problem: "not a certificate as RFC 5280 wants it: make it anew",
    }
}

/// A warning about a key that others can read.
fn exposed(key: &Path) -> Option<String> {
    let mode = key.metadata().ok()?.mode() & 0o777;
    let exposed = mode & 0o044 != 0;
    exposed.then(|| {
        format!("{} has mode {mode:o}: others can read it, and can sign as this CA: chmod 600", key.display())
    })
}
