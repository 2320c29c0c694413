//! `cargo xtask sim`: plays scenarios and prints their figures.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use node_sim::play::{Play, Played};
use node_sim::progress::Progress;
use node_sim::scenario::{Scenario, check_nodes};
use node_sim::table::{LEGEND, Row, table};
use node_sim::{snapshot, standard};
use serde_json::json;

/// Plays scenarios with simulated clusters, and prints their figures
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Arguments {
    /// A scenario of the standard set, or `all` of them
    #[arg(default_value = "all")]
    name: String,
    /// Play the scenario of this file instead
    #[arg(long)]
    file: Option<PathBuf>,
    /// Numbers of nodes, instead of those of the scenario
    #[arg(long, value_delimiter = ',')]
    nodes: Vec<usize>,
    /// Leave out the scenario's numbers of nodes above this
    #[arg(long, default_value_t = 1000)]
    most: usize,
    /// The seed: another seed gives another history
    #[arg(long, default_value_t = snapshot::SEED)]
    seed: u64,
    /// Seconds that are watched, instead of those of the scenario
    #[arg(long)]
    lasts: Option<f64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write the figures that the tests compare to snapshot.txt
    #[arg(long)]
    bless: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.bless {
        let path = snapshot::path();
        std::fs::write(&path, snapshot::text()?).with_context(|| path.display().to_string())?;
        println!("{} is written", path.display());
        return Ok(());
    }
    let scenarios = match &arguments.file {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let scenario = Scenario::parse(&text).with_context(|| path.display().to_string())?;
            vec![(path.display().to_string(), scenario)]
        }
        None => standard::find(&arguments.name)?.into_iter().map(|(name, one)| (name.into(), one)).collect(),
    };
    arguments.nodes.iter().try_for_each(|&nodes| check_nodes(nodes))?;
    for (name, mut scenario) in scenarios {
        scenario.lasts = arguments.lasts.unwrap_or(scenario.lasts);
        play(&name, &scenario, &arguments)?;
    }
    if !arguments.json {
        println!("{LEGEND}");
    }
    Ok(())
}

fn play(name: &str, scenario: &Scenario, arguments: &Arguments) -> Result<()> {
    let listed = scenario.nodes.iter().copied().filter(|&nodes| nodes <= arguments.most);
    let sizes = if arguments.nodes.is_empty() { listed.collect() } else { arguments.nodes.clone() };
    let mut rows: Vec<Row> = Vec::new();
    let mut cpu = Vec::new();
    for nodes in sizes {
        let mut progress = Progress::of(&format!("{name}, {nodes} nodes"));
        let seed = arguments.seed;
        let play = Play::new(scenario, nodes, seed, replay(name, nodes, arguments));
        let Played { figures, watched, cpu: used } = play.play(&mut |share| progress.show(share));
        drop(progress);
        let micros = used.as_secs_f64() * 1e6 / watched.as_secs_f64() / nodes as f64;
        if arguments.json {
            println!(
                "{}",
                json!({ "scenario": name, "nodes": nodes, "seed": seed, "figures": figures, "cpuMicros": micros, "cpuSeconds": used.as_secs_f64() })
            );
        }
        cpu.push(format!("{nodes} nodes {micros:.0} us ({:.1} s in all)", used.as_secs_f64()));
        rows.push(Row { nodes: nodes.to_string(), figures });
    }
    if !arguments.json {
        println!(
            "{}CPU for each node and simulated second: {}\n",
            table(name, &scenario.about, &rows),
            cpu.join(", ")
        );
    }
    Ok(())
}

/// The command that plays this history again.
fn replay(name: &str, nodes: usize, arguments: &Arguments) -> String {
    let what =
        arguments.file.as_ref().map_or_else(|| name.into(), |path| format!("--file {}", path.display()));
    let lasts = arguments.lasts.map_or_else(String::new, |lasts| format!(" --lasts {lasts}"));
    format!("cargo xtask sim {what} --nodes {nodes} --seed {}{lasts}", arguments.seed)
}
