//! Two haproxy: each one process with one thread, HTTP/2 between them.

use std::fs;

use anyhow::Result;
use node_tests::pki::{SERVER_NAME, TlsDir};

use super::{Hops, Process, Upstream};

/// Starts both.
///
/// # Errors
///
/// haproxy is missing.
pub fn start(keys: &TlsDir, upstream: &Upstream) -> Result<Box<dyn Hops>> {
    let upstream = format!("server next {}", upstream.addr());
    let tls = "ssl crt pair.pem ca-file pair.pem verify required alpn h2";
    let private = process(keys, &format!("LISTEN {tls}"), &upstream)?;
    let next = format!("server next {} {tls} proto h2 verifyhost {SERVER_NAME}", private.addr);
    let gateway = process(keys, "LISTEN", &next)?;
    Ok(Box::new(Haproxy { gateway, private }))
}

struct Haproxy {
    gateway: Process,
    private: Process,
}

impl Hops for Haproxy {
    fn url(&self) -> String {
        format!("http://{}", self.gateway.addr)
    }

    fn pids(&self) -> Vec<u32> {
        vec![self.gateway.pid(), self.private.pid()]
    }
}

fn process(keys: &TlsDir, bind: &str, server: &str) -> Result<Process> {
    Process::start("haproxy", &["-db", "-q", "-f", "config"], |folder, addr| {
        // haproxy takes both from one file.
        let pair = ["server_a.crt", "server_a.key"].map(|name| fs::read_to_string(keys.file(name)));
        let [certificate, key] = pair;
        fs::write(folder.join("pair.pem"), certificate? + &key?)?;
        let bind = bind.replace("LISTEN", &addr.to_string());
        Ok(format!("{SETTINGS}\nlisten hop\n  bind {bind}\n  {server}\n"))
    })
}

/// With the windows of HTTP/2 as they are by default, 64 KB, large bodies would wait for credit. Buffers of 32 KB cost less
/// for large bodies than those of 16 KB, which are the default, or of 64 KB.
const SETTINGS: &str = "\
global
  nbthread 1
  maxconn 1024
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-server-options ssl-min-ver TLSv1.3
  tune.h2.initial-window-size 1048576
  tune.h2.max-frame-size 32768
  tune.bufsize 32768
defaults
  mode http
  http-reuse always
  option http-keep-alive
  timeout connect 5s
  timeout client 1h
  timeout server 1h";
