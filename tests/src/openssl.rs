//! The real `openssl s_client` as a client of a TLS port.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::pki::TlsDir;

/// Asks the port at `addr` for its health with the certificate `stem` of a directory, or without one, and returns all
/// that openssl printed: the certificate that it was shown, and the response if one came.
///
/// # Errors
///
/// openssl does not start. A refusal is no error here: the server shows it.
pub fn health(addr: SocketAddr, certificate: Option<(&TlsDir, &str)>) -> Result<String> {
    let mut openssl = Command::new("timeout");
    openssl.args(["60", "openssl", "s_client", "-ign_eof", "-connect", &addr.to_string()]);
    if let Some((keys, stem)) = certificate {
        openssl.arg("-cert").arg(keys.file(&format!("{stem}.crt")));
        openssl.arg("-key").arg(keys.file(&format!("{stem}.key")));
    }
    openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut openssl = openssl.spawn().context("openssl does not start")?;
    if let Some(mut stdin) = openssl.stdin.take() {
        // It fails when openssl has been refused already.
        let _ = stdin.write_all(
            b"GET /_mael_health_check HTTP/1.1\r\nHost: maelstrom.example.com\r\nConnection: close\r\n\r\n",
        );
    }
    let output = openssl.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
