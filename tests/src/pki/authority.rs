//! A CA, as people run one with openssl.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::TlsDir;

const MAKE: &str = include_str!("authority.sh");
const INTERMEDIATE: &str = include_str!("intermediate.sh");
const SIGN: &str = include_str!("sign.sh");

/// A CA with a P-256 key.
pub struct Authority {
    dir: TempDir,
}

impl Authority {
    /// A new one with this name.
    ///
    /// # Errors
    ///
    /// openssl is missing or fails.
    pub fn new(name: &str) -> Result<Self> {
        let this = Self { dir: TempDir::with_prefix("ca-")? };
        this.shell(MAKE, &[("NAME", name)])?;
        Ok(this)
    }

    /// One with this name that this one signs. What it signs is shown with the certificates between it and the root.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn intermediate(&self, name: &str) -> Result<Self> {
        let this = Self::new(name)?;
        let dir = this.dir.path().to_str().context("the folder's name")?;
        self.shell(INTERMEDIATE, &[("DIR", dir)])?;
        Ok(this)
    }

    /// Adds the pair `stem` to a TLS directory, signed for these alternative names: `IP:10.0.2.2,DNS:hub.example.com`.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn sign(&self, tls: &TlsDir, stem: &str, names: &str) -> Result<()> {
        let dir = tls.path().to_str().context("the folder's name")?;
        self.shell(SIGN, &[("STEM", stem), ("NAMES", names), ("DIR", dir)])?;
        Ok(())
    }

    /// Revokes a certificate: the next list names it.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn revoke(&self, certificate: &Path) -> Result<()> {
        let certificate = certificate.to_str().context("the file's name")?;
        self.shell("openssl ca -config ca.conf -revoke \"$CERTIFICATE\"", &[("CERTIFICATE", certificate)])?;
        Ok(())
    }

    /// Its certificate in DER.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn certificate(&self) -> Result<Vec<u8>> {
        self.shell("openssl x509 -in ca.crt -outform DER", &[])
    }

    /// The list of the certificates that it revoked, in DER.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn crl(&self) -> Result<Vec<u8>> {
        self.shell(
            "openssl ca -config ca.conf -gencrl -out ca.crl && openssl crl -in ca.crl -outform DER",
            &[],
        )
    }

    /// Runs a script in the folder of the CA, and returns what it prints.
    fn shell(&self, script: &str, variables: &[(&str, &str)]) -> Result<Vec<u8>> {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", script]).envs(variables.iter().copied()).current_dir(self.dir.path());
        let output = shell.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "a script of the CA failed:\n{script}\n{said}");
        Ok(output.stdout)
    }
}
