//! Makes the blob for a board of this project, and sends it over a serial line.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
use node_tests::programs;

use crate::firmware;
use crate::run::run;

/// The board and its blob.
#[derive(Args)]
#[command(after_help = "Example, with a board that cargo xtask board --unprovisioned --dir DIR started: \
                  cargo xtask provision qemu-mps2-an386 -n kettle -o /tmp/kettle --serial DIR/serial.sock -- \
                  --trust hub.crt --trust ops.operator.crt --operator ops --hub 10.0.2.2:8374")]
pub struct Arguments {
    /// The board: the name of its folder in `boards`, which its firmware says as its kind
    #[arg(value_parser = PossibleValuesParser::new(firmware::names()))]
    board: String,
    /// The node's name
    #[arg(short = 'n', long = "cn")]
    name: String,
    /// The directory for its keys and its blob
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    out: PathBuf,
    /// The board's serial port, or the UNIX socket of an emulated board; without one the blob is only made
    #[arg(long, value_name = "PORT")]
    serial: Option<PathBuf>,
    /// The rest as `maelctl cert board` takes it
    #[arg(last = true, value_name = "FLAGS")]
    rest: Vec<String>,
}

/// Makes the blob, and sends it if there is a line.
///
/// # Errors
///
/// `maelctl` refuses, or the board does.
pub fn provision(arguments: &Arguments) -> Result<()> {
    let Arguments { board, name, out, serial, rest } = arguments;
    let maelctl = programs::maelctl()?;
    let mut make = Command::new(maelctl);
    run(make.args(["cert", "board", "-n", name, "--kind", board, "-o"]).arg(out).args(rest))?;
    let Some(serial) = serial else { return Ok(()) };
    let blob = out.join(format!("{name}.provision"));
    run(Command::new(maelctl).arg("provision").arg(blob).arg("--serial").arg(serial))
}
