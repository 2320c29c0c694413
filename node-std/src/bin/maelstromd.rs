//! The daemon: one node of a cluster.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use node_std::config::{Config, Environment, Flags};
use node_std::log;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    let flags = Flags::parse();
    match start(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may read it.
            let _ = writeln!(std::io::stderr(), "maelstromd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(flags: Flags) -> Result<(), Box<dyn core::error::Error>> {
    let config = Config::resolve(flags, Environment::of_process())?;
    let _log = log::start(log::parse(&config.log)?);
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(node_std::daemon::run(config))?)
}

/// Raises the soft limit of open files to the hard one. Every connection takes a file descriptor, and the usual soft limit is
/// meant for programs that use `select`.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("cannot raise the number of open files from {:?}: {error}", limit.current);
    }
}
