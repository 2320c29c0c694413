//! Linux nodes and one board that are one cluster over mutual TLS, and the steps of `cargo xtask demo` and of the tests
//! that do the same.

use std::net::SocketAddrV4;

use anyhow::{Context as _, Result, bail, ensure};
use board_settings::{Ip, Request, Settings};
use serde_json::Value;

use crate::board::{self, Board, Firmware, Options};
use crate::cluster::Cluster;
use crate::component::Component;
use crate::ctl::Node;
use crate::daemon::Daemon;
use crate::http::{Answer, Curl};
use crate::pki::{Algorithm, TlsDir};
use crate::wait::eventually;

/// The Linux nodes. Each has a component of its own name; [`COMPONENT`] is behind all but the first.
pub const NODES: [&str; 3] = ["alpha", "beta", "gamma"];
/// The board, and its component.
pub const BOARD: &str = "board";
/// A component behind Linux nodes, which the board asks again and again.
pub const COMPONENT: &str = "greeter";

/// The cluster that daemons belong to by default.
const CLUSTER: &str = "maelstrom";
/// The request that the board repeats.
const REQUEST: Request<'_> = Request { component: COMPONENT, path: "/from-the-board", period_ms: 250 };
/// Lines of a node's log that an error shows.
const SHOWN: usize = 15;

/// Three daemons, each with a gateway and a TLS directory of its own, and a board.
pub struct Fleet {
    /// The daemons, in the order of [`NODES`].
    pub cluster: Cluster,
    /// The board.
    pub board: Board,
    /// The directory in which keys are made; it is synced to each node.
    pub made: TlsDir,
    _component: Component,
}

impl Fleet {
    /// Makes keys, and starts three daemons that find each other.
    ///
    /// # Errors
    ///
    /// openssl fails, or a daemon does not start.
    pub fn daemons() -> Result<Daemons> {
        let made = TlsDir::generate(Algorithm::P256)?;
        let component = Component::start(COMPONENT)?;
        let url = component.url();
        let cluster = Cluster::tls(&NODES, &made, |setup| {
            let name = setup.name().to_owned();
            let setup = setup.component(&name, &url);
            if name == NODES[0] { setup } else { setup.component(COMPONENT, &url) }
        })?;
        Ok(Daemons { cluster, made, component })
    }

    /// The node of this name.
    ///
    /// # Panics
    ///
    /// None of [`NODES`] has it.
    #[must_use]
    pub fn node(&self, name: &str) -> &Daemon {
        self.cluster.nodes.iter().find(|node| node.name() == name).expect("one of NODES")
    }

    /// Waits until every daemon sees every member alive, the board among them.
    ///
    /// # Errors
    ///
    /// One does not; the message shows the log of the member that is not seen.
    pub fn is_whole(&self) -> Result<()> {
        self.cluster.is_whole()?;
        for node in &self.cluster.nodes {
            let seen = eventually(|| node.ctl().sees(BOARD, "alive"));
            self.about(BOARD, seen.with_context(|| format!("as {} sees it", node.name())))?;
        }
        Ok(())
    }

    /// The status of the board, asked through the gateway of `node`.
    ///
    /// # Errors
    ///
    /// It does not answer; the message shows its log.
    pub fn board_status(&self, node: &Daemon) -> Result<Value> {
        self.about(BOARD, board_status(node))
    }

    /// Sends `body` to the board through the gateway of `node`, and has it back.
    ///
    /// # Errors
    ///
    /// It does not come back; the message shows the board's log.
    pub fn board_echoes(&self, node: &Daemon, body: &str) -> Result<()> {
        let url = format!("{}/{BOARD}/echo", node.gateway());
        let answer = ok(Curl::get(&url).option("--data-binary", body));
        let answer = answer.and_then(|answer| {
            ensure!(answer.text() == body, "{body:?} came back as {:?}", answer.text());
            Ok(())
        });
        self.about(BOARD, answer)
    }

    /// Asks the component behind Linux nodes through the gateway of `node`.
    ///
    /// # Errors
    ///
    /// It does not answer; the message shows the node's log.
    pub fn component_answers(&self, node: &Daemon) -> Result<Value> {
        let answer = ok(Curl::get(&format!("{}/{COMPONENT}/", node.gateway())));
        self.about(node.name(), answer.and_then(|answer| answer.json()))
    }

    /// Waits until `more` requests of the board have been answered from now on, and returns how many have been, and
    /// how many failed, since it started.
    ///
    /// # Errors
    ///
    /// They are not; the message shows the board's log.
    pub fn board_is_answered(&self, more: u64) -> Result<(u64, u64)> {
        let [node, ..] = &self.cluster.nodes[..] else { bail!("there is no node") };
        let (before, _) = self.about(BOARD, board_status(node).and_then(requests))?;
        let goal = before + more;
        let enough = eventually(|| {
            let (answered, failed) = requests(board_status(node)?)?;
            ensure!(answered >= goal, "{answered} requests of the board are answered, {goal} are waited for");
            Ok((answered, failed))
        });
        self.about(BOARD, enough)
    }

    /// Makes the next key as the recipe says, in the directory where keys are made. Nobody uses it yet. Returns the
    /// SHA-256 of the certificate that is to be active.
    ///
    /// # Errors
    ///
    /// openssl fails.
    pub fn make_next_key(&self) -> Result<String> {
        self.made.rotate()?;
        self.made.fingerprint("server_a")
    }

    /// Brings the directory to the node at this place of [`NODES`], as the recipe does it there.
    ///
    /// # Errors
    ///
    /// The files cannot be moved.
    pub fn sync(&self, node: usize) -> Result<()> {
        self.cluster.keys.get(node).context("no such node")?.rotate_like(&self.made)
    }

    /// Brings `keys` to the board with `maelctl keys push`, and returns its output.
    ///
    /// # Errors
    ///
    /// It was refused; the message shows why, and the board's log.
    pub fn push(&self, keys: &TlsDir) -> Result<String> {
        let [node, ..] = &self.cluster.nodes[..] else { bail!("there is no node") };
        let dir = keys.path().display().to_string();
        let output = node.ctl().run(&["keys", "push", BOARD, &dir])?;
        let result = match output.code {
            0 => Ok(output.stdout),
            code => Err(anyhow::anyhow!("maelctl keys push ended with {code}: {}", output.stderr.trim())),
        };
        self.about(BOARD, result)
    }

    /// Waits until every daemon sees that every member's active key has this SHA-256.
    ///
    /// # Errors
    ///
    /// One has another; the message shows its log.
    pub fn all_use(&self, fingerprint: &str) -> Result<()> {
        for node in &self.cluster.nodes {
            for name in NODES.iter().chain([&BOARD]) {
                let used = eventually(|| uses(&node.ctl().node(name)?, fingerprint));
                self.about(name, used.with_context(|| format!("as {} sees it", node.name())))?;
            }
        }
        Ok(())
    }

    /// The whole rotation: make, sync to each, push to the board, wait for all.
    ///
    /// # Errors
    ///
    /// As its steps.
    pub fn rotate(&self) -> Result<()> {
        let next = self.make_next_key()?;
        for node in 0..NODES.len() {
            self.sync(node)?;
        }
        self.push(&self.made)?;
        self.all_use(&next)
    }

    /// The name of the hub that the board is linked to, as `node` sees it.
    ///
    /// # Errors
    ///
    /// It is linked to none that `node` knows.
    pub fn board_hub(&self, node: &Daemon) -> Result<String> {
        let nodes = node.ctl().nodes()?;
        let board = nodes.iter().find(|node| node.name == BOARD).context("the board is no member")?;
        let hub = nodes.iter().find(|node| board.hubs.contains(&node.node_id));
        hub.map(|hub| hub.name.clone()).with_context(|| format!("{:?} are no members", board.hubs))
    }

    /// Adds the last lines of the log of `who` to an error.
    ///
    /// # Errors
    ///
    /// The error of `result`.
    pub fn about<T>(&self, who: &str, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            let lines = match self.cluster.nodes.iter().find(|node| node.name() == who) {
                Some(node) => node.logs_after(Default::default()),
                None => self.board.logs(),
            };
            let skipped = lines.len().saturating_sub(SHOWN);
            let text = lines.iter().skip(skipped).fold(String::new(), |text, line| text + "\n  " + line);
            anyhow::anyhow!("{error:#}\nthe last lines of {who}:{text}")
        })
    }
}

/// The daemons before the board is there.
pub struct Daemons {
    /// The daemons.
    pub cluster: Cluster,
    /// The keys.
    pub made: TlsDir,
    component: Component,
}

impl Daemons {
    /// Starts the board: it knows the hubs in the order of [`NODES`], and its flash is provisioned with the keys.
    ///
    /// # Errors
    ///
    /// The firmware has not been built, or QEMU does not start.
    pub fn with_board(self, options: impl Into<Options>) -> Result<Fleet> {
        let options = options.into();
        let keyring = self.made.bundle()?;
        let mut settings = self.board_settings(Some(&keyring))?;
        if options.firmware == Firmware::Small {
            // It has no DHCP.
            settings.ip = Ip::Static { address: board::BOARD, prefix: 24, gateway: Some(board::HOST) };
        }
        let board = Board::start(Some(&settings), options)?;
        Ok(Fleet { cluster: self.cluster, board, made: self.made, _component: self.component })
    }

    /// The settings of the board, with this keyring.
    ///
    /// # Errors
    ///
    /// A daemon listens where a board cannot reach it.
    pub fn board_settings<'a>(&self, keyring: Option<&'a [u8]>) -> Result<Settings<'a>> {
        let mut settings = Settings::new(BOARD, CLUSTER);
        for node in &self.cluster.nodes {
            let hub = SocketAddrV4::new(board::HOST, node.private().port());
            settings.hubs.push(hub).ok().context("a board knows four hubs at most")?;
        }
        settings.uses.push(COMPONENT).ok().context("a board needs four components at most")?;
        settings.keyring = keyring;
        settings.request = Some(REQUEST);
        Ok(settings)
    }
}

fn ok(curl: Curl) -> Result<Answer> {
    let answer = curl.send()?;
    ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text().trim());
    Ok(answer)
}

fn board_status(node: &Daemon) -> Result<Value> {
    ok(Curl::get(&format!("{}/{BOARD}/", node.gateway())))?.json()
}

fn requests(status: Value) -> Result<(u64, u64)> {
    let count = |field: &str| status["requests"][field].as_u64();
    count("answered").zip(count("failed")).with_context(|| format!("no counts of requests in {status}"))
}

fn uses(node: &Node, fingerprint: &str) -> Result<()> {
    let active = node.active_key.as_deref().unwrap_or("no key");
    ensure!(active.ends_with(fingerprint), "{} uses {active}, not {fingerprint}", node.name);
    Ok(())
}
