//! Two nginx: each one process with one thread, HTTP/1.1 between them.

use std::path::Path;

use anyhow::Result;
use node_tests::pki::{SERVER_NAME, TlsDir};

use super::{Hops, Process, Upstream};

/// Starts both.
///
/// # Errors
///
/// nginx is missing.
pub fn start(keys: &TlsDir, upstream: &Upstream) -> Result<Box<dyn Hops>> {
    let private = process(|_| Ok(private(keys, &upstream.addr())))?;
    let gateway = process(|_| Ok(gateway(keys, &private.addr.to_string())))?;
    Ok(Box::new(Nginx { gateway, private }))
}

struct Nginx {
    gateway: Process,
    private: Process,
}

impl Hops for Nginx {
    fn url(&self) -> String {
        format!("http://{}", self.gateway.addr)
    }

    fn pids(&self) -> Vec<u32> {
        vec![self.gateway.pid(), self.private.pid()]
    }
}

/// Starts an nginx. `http` gives what its block `http` holds beside the common settings, where LISTEN is the address.
///
/// # Errors
///
/// nginx is missing.
pub fn process(http: impl FnOnce(&Path) -> Result<String>) -> Result<Process> {
    Process::start("nginx", &["-p", ".", "-c", "config", "-e", "stderr"], |folder, addr| {
        let http = http(folder)?.replace("LISTEN", &addr.to_string());
        // Without a master, the one process is the worker.
        Ok(format!(
            "daemon off; master_process off; pid pid; error_log stderr error;
            events {{ worker_connections 16384; }}
            http {{
                access_log off; tcp_nodelay on; keepalive_timeout 1h; keepalive_requests 1000000000;
                client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                {http}
            }}"
        ))
    })
}

/// What both hops have: connections that are kept, and bodies that stream through one large buffer, as ours do. For bodies
/// of 1 MB this costs less than `proxy_buffers 16 64k` or `8 16k`; for small ones all cost the same.
const PASSING: &str = "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering off;
    proxy_buffer_size 64k; proxy_buffers 4 64k;";

fn next(addr: &str) -> String {
    format!("upstream next {{ server {addr}; keepalive 256; keepalive_requests 1000000000; }}")
}

fn gateway(keys: &TlsDir, private: &str) -> String {
    let (next, [certificate, key]) = (next(private), pair(keys));
    format!(
        "{next}
        server {{
            listen LISTEN;
            location / {{
                proxy_pass https://next; {PASSING}
                proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on;
                proxy_ssl_certificate {certificate}; proxy_ssl_certificate_key {key};
                proxy_ssl_verify on; proxy_ssl_trusted_certificate {certificate}; proxy_ssl_name {SERVER_NAME};
            }}
        }}"
    )
}

fn private(keys: &TlsDir, upstream: &str) -> String {
    let (next, tls) = (next(upstream), tls(keys));
    format!("{next} server {{ {tls} location / {{ proxy_pass http://next; {PASSING} }} }}")
}

/// Starts an nginx that answers every request by itself, behind the same mutual TLS as the private port here.
///
/// # Errors
///
/// nginx is missing.
pub fn health(keys: &TlsDir) -> Result<Process> {
    process(|_| Ok(format!("server {{ {} location / {{ return 200 OK; }} }}", tls(keys))))
}

fn tls(keys: &TlsDir) -> String {
    let [certificate, key] = pair(keys);
    format!(
        "listen LISTEN ssl;
        ssl_protocols TLSv1.3; ssl_session_cache shared:tls:1m;
        ssl_certificate {certificate}; ssl_certificate_key {key};
        ssl_client_certificate {certificate}; ssl_verify_client on;"
    )
}

/// The files of the pair that both hops show and trust.
fn pair(keys: &TlsDir) -> [String; 2] {
    ["server_a.crt", "server_a.key"].map(|name| keys.file(name).display().to_string())
}
