//! Plays the simulator's scenarios with foca for comparison: another implementation of SWIM, in the same network.

mod cluster;
mod identity;
mod member;
mod subject;
#[cfg(test)]
mod tests;

use anyhow::Result;
use node_sim::play::{Play, Played};
use node_sim::progress::Progress;
use node_sim::scenario::{Scenario, Start, check_nodes};
use node_sim::table::{LEGEND, Row, table};
use node_sim::{snapshot, standard};
use serde_json::json;

use cluster::Swim;

/// Arguments of `swim`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A scenario of the standard set, or `all` of them
    #[arg(default_value = "all")]
    name: String,
    /// Numbers of nodes; from a thousand on, foca is slow
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100])]
    nodes: Vec<usize>,
    /// The seed: another seed gives another history
    #[arg(long, default_value_t = snapshot::SEED)]
    seed: u64,
    /// Seconds that are watched, instead of those of the scenario
    #[arg(long)]
    lasts: Option<f64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Notes on foca's figures.
const FOCA: &str = "\
foca: version 2 with its own settings for a LAN (a probe a second, gossip to 3 every 200 ms), in \"lossy\" for a WAN, both for
this many nodes. All are full members: it has no leaves. Datagrams count with 28 B for UDP and IP, unencrypted. An identity is
an address, a number that grows, a name and the components: a change is foca's `change_identity`. A member that restarts takes
its number from a clock; a member that is declared down wrongly rejoins by itself; a member that knows no other asks the first
two every second.
";

/// Plays scenarios with both protocols, and prints a table for each.
///
/// # Errors
/// There is no such scenario, or no such cluster.
pub fn swim(arguments: &Arguments) -> Result<()> {
    arguments.nodes.iter().try_for_each(|&nodes| check_nodes(nodes))?;
    for (name, mut scenario) in standard::find(&arguments.name)? {
        scenario.lasts = arguments.lasts.unwrap_or(scenario.lasts);
        let mut rows: Vec<Row> = Vec::new();
        for &nodes in &arguments.nodes {
            for protocol in [Protocol::Ours, Protocol::Foca] {
                let Played { figures, .. } = protocol.play(name, &scenario, nodes, arguments.seed);
                if arguments.json {
                    let seed = arguments.seed;
                    println!(
                        "{}",
                        json!({ "scenario": name, "nodes": nodes, "seed": seed, "protocol": protocol.name(), "figures": figures })
                    );
                }
                rows.push(Row { nodes: protocol.label(nodes), figures });
            }
        }
        if !arguments.json {
            println!("{}", table(name, &scenario.about, &rows));
        }
    }
    if !arguments.json {
        println!("{LEGEND}{FOCA}");
    }
    Ok(())
}

/// The protocol of the nodes.
#[derive(Clone, Copy)]
enum Protocol {
    Ours,
    Foca,
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "maelstrom",
            Self::Foca => "foca",
        }
    }

    fn label(self, nodes: usize) -> String {
        match self {
            Self::Ours => nodes.to_string(),
            Self::Foca => format!("foca {nodes}"),
        }
    }

    fn play(self, name: &str, scenario: &Scenario, nodes: usize, seed: u64) -> Played {
        let mut progress = Progress::of(&format!("{name}, {}", self.label(nodes)));
        let mut show = |share| progress.show(share);
        match self {
            Self::Ours => {
                let replay = format!("cargo xtask sim {name} --nodes {nodes} --seed {seed}");
                Play::new(scenario, nodes, seed, replay).play(&mut show)
            }
            Self::Foca => Play::with(scenario, foca(scenario, nodes, seed), seed).play(&mut show),
        }
    }
}

/// Members as they are when a scenario begins.
fn foca(scenario: &Scenario, nodes: usize, seed: u64) -> Swim {
    match scenario.start {
        Start::Whole => Swim::whole(seed, scenario.conditions(), nodes),
        Start::Together => Swim::together(seed, scenario.conditions(), nodes),
    }
}
