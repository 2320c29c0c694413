//! HTTP as people speak it to a port: curl.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::pki::{SERVER_NAME, TlsDir};

/// A request.
pub struct Curl {
    command: Command,
}

/// The response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Curl {
    /// Asks for `url`.
    #[must_use]
    pub fn get(url: &str) -> Self {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "120", url]);
        Self { command }
    }

    /// With a header, `NAME: value`.
    #[must_use]
    pub fn header(self, header: &str) -> Self {
        self.option("--header", header)
    }

    /// With a method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        self.option("--request", method)
    }

    /// Sends the file's content with POST.
    #[must_use]
    pub fn body(self, file: &Path) -> Self {
        self.option("--data-binary", &format!("@{}", file.display()))
    }

    /// With the certificate `stem` of `keys`.
    #[must_use]
    pub fn certificate(mut self, keys: &TlsDir, stem: &str) -> Self {
        self.command.arg("--cert").arg(keys.file(&format!("{stem}.crt")));
        self.command.arg("--key").arg(keys.file(&format!("{stem}.key")));
        self
    }

    /// With a server that must prove to have the certificate `stem` of `keys`. It is looked for on loopback by the
    /// name in the certificate, at `port`.
    #[must_use]
    pub fn trusting(mut self, keys: &TlsDir, stem: &str, port: u16) -> Self {
        self.command.arg("--cacert").arg(keys.file(&format!("{stem}.crt")));
        self.option("--resolve", &format!("{SERVER_NAME}:{port}:127.0.0.1"))
    }

    /// With any other option.
    #[must_use]
    pub fn option(mut self, option: &str, value: &str) -> Self {
        self.command.args([option, value]);
        self
    }

    /// With any other option that takes no value.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.command.arg(flag);
        self
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// No whole response came; the message is curl's.
    pub fn send(mut self) -> Result<Answer> {
        let dir = TempDir::with_prefix("curl-")?;
        let body = dir.path().join("body");
        self.command.arg("--output").arg(&body).args(["--write-out", "%{http_code}"]);
        let output = self.command.output().context("curl does not start")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", said.trim());
        // There is no file when there is no body.
        Ok(Answer {
            status: String::from_utf8(output.stdout)?.parse()?,
            body: fs::read(body).unwrap_or_default(),
        })
    }
}

impl Answer {
    /// Its body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as JSON.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{} {}", self.status, self.text()))
    }
}
