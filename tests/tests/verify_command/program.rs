//! A verify command that is a script, and the configuration that names it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use node_tests::daemon::Setup;
use node_tests::openssl;
use node_tests::pki::TlsDir;
use tempfile::TempDir;

/// A script in a folder of its own.
pub struct Program {
    pub dir: TempDir,
}

impl Program {
    /// The script is run in the folder, and `$question` is what it is asked.
    pub fn new(script: &str) -> Self {
        let this = Self { dir: TempDir::with_prefix("verify-").unwrap() };
        let dir = this.dir.path().display();
        fs::write(this.path(), format!("#!/bin/sh\ncd {dir} || exit 9\n{script}\n")).unwrap();
        fs::set_permissions(this.path(), fs::Permissions::from_mode(0o755)).unwrap();
        this
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("verify.sh")
    }

    /// A daemon that asks it about those who dial (`server`), or about those who are dialled (`client`).
    pub fn setup(&self, name: &str, keys: &TlsDir, side: &str, more: &str) -> Setup {
        let config = self.dir.path().join(format!("{name}.yaml"));
        let text = format!("tls:\n  {side}:\n    verify_command: {}\n{more}", self.path().display());
        fs::write(&config, text).unwrap();
        Setup::named(name).unwrap().tls(keys.path()).flag("--config", config.to_str().unwrap())
    }
}

/// The serial number of a certificate, as `openssl` shows it, in small letters.
pub fn serial(keys: &TlsDir, stem: &str) -> String {
    let certificate = keys.file(&format!("{stem}.crt"));
    let output =
        Command::new("openssl").args(["x509", "-noout", "-serial", "-in"]).arg(certificate).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().strip_prefix("serial=").unwrap().to_ascii_lowercase()
}

/// Whether the port answers a client with this certificate.
pub fn is_let_in(node: &node_tests::daemon::Daemon, keys: &TlsDir, stem: &str) -> bool {
    openssl::health(node.private(), Some((keys, stem))).unwrap().contains("HTTP/1.1 200 OK")
}
