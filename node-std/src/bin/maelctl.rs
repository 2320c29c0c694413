//! The tool for operators: inspects and changes a cluster through one of its nodes.

use std::process::ExitCode;

use clap::Parser;
use node_std::ctl::{Flags, run};

fn main() -> ExitCode {
    run(Flags::parse())
}
