//! One PEM file of a TLS directory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use node_core::trust::MAX_CHAIN;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::error::{FileProblem, TlsError};
use super::pem::{self, Damage};
use super::secret_key::{NoKey, SecretKeyDer};

/// Longest file, in bytes.
const MAX_FILE: usize = 1 << 20;

/// The certificates of a `.crt` file: the node's own one, then those that it sends with it.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let mut chain = Vec::new();
    for block in pem::blocks(&text) {
        let block = block.map_err(|damage| damaged(damage).of(path))?;
        // Other blocks are not decoded: one may be a private key.
        if block.label != b"CERTIFICATE" {
            continue;
        }
        if chain.len() == MAX_CHAIN {
            return Err(FileProblem::LongChain.of(path));
        }
        let der = block.decode().map_err(|damage| damaged(damage).of(path))?;
        chain.push(CertificateDer::from(der.to_vec()));
    }
    if chain.is_empty() {
        return Err(FileProblem::Missing("certificate").of(path));
    }
    Ok(chain)
}

/// The private key of a `.key` file.
pub fn read_key(path: &Path) -> Result<SecretKeyDer, TlsError> {
    let text = read(path)?;
    SecretKeyDer::from_pem(&text).map_err(|problem| {
        let problem = match problem {
            NoKey::Missing => FileProblem::Missing("private key"),
            NoKey::Encrypted => FileProblem::Encrypted,
            NoKey::Damaged(damage) => damaged(damage),
        };
        problem.of(path)
    })
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |error| FileProblem::Unreadable(error).of(path);
    // Checked before it is opened, because opening a pipe waits for its other end.
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(FileProblem::NotAFile.of(path));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if length > MAX_FILE {
        return Err(FileProblem::TooLong.of(path));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    // Never grows, so it leaves no smaller copy behind. The byte more shows a file that has grown.
    let mut bytes = Zeroizing::new(vec![0; length + 1]);
    let read = fill(&mut file, &mut bytes).map_err(unreadable)?;
    bytes.truncate(read);
    match read {
        0 => Err(FileProblem::Empty.of(path)),
        read if read > length => Err(FileProblem::Growing.of(path)),
        _ => Ok(bytes),
    }
}

/// Reads until the end of the file or of the buffer.
fn fill(file: &mut File, mut buffer: &mut [u8]) -> io::Result<usize> {
    let capacity = buffer.len();
    while !buffer.is_empty() {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(read) => buffer = buffer.get_mut(read..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(capacity - buffer.len())
}

fn damaged(damage: Damage) -> FileProblem {
    FileProblem::BadPem(damage)
}
