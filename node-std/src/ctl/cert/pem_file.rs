//! Files with PEM blocks of one kind, however many.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::CertError;
use crate::tls::blocks;

/// Longest file, in bytes.
pub const MAX_FILE: usize = 1 << 20;

/// The blocks with this label in the file at `path`, decoded. Other blocks are passed over: one may be a private key.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub fn read(path: &Path, label: &str) -> Result<Vec<Vec<u8>>, CertError> {
    let unreadable = |error| CertError::Read { path: path.to_owned(), error };
    let wrong = |problem| CertError::Unreadable { path: path.to_owned(), problem };
    // Checked before it is opened, because opening a pipe waits for its other end.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(wrong("is not a regular file"));
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() > MAX_FILE {
        return Err(wrong("is longer than 1 MiB"));
    }
    let mut found = Vec::new();
    for block in blocks(&text) {
        let damaged = |damage| CertError::Damaged { path: path.to_owned(), damage };
        let block = block.map_err(damaged)?;
        if block.label == label.as_bytes() {
            found.push(block.decode().map_err(damaged)?.to_vec());
        }
    }
    Ok(found)
}
