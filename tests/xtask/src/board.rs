//! Runs one emulated board and shows its log.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use board_settings::Settings;
use clap::Args;
use node_tests::board::{Board, HOST, Machine, Mark, Options};
use node_tests::pki::{self, Algorithm, TlsDir};
use node_tests::wait;

use crate::firmware;

/// How the board is set up.
#[derive(Args)]
pub struct Arguments {
    /// The machine, by the name of its firmware
    #[arg(long, default_value = Machine::An386.name(), value_parser = machine)]
    machine: Machine,
    /// The node's name
    #[arg(long, default_value = "board")]
    name: String,
    /// The cluster it belongs to
    #[arg(long, default_value = "maelstrom")]
    cluster_id: String,
    /// Address of a hub on this machine's loopback, for instance 127.0.0.1:8374 (repeatable, 4 at most)
    #[arg(long, value_name = "HOST:PORT")]
    hub: Vec<SocketAddrV4>,
    /// Its first keys: a directory of P-256 pairs, as its hubs have one; without it the board gets keys that no node trusts
    #[arg(long, value_name = "DIR")]
    tls_dir: Option<PathBuf>,
    /// A folder that keeps its flash between runs; without it each run starts a new board
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Start a board without a blob: it waits for one on its serial line
    #[arg(long, conflicts_with_all = ["name", "cluster_id", "hub", "tls_dir"])]
    unprovisioned: bool,
    /// Count instructions: one takes one nanosecond of the board's time
    #[arg(long)]
    icount: bool,
}

/// Builds the firmware, starts the board and prints its log until it ends.
///
/// # Errors
///
/// It does not build or start, or the board stops with a failure.
pub fn board(arguments: &Arguments) -> Result<()> {
    firmware::build(&firmware::Board::emulated(arguments.machine))?;
    // The board ends before this does, and its folder with it.
    ctrlc::set_handler(wait::give_up).context("Ctrl-C cannot be caught")?;
    let keyring = match &arguments.tls_dir {
        Some(dir) => pki::bundle(dir)?,
        None => TlsDir::generate(Algorithm::P256)?.bundle()?,
    };
    let mut settings = Settings::new(&arguments.name, &arguments.cluster_id);
    for hub in &arguments.hub {
        settings.hubs.push(as_seen_by_the_board(*hub)).ok().context("a board knows four hubs at most")?;
    }
    settings.keyring = Some(&keyring);
    let options = Options {
        icount: arguments.icount,
        dir: arguments.dir.clone(),
        machine: arguments.machine,
        ..Options::default()
    };
    let mut board = Board::start((!arguments.unprovisioned).then_some(&settings), options)?;
    if arguments.unprovisioned {
        println!("maelctl provision FILE --serial {}", board.serial().display());
    }
    let mut shown = Mark::default();
    loop {
        // An error means that no new line came, or that none will come.
        let new_line = board.wait_for_log_after(shown, "", Duration::from_secs(1));
        let (lines, end) = board.logs_after(shown);
        shown = end;
        lines.iter().for_each(|line| println!("{line}"));
        if wait::given_up() {
            return Ok(());
        }
        if new_line.is_err()
            && let Ok(status) = board.wait_for_exit(Duration::ZERO)
        {
            if status.success() {
                return Ok(());
            }
            bail!("the board stopped: {status}");
        }
    }
}

/// The machine whose firmware has this name.
fn machine(name: &str) -> Result<Machine> {
    let names = || Machine::ALL.map(Machine::name).join(", ");
    Machine::ALL
        .into_iter()
        .find(|machine| machine.name() == name)
        .with_context(|| format!("one of {}", names()))
}

/// The board's network shows the host's loopback under another address.
fn as_seen_by_the_board(hub: SocketAddrV4) -> SocketAddrV4 {
    if hub.ip().is_loopback() { SocketAddrV4::new(HOST, hub.port()) } else { hub }
}
