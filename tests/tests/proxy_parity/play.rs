//! Plays a request to both components.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use node_tests::cluster::Cluster;
use node_tests::upstream::{Script, Upstream};
use node_tests::wait::{TIMEOUT, eventually};

use crate::http2::Call;

/// A gateway with the component `loc` on its node, and `rem` on another. Both are the same upstream.
pub struct Stage {
    pub upstream: Upstream,
    cluster: Cluster,
}

/// What happened to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// What the client got, up to the end of the connection.
    pub answer: String,
    /// What the upstream was sent, without what differs by its nature.
    pub seen: Vec<String>,
}

impl Stage {
    /// `prefix` is the path of the upstream's URL.
    pub fn start(prefix: &str) -> Self {
        Self::with(prefix, "", &[])
    }

    /// The same with these settings of the component, as `max_body: 5`, and these flags of both nodes.
    pub fn with(prefix: &str, settings: &str, flags: &[(&str, &str)]) -> Self {
        let upstream = Upstream::start().unwrap();
        let url = format!("{}{prefix}", upstream.url());
        let cluster = Cluster::plaintext(&["one", "two"], |setup| {
            let name = if setup.name() == "one" { "loc" } else { "rem" };
            let text = format!("components:\n  {name}: {{ url: \"{url}\", {settings} }}\n");
            flags.iter().fold(setup.config(&text).unwrap(), |setup, (flag, value)| setup.flag(flag, value))
        })
        .unwrap();
        let stage = Self { upstream, cluster };
        eventually(|| {
            let answer = stage.ask("GET /rem/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            anyhow::ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            Ok(())
        })
        .unwrap();
        stage
    }

    /// Plays `request`, in which `COMPONENT` stands for the component, to both. They must not differ.
    pub fn play(&self, request: &str, script: &Script) -> Played {
        let [here, there] = ["loc", "rem"].map(|component| {
            self.upstream.plays(script.clone());
            let answer = self.ask(&request.replace("COMPONENT", component));
            let seen = self.upstream.seen().unwrap().iter().map(|seen| comparable(seen, component)).collect();
            Played { answer: answer.replace(component, "COMPONENT"), seen }
        });
        assert_eq!(here, there, "{request}");
        here
    }

    /// The same with a request of HTTP/2.
    pub fn play_http2(&self, request: &Call) -> Played {
        let script = Script::answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let [here, there] = ["loc", "rem"].map(|component| {
            self.upstream.plays(script.clone());
            let answer = request.send(&self.gateway(), component);
            let seen = self.upstream.seen().unwrap().iter().map(|seen| comparable(seen, component)).collect();
            Played { answer, seen }
        });
        assert_eq!(here, there, "{request:?}");
        here
    }

    /// The address of the gateway.
    pub fn gateway(&self) -> String {
        self.cluster.nodes[0].gateway().trim_start_matches("http://").to_owned()
    }

    /// The address of the private port of the same node.
    pub fn private(&self) -> String {
        self.cluster.nodes[0].private().to_string()
    }

    /// Sends bytes to the gateway, and reads up to the end of the connection.
    pub fn ask(&self, bytes: &str) -> String {
        Self::ask_at(&self.gateway(), bytes)
    }

    /// The same at another port.
    pub fn ask_at(port: &str, bytes: &str) -> String {
        let mut stream = TcpStream::connect(port).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        assert!(read.is_ok(), "no end after {:?}", String::from_utf8_lossy(&answer));
        let _ = stream.shutdown(Shutdown::Both);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A request without the fields whose values differ between two nodes, or from moment to moment.
fn comparable(seen: &str, component: &str) -> String {
    let (head, body) = seen.split_once("\r\n\r\n").unwrap_or((seen, ""));
    let differs = ["maelstrom-relay-path", "maelstrom-deadline-nano", "maelstrom-start-nano"];
    let mut lines: Vec<&str> =
        head.lines().filter(|line| !differs.iter().any(|name| line.starts_with(name))).collect();
    if let Some(fields) = lines.get_mut(1..) {
        fields.sort_unstable();
    }
    format!("{}\n\n{body}", lines.join("\n")).replace(component, "COMPONENT")
}
