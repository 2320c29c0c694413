//! A TLS directory as the bundle that a board is provisioned with. This is independent of `maelctl keys push`, which is
//! under test.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use node_core::crypto::P256Secret;
use node_core::id::Name;
use node_core::keys::{Bundle, BundleSlot, MAX_BUNDLE};
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey as _;

use super::TlsDir;

impl TlsDir {
    /// As [`bundle`].
    ///
    /// # Errors
    ///
    /// As [`bundle`].
    pub fn bundle(&self) -> Result<Vec<u8>> {
        bundle(self.path())
    }
}

/// The certificates in `dir`, each with its key if it has one, encoded for a board. A certificate that a board must refuse is
/// encoded, too: an RSA certificate goes without its key, which has no place in a bundle.
///
/// # Errors
///
/// The directory cannot be read, openssl cannot read a certificate, or it is too much for a bundle.
pub fn bundle(dir: &Path) -> Result<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .with_context(|| dir.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "crt"));
    files.sort();
    let slots: Vec<_> = files.iter().map(|file| slot(file)).collect::<Result<_>>()?;
    let mut bundle = Bundle::default();
    for (file, (certificate, key)) in files.iter().zip(&slots) {
        let name: Name = file.file_stem().unwrap_or_default().to_string_lossy().parse()?;
        bundle.push(match key {
            Some(key) => BundleSlot::pair(name, certificate, P256Secret(key)),
            None => BundleSlot::trusted(name, certificate),
        })?;
    }
    Ok(bundle.encode(&mut [0; MAX_BUNDLE])?.to_vec())
}

/// A certificate in DER, and its key.
fn slot(certificate: &Path) -> Result<(Vec<u8>, Option<[u8; 32]>)> {
    let mut openssl = Command::new("openssl");
    let output = openssl.args(["x509", "-outform", "DER", "-in"]).arg(certificate).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key = fs::read_to_string(certificate.with_extension("key")).ok();
    let key = key.and_then(|key| SecretKey::from_pkcs8_pem(&key).ok()).map(|key| key.to_bytes().into());
    Ok((output.stdout, key))
}
