//! What a scenario says. Times are in seconds, ways of the network in milliseconds, shares from 0 to 1.

use core::time::Duration;

use anyhow::{Context as _, Result, ensure};
use node_core::sim::Conditions;
use serde::Deserialize;

/// A scenario, as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What happens, in a sentence.
    pub about: String,
    /// How many nodes it is played with.
    pub nodes: Vec<usize>,
    /// The share of them that are leaves.
    pub leaves: f64,
    /// How it begins.
    pub start: Start,
    /// How long the cluster runs before anything counts.
    pub settle: f64,
    /// How long it is watched then.
    pub lasts: f64,
    /// The network.
    pub network: Network,
    /// What happens, counted from the end of `settle`.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
    /// What is printed.
    pub measure: Vec<Measure>,
}

/// How a cluster begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// All know all, and the overlay stands.
    Whole,
    /// All start at once, and know the first two.
    Together,
}

/// The network between all pairs of nodes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Shortest way.
    pub delay: f64,
    /// It takes up to this much longer.
    pub jitter: f64,
    /// Share of packets that are lost.
    #[serde(default)]
    pub loss: f64,
    /// Bytes a second on each link; as many as it likes without.
    #[serde(default)]
    pub bandwidth: Option<u64>,
    /// Mean life of a link in seconds; without, none breaks by itself.
    #[serde(default)]
    pub link_life: Option<f64>,
}

/// Something that happens, once or again and again.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: f64,
    /// Time to the next.
    #[serde(default)]
    pub every: f64,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
    /// What.
    #[serde(rename = "do")]
    pub action: Action,
}

const fn once() -> u32 {
    1
}

/// What happens.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// A hub changes what it offers.
    Change,
    /// Processes of hubs end; their kernels say so.
    Crash {
        /// How many at once.
        nodes: usize,
    },
    /// Machines lose their power for good, and nobody is told.
    Vanish {
        /// The share that does, all at once.
        share: f64,
    },
    /// Hubs leave.
    Leave {
        /// How many at once.
        nodes: usize,
    },
    /// New hubs join.
    Join {
        /// How many at once.
        nodes: usize,
    },
    /// Nodes crash and start again.
    Restart {
        /// The share that does.
        share: f64,
        /// How long they are gone.
        gone: f64,
        /// Whether they forget in which incarnation they were.
        #[serde(default)]
        forget: bool,
    },
    /// From now on, this share of all nodes stands still at any time, each for a random while; or with `rest` always the same
    /// nodes, each now and then.
    Pause {
        /// The share.
        share: f64,
        /// The shortest while.
        from: f64,
        /// The longest while.
        to: f64,
        /// How long a node runs between two pauses, on average.
        #[serde(default)]
        rest: f64,
    },
    /// From now on, this share of all nodes is slow.
    Slow {
        /// The share.
        share: f64,
        /// What they take for each thing that they handle, in milliseconds.
        effort: f64,
    },
    /// A share of all nodes cannot be reached by the others.
    Partition {
        /// The share.
        share: f64,
        /// How long.
        lasts: f64,
        /// They reach the others still.
        #[serde(default)]
        one_way: bool,
    },
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// How long news took: of changes, or of crashes and departures.
    Spread,
    /// What a change costs, beyond what is sent anyway.
    Cost,
    /// What is sent while nothing happens.
    Idle,
    /// Nodes that were called down while they ran.
    Verdicts,
    /// How long after the last event all views were right.
    Heal,
    /// Handshakes.
    Handshakes,
    /// Links of a hub.
    Links,
    /// What a table takes.
    Memory,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// It is not one; the field is named.
    pub fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<()> {
        share("leaves", self.leaves)?;
        share("network.loss", self.network.loss)?;
        ensure!(self.network.bandwidth != Some(0), "network.bandwidth: nothing would ever arrive");
        self.nodes.iter().try_for_each(|&nodes| check_nodes(nodes))?;
        for (name, seconds) in [("settle", self.settle), ("lasts", self.lasts)] {
            time(name, seconds)?;
        }
        for (name, ms) in [("network.delay", self.network.delay), ("network.jitter", self.network.jitter)] {
            time(name, ms)?;
        }
        self.network.link_life.map_or(Ok(()), |life| time("network.link_life", life))?;
        for (number, event) in self.events.iter().enumerate() {
            event.check().with_context(|| format!("event {}", number + 1))?;
        }
        Ok(())
    }

    /// The network as the simulator takes it.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        let Network { delay, jitter, loss, bandwidth, link_life } = self.network;
        Conditions {
            delay: seconds(delay / 1000.0),
            jitter: seconds(jitter / 1000.0),
            loss,
            bandwidth: bandwidth.unwrap_or(u64::MAX),
            buffer: BUFFER,
            link_life: link_life.map(seconds),
            ..Conditions::default()
        }
    }
}

/// What waits on a link before its node does, as a kernel's socket buffer.
const BUFFER: usize = 64 * 1024;
/// More is a mistake in a file.
const LONGEST: f64 = 1e7;

/// Whether a cluster of this size can be simulated.
///
/// # Errors
/// It cannot.
pub fn check_nodes(nodes: usize) -> Result<()> {
    ensure!((4..=100_000).contains(&nodes), "nodes: {nodes} is not between 4 and 100,000");
    Ok(())
}

impl Event {
    fn check(&self) -> Result<()> {
        time("at", self.at)?;
        time("every", self.every)?;
        match self.action {
            Action::Change => Ok(()),
            Action::Crash { nodes } | Action::Leave { nodes } => {
                ensure!(nodes > 0, "nodes: nothing would happen");
                Ok(())
            }
            Action::Join { nodes } => {
                ensure!((1..=10_000).contains(&nodes), "nodes: {nodes} is not between 1 and 10,000");
                Ok(())
            }
            Action::Vanish { share: value } => share("share", value),
            Action::Restart { share: value, gone, .. } => share("share", value).and(time("gone", gone)),
            Action::Pause { share: value, from, to, rest } => {
                ensure!(0.1 <= from && from <= to, "from, to: not 0.1 <= from <= to");
                share("share", value).and(time("to", to)).and(time("rest", rest))
            }
            Action::Slow { share: value, effort } => share("share", value).and(time("effort", effort)),
            Action::Partition { share: value, lasts, .. } => share("share", value).and(time("lasts", lasts)),
        }
    }
}

fn share(name: &str, value: f64) -> Result<()> {
    ensure!((0.0..=1.0).contains(&value), "{name}: {value} is not between 0 and 1");
    Ok(())
}

fn time(name: &str, value: f64) -> Result<()> {
    ensure!((0.0..=LONGEST).contains(&value), "{name}: {value} is not between 0 and {LONGEST}");
    Ok(())
}

/// Seconds as a duration, to the microsecond. Out of range is none at all: files are checked.
#[must_use]
pub fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64((seconds * 1e6).round() / 1e6).unwrap_or_default()
}
