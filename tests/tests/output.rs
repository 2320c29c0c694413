//! What a program says may reach nobody. That never stops it, and is never hidden.

use std::fs::File;
use std::io::{Write as _, pipe};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};
use node_tests::daemon::Setup;
use node_tests::http::Curl;
use node_tests::programs;
use node_tests::wait::eventually;
use serde_json::Value;
use tempfile::TempDir;

/// A daemon that is killed at the end.
struct Running {
    child: Child,
    addr: SocketAddr,
    _home: TempDir,
}

impl Running {
    /// Starts one with this standard error.
    fn start(stderr: Stdio) -> Self {
        let home = TempDir::new().unwrap();
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(programs::maelstromd().unwrap());
        command.env_clear().arg("--data-dir").arg(home.path()).args(["--private-addr", &addr.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Self { child, addr, _home: home }
    }

    fn health(&self) -> Result<Value> {
        let health = Curl::get(&format!("http://{}/_mael_health_check", self.addr));
        health.header("Accept: application/json").send()?.json()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_daemon_whose_log_cannot_be_written_runs_on_and_counts_the_lines() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let daemon = Running::start(full.into());
    eventually(|| {
        let health = daemon.health()?;
        ensure!(health["logLinesLost"].as_u64() > Some(0), "{health}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_daemon_whose_log_nobody_reads_runs_on() {
    let (reader, mut writer) = pipe().unwrap();
    // All that a pipe holds: the next line waits for ever.
    writer.write_all(&[b'x'; 64 * 1024]).unwrap();
    let daemon = Running::start(writer.into());
    eventually(|| daemon.health()).unwrap();
    drop(reader);
}

#[test]
fn maelctl_says_that_it_could_not_write_the_answer() {
    let node = Setup::named("ada").unwrap().start().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let url = format!("http://{}", node.private());
    let mut command = Command::new(programs::maelctl().unwrap());
    let output = command.args(["--url", &url, "cluster", "nodes"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("maelctl: cannot write the answer"), "{said}");
}
