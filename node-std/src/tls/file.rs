//! One file with keys, certificates or a password.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use node_core::trust::MAX_CHAIN;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::crl::MAX_LIST;
use super::error::{FileProblem, TlsError};
use super::password::KeyPassword;
use super::pem;
use super::secret_key::SecretKeyDer;

/// Longest file, in bytes.
const MAX_FILE: usize = 1 << 20;

/// Longest password, in bytes.
const MAX_PASSWORD: usize = 1024;

/// The certificates in a file: the node's own one, then those that it sends with it.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    chain_of(&read(path)?).map_err(|problem| problem.of(path))
}

/// The certificates in a PEM text, in their order. Other blocks are passed over.
pub(crate) fn chain_of(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, FileProblem> {
    let mut chain = Vec::new();
    for block in pem::blocks(text) {
        let block = block.map_err(FileProblem::BadPem)?;
        // Other blocks are not decoded: one may be a private key.
        if block.label != b"CERTIFICATE" {
            continue;
        }
        if chain.len() == MAX_CHAIN {
            return Err(FileProblem::LongChain);
        }
        chain.push(CertificateDer::from(block.decode().map_err(FileProblem::BadPem)?.to_vec()));
    }
    if chain.is_empty() { Err(FileProblem::Missing("certificate")) } else { Ok(chain) }
}

/// The private key in a file.
pub(crate) fn read_key(path: &Path, password: Option<&[u8]>) -> Result<SecretKeyDer, TlsError> {
    SecretKeyDer::from_pem(&read(path)?, password).map_err(|problem| FileProblem::from(problem).of(path))
}

/// The password in a file: its one line without the line end.
pub(super) fn read_password(path: &Path) -> Result<KeyPassword, TlsError> {
    let text = read(path)?;
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.len() > MAX_PASSWORD || line.contains(&b'\n') {
        return Err(FileProblem::BadPassword.of(path));
    }
    Ok(KeyPassword::new(line))
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    read_at_most(path, MAX_FILE, FileProblem::TooLong)
}

/// The bytes of a file with lists of revoked certificates, which may be long.
pub(super) fn read_list(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    // In PEM, a list takes a third more.
    read_at_most(path, MAX_LIST / 2 * 3, FileProblem::TooLongList)
}

fn read_at_most(path: &Path, most: usize, too_long: FileProblem) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |error| FileProblem::Unreadable(error).of(path);
    // Checked before it is opened, because opening a pipe waits for its other end.
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(FileProblem::NotAFile.of(path));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if length > most {
        return Err(too_long.of(path));
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
