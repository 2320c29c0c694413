//! One PEM file of a TLS directory.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use node_core::trust::MAX_CHAIN;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::error::{FileProblem, TlsError};

/// Longest file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The certificates of a `.crt` file: the node's own one, then those that it sends with it.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).take(MAX_CHAIN + 1).collect();
    match chain.map_err(|error| damage(&error).of(path))? {
        none if none.is_empty() => Err(FileProblem::Missing("certificate").of(path)),
        many if many.len() > MAX_CHAIN => Err(FileProblem::LongChain.of(path)),
        chain => Ok(chain),
    }
}

/// The private key of a `.key` file.
pub fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(path)?;
    // Both forms of an encrypted key hold the word: `BEGIN ENCRYPTED PRIVATE KEY`, and `Proc-Type: 4,ENCRYPTED` in the older form.
    if pem.windows(b"ENCRYPTED".len()).any(|text| text == b"ENCRYPTED") {
        return Err(FileProblem::Encrypted.of(path));
    }
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(FileProblem::Missing("private key").of(path)),
        Err(error) => Err(damage(&error).of(path)),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |error| FileProblem::Unreadable(error).of(path);
    // Checked before it is opened, because opening a pipe waits for its other end.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(FileProblem::NotAFile.of(path));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match read as u64 {
        0 => Err(FileProblem::Empty.of(path)),
        len if len > MAX_FILE => Err(FileProblem::TooLong.of(path)),
        _ => Ok(bytes),
    }
}

/// A text of our own, because the library's could show a line of a private key.
fn damage(error: &pem::Error) -> FileProblem {
    FileProblem::BadPem(match error {
        pem::Error::MissingSectionEnd { .. } => "stops in the middle",
        pem::Error::Base64Decode(_) => "is damaged",
        _ => "cannot be read",
    })
}
