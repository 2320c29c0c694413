//! A TLS directory as the bundle that a board is provisioned with. What `maelctl keys push` makes of one is its own
//! business: this is the jig, not the tool under test.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use node_core::crypto::P256Secret;
use node_core::id::Name;
use node_core::keys::{Bundle, BundleSlot, MAX_BUNDLE};
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey as _;

use super::TlsDir;

/// The slots of the recipe.
const STEMS: [&str; 3] = ["server_a", "server_b", "server_c"];

impl TlsDir {
    /// The three pairs, encoded for a board. What a board must refuse is encoded too: an RSA certificate goes without
    /// its key, which has no place in a bundle.
    ///
    /// # Errors
    ///
    /// A file is missing, openssl cannot read it, or it is too much for a bundle.
    pub fn bundle(&self) -> Result<Vec<u8>> {
        let slots: Vec<_> = STEMS.iter().map(|stem| self.slot(stem)).collect::<Result<_>>()?;
        let mut bundle = Bundle::default();
        for (stem, (certificate, key)) in STEMS.iter().zip(&slots) {
            let name = Name::try_from(*stem).map_err(|error| anyhow::anyhow!("{stem}: {error}"))?;
            let slot = match key {
                Some(key) => BundleSlot::pair(name, certificate, P256Secret(key)),
                None => BundleSlot::trusted(name, certificate),
            };
            bundle.push(slot)?;
        }
        Ok(bundle.encode(&mut [0; MAX_BUNDLE])?.to_vec())
    }

    fn slot(&self, stem: &str) -> Result<(Vec<u8>, Option<[u8; 32]>)> {
        let certificate = self.file(&format!("{stem}.crt"));
        let output = Command::new("openssl").args(["x509", "-outform", "DER", "-in"]).arg(&certificate).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let key = fs::read_to_string(self.file(&format!("{stem}.key"))).with_context(|| format!("{stem}.key"))?;
        let key = SecretKey::from_pkcs8_pem(&key).ok().map(|key| key.to_bytes().into());
        Ok((output.stdout, key))
    }
}
