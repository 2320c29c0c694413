//! `maelctl cert crl`

use std::path::Path;

use x509_cert::der::Encode;

use super::authority::{self, Authority};
use super::error::CertError;
use super::files::Files;
use super::flags::CrlFlags;
use super::pem_file::MAX_FILE;
use super::report::Report;
use super::revocation_list::{RevocationList, positive};
use super::signature::Signed;
use crate::tls::read_chain;

const FILE: &str = "ca.crl";

/// Makes the list of revoked certificates, or extends the one that is there.
pub fn run(flags: &CrlFlags) -> Result<Report, CertError> {
    let CrlFlags { revoke, days, ca, dir } = flags;
    let mut ca = Authority::read(ca, dir)?;
    ca.check_may_sign_lists()?;
    let path = dir.join(FILE);
    let mut list = RevocationList::read(&path, &ca)?;
    let mut warnings = core::mem::take(&mut ca.warnings);
    for file in revoke {
        if !list.add(serial_number(file, &ca)?) {
            warnings.push(format!("{} is revoked already", file.display()));
        }
    }
    let (count, due) = (list.len(), list.due(*days));
    let der = list.sign(&ca, *days)?;
    // It must be possible to read it again.
    if der.len() > MAX_FILE / 2 {
        return Err(CertError::ListTooLong { path });
    }
    // The new list holds all of the old one.
    let mut files = Files::new(dir, true);
    files.add_pem(FILE, "X509 CRL", &der);
    Ok(Report {
        files: files.write()?,
        certificates: Vec::new(),
        warnings,
        next: format!(
            "copy {} ({count} revoked) to every node\n      make it anew before {due}: nodes may refuse the CA's certificates \
             without a current list",
            path.display()
        ),
    })
}

/// The serial number of a certificate that the CA signed.
fn serial_number(path: &Path, ca: &Authority) -> Result<Vec<u8>, CertError> {
    let chain = read_chain(path)?;
    let der = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let certificate = authority::parse(path, der)?;
    let tbs = &certificate.tbs_certificate;
    let message = tbs.to_der().unwrap_or_default();
    let signature = certificate.signature.raw_bytes();
    let signed = Signed { message: &message, algorithm: &certificate.signature_algorithm, signature };
    ca.check_signed(path, &tbs.issuer, &signed)?;
    let negative =
        || CertError::Unreadable { path: path.to_owned(), problem: "has a negative serial number" };
    positive(&tbs.serial_number).ok_or_else(negative)
}
