//! The content of a scenario file. Times are in seconds, delays of the network in milliseconds, shares from 0 to 1.

use core::time::Duration;

use anyhow::{Context as _, Result, ensure};
use node_core::sim::Conditions;
use serde::Deserialize;

/// A scenario, as it stands in its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The scenario in one sentence.
    pub about: String,
    /// The numbers of nodes that it is played with.
    pub nodes: Vec<usize>,
    /// The share of them that are leaves.
    pub leaves: f64,
    /// How it begins.
    pub start: Start,
    /// How long the cluster runs before anything counts.
    pub settle: f64,
    /// How long the cluster is watched after that.
    pub lasts: f64,
    /// The network.
    pub network: Network,
    /// The events; their times count from the end of `settle`.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
    /// The figures that are printed.
    pub measure: Vec<Measure>,
}

/// How a cluster begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Every hub knows every member, and the overlay is up.
    Whole,
    /// All nodes start together, and know the addresses of the first two.
    Together,
}

/// The network between all pairs of nodes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Shortest one-way delay.
    pub delay: f64,
    /// Random addition to the delay, up to this.
    pub jitter: f64,
    /// Share of packets that are lost.
    #[serde(default)]
    pub loss: f64,
    /// Bytes a second on each link; no limit without it.
    #[serde(default)]
    pub bandwidth: Option<u64>,
    /// Mean life of a link in seconds; without it no link breaks by itself.
    #[serde(default)]
    pub link_life: Option<f64>,
}

/// An event that happens once or several times.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The time.
    pub at: f64,
    /// The time until it happens again.
    #[serde(default)]
    pub every: f64,
    /// How often it happens.
    #[serde(default = "once")]
    pub times: u32,
    /// The action.
    #[serde(rename = "do")]
    pub action: Action,
}

const fn once() -> u32 {
    1
}

/// An action of an event.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// A hub changes the components that it offers.
    Change,
    /// Processes of hubs end; their kernels close the links.
    Crash {
        /// How many.
        nodes: usize,
    },
    /// Machines lose their power for good; no peer is told.
    Vanish {
        /// The share of machines, all at the same time.
        share: f64,
    },
    /// Hubs leave.
    Leave {
        /// How many.
        nodes: usize,
    },
    /// One hub tells its peers of hubs that do not exist, all at the address of one machine outside of the cluster. Each time
    /// it says that they live on.
    Invent {
        /// How many.
        hubs: usize,
        /// The machine accepts connections and never says anything; otherwise nothing listens there.
        accepts: bool,
    },
    /// New hubs join.
    Join {
        /// How many.
        nodes: usize,
    },
    /// Nodes crash and start again.
    Restart {
        /// The share of nodes.
        share: f64,
        /// How long they are gone.
        gone: f64,
        /// Whether they forget their incarnation.
        #[serde(default)]
        forget: bool,
    },
    /// From now on, this share of all nodes is paused at any time, each for a random while. With `rest` it is always the same
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
        /// The time that they take for each event, in milliseconds.
        effort: f64,
    },
    /// The other nodes cannot reach this share of all nodes.
    Partition {
        /// The share.
        share: f64,
        /// How long.
        lasts: f64,
        /// The share still reaches the others.
        #[serde(default)]
        one_way: bool,
    },
}

/// A group of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// How long a change, a crash or a departure took to reach all.
    Spread,
    /// The traffic of a change, beyond the idle traffic.
    Cost,
    /// The idle traffic.
    Idle,
    /// Nodes that were declared down while they ran.
    DeclaredDown,
    /// How long after the last event all views are right.
    Heal,
    /// Dials to the machine where invented hubs are said to be.
    Dials,
    /// Handshakes.
    Handshakes,
    /// Links of a hub.
    Links,
    /// The memory of a table.
    Memory,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The text is no scenario; the error names the field.
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

    /// How many hubs are invented.
    #[must_use]
    pub fn invented(&self) -> usize {
        let invented = |event: &Event| match event.action {
            Action::Invent { hubs, .. } => hubs,
            _ => 0,
        };
        self.events.iter().map(invented).max().unwrap_or(0)
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

/// Bytes that wait on a link before its node has to wait: a kernel's socket buffer.
const BUFFER: usize = 64 * 1024;
/// A longer time is a mistake in a file.
const LONGEST: f64 = 1e7;

/// Whether a cluster of this size can be simulated.
///
/// # Errors
/// The cluster is too small or too large.
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
            Action::Invent { hubs, .. } => {
                ensure!((1..=10_000).contains(&hubs), "hubs: {hubs} is not between 1 and 10,000");
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

/// Seconds as a duration, to the microsecond. A number out of range gives zero; `check` refuses it in a file.
#[must_use]
pub fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64((seconds * 1e6).round() / 1e6).unwrap_or_default()
}
