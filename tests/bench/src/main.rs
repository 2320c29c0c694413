//! Measures the node, and prints the figures. Nothing is judged: a machine under load has other figures.

mod board;
mod cpu;
mod proxy;
mod report;
mod rpc;

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use node_tests::programs;

use report::Report;

/// Figures of the Maelstrom node.
#[derive(Parser)]
#[command(name = "cargo xtask bench --")]
struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Seconds for each measurement on Linux
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Leave out the Linux node
    #[arg(long)]
    board_only: bool,
    /// Leave out the board
    #[arg(long, conflicts_with = "board_only")]
    linux_only: bool,
    /// Keep the board's sizes in its sizes.txt
    #[arg(long)]
    keep_sizes: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let time = Duration::from_secs(arguments.seconds);
    programs::build_release()?;
    let mut report = Report::default();
    if !arguments.linux_only {
        report.board = Some(board::measure()?);
    }
    if !arguments.board_only {
        report.linux = rpc::measure(time)?;
        report.linux.extend(proxy::measure(time)?);
    }
    if let Some(board) = &report.board
        && arguments.keep_sizes
    {
        board.sizes.keep()?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
