//! Networks that break in every way between real daemons, each on a host of its own.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use node_tests::daemon::{Daemon, Mark, Setup};
use node_tests::network::{Host, Network, Side};
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;
use serde_json::Value;

const LEFT: [&str; 3] = ["ada", "ben", "cleo"];
const RIGHT: [&str; 3] = ["dora", "emil", "finn"];

/// One cluster on both sides of a cable.
struct World {
    network: Network,
    left: Vec<Node>,
    right: Vec<Node>,
    _keys: TlsDir,
}

struct Node {
    host: Host,
    daemon: Daemon,
}

impl World {
    /// Starts all nodes and waits until each sees every other alive.
    fn start() -> Self {
        let keys = TlsDir::generate(Algorithm::P256).unwrap();
        let mut network = Network::new().unwrap();
        let mut nodes: Vec<Node> = Vec::new();
        for (number, name) in LEFT.iter().chain(&RIGHT).enumerate() {
            let side = if number < LEFT.len() { Side::Left } else { Side::Right };
            let host = network.host(side).unwrap();
            let setup = Setup::named(name).unwrap().tls(keys.path()).within(&host.namespace);
            // Of the dials that fail, only debug lines show each.
            let setup = setup.private(SocketAddr::new(host.addr, 8374)).flag("--log", "info,node_std=debug");
            let setup = match nodes.first() {
                Some(first) => setup.join(first.daemon.private()),
                None => setup,
            };
            let daemon = setup.start().unwrap();
            nodes.push(Node { host, daemon });
        }
        let right = nodes.split_off(LEFT.len());
        let world = Self { network, left: nodes, right, _keys: keys };
        world.is_whole();
        world
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.left.iter().chain(&self.right)
    }

    /// Waits until every node sees every node alive; none has ended meanwhile.
    fn is_whole(&self) {
        for node in self.nodes() {
            node.sees(&LEFT, "alive");
            node.sees(&RIGHT, "alive");
        }
        for node in self.nodes() {
            node.daemon.uptime().unwrap();
        }
    }
}

impl Node {
    /// Waits until this node sees these members in this state.
    fn sees(&self, names: &[&str], state: &str) {
        let look = || {
            let nodes = self.daemon.ctl().nodes()?;
            for name in names {
                let found = nodes.iter().find(|node| node.name == *name);
                let found = found.map_or("unknown", |node| node.state.as_str());
                ensure!(found == state, "{} sees {name} {found}, not {state}", self.daemon.name());
            }
            Ok(())
        };
        eventually(look).unwrap();
    }

    /// Waits until this node failed to dial `other` so often after `mark` that a suspicion timeout is over.
    fn gives_up(&self, mark: Mark, other: &Self) {
        let failed = format!("address={}", other.daemon.private());
        let look = || {
            let log = self.daemon.logs_after(mark);
            let dials =
                log.iter().filter(|line| line.contains("cannot dial") && line.contains(&failed)).count();
            ensure!(dials >= 3, "{dials} dials from {} to {failed} failed", self.daemon.name());
            Ok(())
        };
        eventually(look).unwrap();
    }

    /// Members that this node ever held down.
    fn declared_down(&self) -> Result<Vec<Value>> {
        let events = self.daemon.ctl().json(&["cluster", "events"])?;
        let events = events["events"].as_array().into_iter().flatten();
        Ok(events.filter(|event| event["state"] == "down").cloned().collect())
    }
}

#[test]
fn halves_that_declared_each_other_down_become_one_again() {
    let world = World::start();
    world.network.cut().unwrap();
    for (half, own, lost) in [(&world.left, LEFT, RIGHT), (&world.right, RIGHT, LEFT)] {
        for node in half {
            node.sees(&lost, "down");
            node.sees(&own, "alive");
        }
    }
    world.network.mend().unwrap();
    world.is_whole();
}

#[test]
fn a_node_that_some_others_cannot_hear_is_not_declared_down() {
    let world = World::start();
    let [ada, _, _] = &world.left[..] else { unreachable!("three on the left") };
    let marks: Vec<Mark> = world.nodes().map(|node| node.daemon.mark()).collect();
    for other in &world.right {
        ada.host.lose(&other.host).unwrap();
    }
    // No node on the right hears ada, and ada hears all of them: no connection between them lasts or is made.
    for (other, mark) in world.right.iter().zip(&marks[LEFT.len()..]) {
        ada.gives_up(marks[0], other);
        other.gives_up(*mark, ada);
    }
    world.is_whole();
    for node in world.nodes() {
        assert_eq!(node.declared_down().unwrap(), Vec::<Value>::new(), "as {} has it", node.daemon.name());
    }
    for other in &world.right {
        ada.host.reach(&other.host).unwrap();
    }
    world.is_whole();
}

#[test]
fn a_cable_that_comes_and_goes_leaves_a_whole_cluster() {
    let world = World::start();
    // Nothing waits for these pauses: they are the fault. They grow, so that connections stall in many ways.
    for pause in (0..24).map(|step| Duration::from_millis(100 + 20 * step)) {
        world.network.cut().unwrap();
        sleep(pause);
        world.network.mend().unwrap();
        sleep(pause / 2);
    }
    world.is_whole();
    // They talk again across the cable.
    world.left[0]
        .daemon
        .ctl()
        .run(&["ping", RIGHT[0]])
        .map(|ping| assert_eq!(ping.code, 0, "{ping:?}"))
        .unwrap();
}
