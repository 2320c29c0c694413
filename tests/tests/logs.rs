//! The log of any node, by HTTP and by maelctl.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use node_tests::cluster::Cluster;
use node_tests::daemon::{Daemon, Setup, Signal};
use node_tests::http::{Answer, Curl};
use node_tests::programs;
use node_tests::wait::eventually;
use rustix::process::{Pid, kill_process};
use serde_json::Value;
use tempfile::NamedTempFile;

/// What a daemon without TLS says when it gets SIGHUP.
const HANGUP: &str = "SIGHUP: there are no keys";

fn node() -> Daemon {
    Setup::named("ada").unwrap().start().unwrap()
}

fn pair() -> Cluster {
    let cluster = Cluster::plaintext(&["ada", "ben"], |setup| setup).unwrap();
    cluster.is_whole().unwrap();
    cluster
}

fn get(node: &Daemon, query: &str) -> Answer {
    Curl::get(&format!("http://{}/_mael/logs?{query}", node.private())).send().unwrap()
}

/// The lines that are there.
fn lines(node: &Daemon, query: &str) -> Vec<Value> {
    let answer = get(node, &format!("follow=false&{query}"));
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.is_empty() || text.ends_with("\r\n"), "{text}");
    text.split_terminator("\r\n").map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A request whose answer is read as it comes.
fn open(node: &Daemon) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(node.private()).unwrap();
    stream.write_all(b"GET /_mael/logs HTTP/1.1\r\nHost: ada\r\n\r\n").unwrap();
    let mut stream = BufReader::new(stream);
    let mut status = String::new();
    stream.read_line(&mut status).unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK\r\n");
    stream
}

/// Reads until a line holds this text.
fn find(lines: &mut impl Iterator<Item = std::io::Result<String>>, text: &str) -> Result<String> {
    for line in lines {
        let line = line?;
        if line.contains(text) {
            return Ok(line);
        }
    }
    anyhow::bail!("the answer ended without {text:?}")
}

/// A maelctl that runs on, killed at the end.
struct Following(Child);

impl Following {
    fn start(node: &Daemon, arguments: &[&str]) -> Self {
        let mut command = Command::new(programs::maelctl().unwrap());
        command.args(["--url", &format!("http://{}", node.private()), "logs", "--follow"]).args(arguments);
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn lines(&mut self) -> impl Iterator<Item = std::io::Result<String>> + use<> {
        BufReader::new(self.0.stdout.take().unwrap()).lines()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn curl_reads_the_lines_of_a_node() {
    let node = node();
    let all = lines(&node, "");
    let id = node.ctl().node("ada").unwrap().node_id;
    for (number, line) in (1..).zip(&all) {
        assert_eq!(
            (&line["number"], &line["node"], &line["nodeId"]),
            (&number.into(), &"ada".into(), &id.clone().into())
        );
        assert!(line["time"].as_str().unwrap().ends_with('Z') && line["target"].is_string(), "{line}");
    }
    let first = &all[0];
    assert!(first["message"].as_str().unwrap().starts_with("maelstromd "), "{first}");
    assert_eq!((&first["level"], &first["fields"]["name"]), (&"info".into(), &"ada".into()));
    let warnings = lines(&node, "level=warn");
    assert!(!warnings.is_empty() && warnings.iter().all(|line| line["level"] == "warn"), "{warnings:?}");
    assert_eq!(lines(&node, "after=1")[0]["number"], 2);
    assert_eq!(lines(&node, "since=1h").len(), lines(&node, "").len());
    assert!(lines(&node, "since=2200-01-01T00:00:00Z").is_empty());
    assert!(lines(&node, "components=web").is_empty());
}

#[test]
fn a_mistake_is_answered_with_its_remedy() {
    let node = node();
    for (query, status, named) in [
        ("sinc=1m", 400, "since"),
        ("since=yesterday", 400, "2026-01-31T08:00:00Z"),
        ("level=loud", 400, "error, warn, info, debug and trace"),
        ("node=nobody", 404, "maelctl cluster nodes"),
    ] {
        let answer = get(&node, query);
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.text().contains(named), "{query}: {}", answer.text());
    }
    let logs = format!("http://{}/_mael/logs", node.private());
    assert_eq!(Curl::get(&logs).method("POST").send().unwrap().status, 405);
    assert_eq!(Curl::get(&logs).header("Origin: http://evil.example").send().unwrap().status, 403);
    let output = node.ctl().run(&["logs", "--node", "nobody"]).unwrap();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("there is no node \"nobody\""), "{output:?}");
}

#[test]
fn a_reader_sees_new_lines_and_pings() {
    let node = node();
    let mut lines = open(&node).lines();
    // An idle node sends one each second.
    find(&mut lines, "{}").unwrap();
    node.signal(Signal::HUP).unwrap();
    find(&mut lines, HANGUP).unwrap();
}

#[test]
fn maelctl_shows_the_log_of_another_node_and_follows_it() {
    let cluster = pair();
    let [ada, ben] = [&cluster.nodes[0], &cluster.nodes[1]];
    let output = ada.ctl().run(&["logs", "--node", "ben"]).unwrap();
    assert_eq!(output.code, 0, "{output:?}");
    let first = output.stdout.lines().next().unwrap();
    assert!(first.contains("  INFO ben: maelstromd ") && first.contains(" name=ben"), "{first}");
    let output = ada.ctl().run(&["--json", "logs", "--node", "ben", "--level", "warn"]).unwrap();
    let lines: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| line["node"] == "ben" && line["level"] == "warn"), "{lines:?}");

    let mut following = Following::start(ada, &["--node", "ben"]);
    let mut lines = following.lines();
    find(&mut lines, "maelstromd ").unwrap();
    ben.signal(Signal::HUP).unwrap();
    find(&mut lines, HANGUP).unwrap();
    // Ctrl-C.
    kill_process(Pid::from_child(&following.0), Signal::INT).unwrap();
    assert!(following.0.wait().unwrap().success());
}

#[test]
fn who_follows_a_node_that_stops_hears_of_it() {
    let mut cluster = pair();
    let mut following = Following::start(&cluster.nodes[0], &["--node", "ben", "--json"]);
    let mut lines = following.lines();
    find(&mut lines, "maelstromd ").unwrap();
    cluster.nodes[1].kill();
    assert_eq!(following.0.wait().unwrap().code(), Some(1));
    let mut following = Following::start(&cluster.nodes[0], &[]);
    let mut lines = following.lines();
    find(&mut lines, "maelstromd ").unwrap();
    cluster.nodes[0].signal(Signal::TERM).unwrap();
    assert!(cluster.nodes[0].wait_for_exit().unwrap().success());
    assert_eq!(following.0.wait().unwrap().code(), Some(1));
}

#[test]
fn a_reader_that_is_too_slow_loses_lines_and_holds_nobody_up() {
    let node = Setup::named("ada").unwrap().flag("--log", "info,h2=trace").start().unwrap();
    let mut slow = open(&node);
    // Each frame of an upload over HTTP/2 is many lines of h2: far more in all than the node keeps and the sockets hold.
    let upload = NamedTempFile::new().unwrap();
    upload.as_file().set_len(1 << 20).unwrap();
    for _ in 0..40 {
        let ready = Curl::get(&format!("http://{}/_mael_ready", node.private()));
        let answer = ready.flag("--http2-prior-knowledge").body(upload.path()).send().unwrap();
        assert_eq!(answer.status, 200);
    }
    let mut text = String::new();
    let lost = loop {
        text.clear();
        assert_ne!(slow.read_line(&mut text).unwrap(), 0, "the answer ended");
        if text.contains(r#""lost":"#) {
            break serde_json::from_str::<Value>(&text).unwrap()["lost"].as_u64().unwrap();
        }
    };
    assert!(lost > 0);
    // What is lost is counted: the numbers go on behind it.
    let after = lines(&node, "level=info");
    assert!(after[0]["lost"].as_u64() > Some(0), "{}", after[0]);
}

#[test]
fn readers_beyond_the_limit_are_refused_until_one_goes() {
    let node = node();
    let mut readers: Vec<_> = (0..32).map(|_| open(&node)).collect();
    let answer = get(&node, "follow=false");
    assert_eq!(answer.status, 503, "{}", answer.text());
    readers.pop();
    eventually(|| {
        let answer = get(&node, "follow=false");
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(())
    })
    .unwrap();
    // The others go on.
    let mut byte = [0];
    readers[0].read_exact(&mut byte).context("a reader was cut off").unwrap();
}
