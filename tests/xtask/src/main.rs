//! The developer's commands: `cargo xtask --help`.

mod bench;
mod board;
mod core_alone;
mod demo;
mod dependencies;
mod firmware;
mod layers;
mod provision;
mod run;
mod setup;
mod sim;
mod test;
mod toolchain;
mod yardstick;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use node_tests::wait;

/// The developer's commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check
    Test,
    /// Watch three Linux nodes and an emulated board: one cluster whose keys are rotated under load
    Demo(demo::Arguments),
    /// Measure the board and the Linux nodes, and print the figures
    Bench(bench::Arguments),
    /// Play scenarios with simulated clusters, up to 10,000 nodes, and print their figures
    Sim(sim::Arguments),
    /// Install the programs that the other commands need, or print how
    Setup,
    /// Build the firmware of every board and print its size
    Firmware {
        /// Look for mistakes instead
        #[arg(long, conflicts_with = "features")]
        lint: bool,
        /// Build only the emulated board, with these features of its package, and commas between them
        #[arg(long)]
        features: Option<String>,
        /// Write the sizes into the sizes.txt of each board; without it, a board that has grown is an error
        #[arg(long, conflicts_with_all = ["lint", "features"])]
        keep_sizes: bool,
    },
    /// Build and run one emulated board, and show its log
    Board(board::Arguments),
    /// Make the signed blob that gives a board its settings and keys, and send it over a serial line
    Provision(provision::Arguments),
    /// Build node-core alone for a microcontroller: it needs neither std nor alloc
    CoreAlone,
    /// Check the dependencies against deny.toml
    Dependencies,
    /// Check that no module names one above it and that no imports form a circle (layers.toml)
    Layers,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Test => test::test(),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Sim(arguments) => sim::sim(&arguments),
        Command::Setup => setup::setup(),
        Command::Firmware { lint: true, .. } => firmware::lint_all(),
        Command::Firmware { features: Some(features), .. } => firmware::build_with(&features),
        Command::Firmware { keep_sizes, .. } => firmware::build_all(keep_sizes),
        Command::Board(arguments) => board::board(&arguments),
        Command::Provision(arguments) => provision::provision(&arguments),
        Command::CoreAlone => core_alone::build(),
        Command::Dependencies => dependencies::check(),
        Command::Layers => layers::check(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            // The exit code that a shell gives a command that Ctrl-C ended.
            if wait::given_up() { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}
