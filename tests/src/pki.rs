//! Certificates as people make them: the scripts of Maelstrom's recipe, run by a shell with the real openssl.

mod authority;
mod bundle;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

pub use authority::Authority;
pub use bundle::bundle;

const CONFIGURE: &str = include_str!("pki/configure.sh");
const GENERATE: &str = include_str!("pki/generate.sh");
const PROMOTE: &str = include_str!("pki/promote.sh");
const RENEW: &str = include_str!("pki/renew.sh");
const EXPIRED: &str = include_str!("pki/expired.sh");

/// The name in every certificate of the recipe.
pub const SERVER_NAME: &str = "maelstrom.example.com";

/// The kind of key that openssl makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with 2048 bits, as the recipe says.
    Rsa,
    /// P-256, for clusters with boards.
    P256,
}

/// A TLS directory: `server_a`, `server_b` and `server_c`, each a `.key` and a `.crt`.
pub struct TlsDir {
    dir: TempDir,
    algorithm: Algorithm,
}

impl TlsDir {
    /// Steps 1 and 2 of the recipe.
    ///
    /// # Errors
    ///
    /// openssl is missing or fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let this = Self::empty(algorithm)?;
        this.shell(GENERATE)?;
        Ok(this)
    }

    /// Step 2 once more, on another machine: the same directory at another place.
    ///
    /// # Errors
    ///
    /// The files cannot be copied.
    pub fn copy(&self) -> Result<Self> {
        let copy = Self { dir: TempDir::with_prefix("tls-")?, algorithm: self.algorithm };
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            fs::copy(entry.path(), copy.file(&entry.file_name().to_string_lossy()))?;
        }
        Ok(copy)
    }

    /// The key rotation of the recipe, as on the machine where keys are made.
    ///
    /// # Errors
    ///
    /// A file is missing, or openssl fails.
    pub fn rotate(&self) -> Result<()> {
        self.shell(PROMOTE)?;
        self.shell(RENEW)
    }

    /// The key rotation as on every other machine: the same moves, then the new pair that `made` holds.
    ///
    /// # Errors
    ///
    /// A file is missing.
    pub fn rotate_like(&self, made: &Self) -> Result<()> {
        self.shell(PROMOTE)?;
        self.take(made, "server_b")
    }

    /// Copies the pair `stem` from `other`.
    ///
    /// # Errors
    ///
    /// It is not there, or cannot be written.
    pub fn take(&self, other: &Self, stem: &str) -> Result<()> {
        for name in [format!("{stem}.key"), format!("{stem}.crt")] {
            fs::copy(other.file(&name), self.file(&name)).with_context(|| name)?;
        }
        Ok(())
    }

    /// Adds the pair `expired`, which was valid in 2020.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn add_expired(&self) -> Result<()> {
        self.shell(EXPIRED)
    }

    /// Adds a pair that expires in so many seconds.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn add_brief(&self, stem: &str, seconds: u32) -> Result<()> {
        let end = format!("$(date -u -d '+{seconds} seconds' +%Y%m%d%H%M%SZ)");
        self.shell(&EXPIRED.replace("expired", stem).replace("20210101000000Z", &end))
    }

    /// A directory without pairs, in which some can be made.
    ///
    /// # Errors
    ///
    /// The folder cannot be made.
    pub fn empty(algorithm: Algorithm) -> Result<Self> {
        let this = Self { dir: TempDir::with_prefix("tls-")?, algorithm };
        this.shell(CONFIGURE)?;
        Ok(this)
    }

    /// A directory with one pair, whose key is in no other directory.
    ///
    /// # Errors
    ///
    /// openssl is missing or fails.
    pub fn with_pair(algorithm: Algorithm, stem: &str) -> Result<Self> {
        let this = Self::empty(algorithm)?;
        this.shell(&RENEW.replace("server_b", stem))?;
        Ok(this)
    }

    /// Copies the certificate `stem` from `other`, without its key, as `name`.
    ///
    /// # Errors
    ///
    /// It is not there, or cannot be written.
    pub fn trust(&self, other: &Self, stem: &str, name: &str) -> Result<()> {
        let (from, to) = (other.file(&format!("{stem}.crt")), self.file(&format!("{name}.crt")));
        fs::copy(from, to).with_context(|| name.to_owned())?;
        Ok(())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The file `name` in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The SHA-256 of the certificate `stem`, as nodes write it: `sha256:` and small hexadecimal digits.
    ///
    /// # Errors
    ///
    /// openssl cannot read it.
    pub fn fingerprint(&self, stem: &str) -> Result<String> {
        let mut openssl = Command::new("openssl");
        openssl
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(self.file(&format!("{stem}.crt")));
        let output = openssl.output().context("openssl does not start")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line = String::from_utf8(output.stdout)?;
        let (_, digits) = line.trim().split_once('=').with_context(|| line.clone())?;
        Ok(format!("sha256:{}", digits.replace(':', "").to_lowercase()))
    }

    fn shell(&self, script: &str) -> Result<()> {
        let script = match self.algorithm {
            Algorithm::Rsa => script.to_owned(),
            Algorithm::P256 => script.replace("rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256"),
        };
        let output = Command::new("sh").args(["-e", "-c", &script]).current_dir(self.path()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "a script of the recipe failed:\n{script}\n{said}");
        Ok(())
    }
}
