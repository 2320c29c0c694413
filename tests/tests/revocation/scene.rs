//! A folder with CAs and certificates, and daemons that are held against their lists.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use node_tests::daemon::{Daemon, Setup};
use node_tests::http::Curl;
use node_tests::programs;
use node_tests::wait::eventually;
use serde_json::Value;
use tempfile::TempDir;

pub struct Scene(TempDir);

impl Scene {
    /// With a CA in `certs`, and agents of it with these names.
    pub fn with(agents: &[&str]) -> Self {
        let scene = Self(TempDir::with_prefix("revocation-").unwrap());
        scene.run("maelctl cert ca -n 'My Mesh CA' -o certs");
        for agent in agents {
            scene.run(&format!("maelctl cert agent -n {agent} --ip 127.0.0.1 -o certs"));
        }
        scene
    }

    /// Runs a script that must succeed.
    pub fn run(&self, script: &str) -> String {
        let programs = programs::maelctl().unwrap().parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-ec", script]).current_dir(self.0.path()).env("PATH", path);
        for variable in ["MAELSTROM_PRIVATE_URL", "MAEL_PRIVATE_TLS_DIR", "MAEL_DATA_DIR"] {
            shell.env_remove(variable);
        }
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    /// A new list of the CA, which revokes these agents too.
    pub fn list(&self, revoked: &[&str]) -> Vec<u8> {
        let revoked: String = revoked.iter().map(|name| format!(" --revoke certs/{name}.crt")).collect();
        self.run(&format!("maelctl cert crl{revoked}"));
        self.read("certs/ca.crl")
    }

    /// A daemon with the pair of this name in `certs`, and more lines of the map `tls`.
    pub fn setup(&self, name: &str, tls: &str) -> Setup {
        let dir = self.file("certs");
        let dir = dir.display();
        let mut text =
            format!("tls:\n  ca: {dir}/ca.crt\n  cert: {dir}/{name}.crt\n  key: {dir}/{name}.key\n");
        for line in tls.lines() {
            text += &format!("  {line}\n");
        }
        let path = self.file(&format!("{name}.yaml"));
        fs::write(&path, text).unwrap();
        Setup::named(name).unwrap().flag("--config", path.to_str().unwrap())
    }

    /// What a daemon says of its lists, to the agent of this name.
    pub fn lists(&self, daemon: &Daemon, asker: &str) -> Result<Vec<Value>> {
        let body = self.file("get-status.json");
        fs::write(&body, r#"{"jsonrpc":"2.0","id":1,"method":"NodeService.GetStatus","params":[{}]}"#)?;
        let mut answer = Curl::get(&format!("https://{}/_mael/v1", daemon.private()))
            .header("Content-Type: application/json")
            .body(&body)
            .option("--cert", self.file(&format!("certs/{asker}.crt")).to_str().context("path")?)
            .option("--key", self.file(&format!("certs/{asker}.key")).to_str().context("path")?)
            .option("--cacert", self.file("certs/ca.crt").to_str().context("path")?)
            .send()?
            .json()?;
        let lists = answer["result"]["status"]["tls"]["lists"].take();
        lists.as_array().cloned().with_context(|| answer.to_string())
    }
}

/// How the lists of `url` are fetched: each second.
pub fn fetching(check: &str, url: &str) -> String {
    format!(
        "crl_check: {check}\ncrl_url: {url}\ncrl_cache: {{http: 2000}}\ncrl_refresh: {{min: 1s, max: 1s}}"
    )
}

/// Waits until a daemon says that it has a link with the member of this name.
pub fn is_linked(daemon: &Daemon, other: &str) -> Result<()> {
    daemon.wait_for_log(&format!("link up with {other}")).map(drop)
}

/// Waits until the server was asked so many times for a path.
pub fn asked(server: &super::server::Server, path: &str, times: usize) {
    eventually(|| {
        let asked = server.asked(path);
        ensure!(asked >= times, "{path} was asked for {asked} times, not {times}");
        Ok(())
    })
    .unwrap();
}
