//! Measures the node and prints the figures. No figure fails, for a machine under load has other figures.

mod board;
mod cores;
mod cpu;
mod handshake;
mod hops;
mod identity;
mod idle;
mod members;
mod proxy;
mod report;
mod rpc;
mod swim;

use std::fmt::Display;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use node_tests::programs;
use serde::Serialize;

use report::Report;

/// Figures of the Maelstrom node.
#[derive(Parser)]
#[command(
    name = "cargo xtask bench --",
    bin_name = "cargo xtask bench",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the figures as one JSON object
    #[arg(long, global = true)]
    json: bool,
    /// Seconds for each measurement of one Linux node, or of one case of `proxy`
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Write the board's sizes to its sizes.txt
    #[arg(long, global = true)]
    keep_sizes: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Measure only the board
    Board,
    /// Measure only requests to one Linux node
    Linux,
    /// Measure only twenty nodes and twenty agents of serf
    Members,
    /// Compare the two hops of a proxied request, ours beside nginx and haproxy: needs two cores
    Proxy(hops::Arguments),
    /// Measure the memory of idle HTTPS connections, beside nginx, and of idle links
    Idle(idle::Arguments),
    /// Play the simulator's scenarios with our nodes and with foca, another implementation of SWIM
    Swim(swim::Arguments),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (board, linux, members) = match &arguments.command {
        None => (true, true, true),
        Some(Command::Board) => (true, false, false),
        Some(Command::Linux) => (false, true, false),
        Some(Command::Members) => (false, false, true),
        Some(Command::Proxy(which)) => {
            programs::build_release()?;
            return print(&hops::measure(which, Duration::from_secs(arguments.seconds))?, arguments.json);
        }
        Some(Command::Idle(which)) => {
            programs::build_release()?;
            return print(&idle::measure(which)?, arguments.json);
        }
        Some(Command::Swim(arguments)) => return swim::swim(arguments),
    };
    let time = Duration::from_secs(arguments.seconds);
    programs::build_release()?;
    let mut report = Report::default();
    if board {
        report.board = Some(board::measure()?);
    }
    if linux {
        report.linux = identity::measure(time)?;
        report.linux.extend(handshake::measure(time)?);
        report.linux.extend(rpc::measure(time)?);
        report.linux.extend(proxy::measure(time)?);
    }
    if members {
        report.members = Some(members::measure()?);
    }
    if let Some(board) = &report.board
        && arguments.keep_sizes
    {
        board.sizes.keep()?;
    }
    print(&report, arguments.json)
}

fn print(figures: &(impl Serialize + Display), json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(figures)?);
    } else {
        print!("{figures}");
    }
    Ok(())
}
