//! The example of an application, as its own text says to start it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use anyhow::{Context as _, Result};
use node_tests::ctl::Ctl;
use node_tests::programs;
use node_tests::wait::{TIMEOUT, eventually};
use serde_json::json;
use tempfile::TempDir;

/// A program of the chat. It is killed with this value.
struct Chat {
    child: Child,
    lines: ChildStdin,
    shown: Receiver<String>,
    log: Receiver<String>,
    _home: TempDir,
}

impl Chat {
    fn start(name: &str, join: Option<SocketAddr>) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let mut chat = Command::new(programs::example("chat")?);
        chat.args(["host", "--", "--name", name, "--private-addr", "127.0.0.1:0", "--data-dir"]);
        chat.arg(home.path()).args(join.iter().flat_map(|join| ["--join".to_owned(), join.to_string()]));
        let mut child = chat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let lines = child.stdin.take().context("no standard input")?;
        let shown = read(child.stdout.take().context("no standard output")?);
        let log = read(child.stderr.take().context("no standard error")?);
        Ok(Self { child, lines, shown, log, _home: home })
    }

    /// The address of its private port.
    fn private(&self) -> Result<SocketAddr> {
        loop {
            let line = self.log.recv_timeout(TIMEOUT)?;
            if let Some((_, address)) = line.split_once("private port listening on ") {
                return Ok(address.split(' ').next().unwrap_or_default().parse()?);
            }
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.lines, "{line}").unwrap();
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream.
fn read(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // The test may be over.
            let _ = sender.send(line);
        }
    });
    lines
}

#[test]
fn people_chat_over_a_node_of_their_application() {
    let host = Chat::start("host", None).unwrap();
    let address = host.private().unwrap();
    let mut ada = Chat::start("ada", Some(address)).unwrap();
    let ben = Chat::start("ben", Some(address)).unwrap();
    // Until both have subscribed, a line reaches nobody, or one of them.
    let heard = |chat: &Chat, line: &str| chat.shown.try_iter().any(|shown| shown == line);
    let (mut at_ada, mut at_ben) = (false, false);
    eventually(|| {
        ada.say("hello");
        at_ada |= heard(&ada, "ada: hello");
        at_ben |= heard(&ben, "ada: hello");
        anyhow::ensure!(at_ada && at_ben, "heard by ada: {at_ada}, by ben: {at_ben}");
        Ok(())
    })
    .unwrap();
    // It is a node as any other.
    let ctl = Ctl::to(&format!("http://{address}"));
    let members = ctl.json(&["call", "ben", "MaelNode.ListMembers"]).unwrap();
    let mut names: Vec<_> = members["members"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    names.sort_by_key(|name| name.to_string());
    assert_eq!(json!(names), json!(["ada", "ben", "host"]));
}
