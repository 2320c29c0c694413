//! The daemon: one node of a cluster.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use node_std::config::{Config, Environment, Flags, Problems};
use node_std::daemon::Source;
use node_std::log;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    let flags = Flags::parse();
    let started = if flags.check_config { check(flags) } else { start(flags) };
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may read it.
            let _ = writeln!(std::io::stderr(), "maelstromd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells all faults of the configuration and of what it names.
fn check(flags: Flags) -> Result<(), Box<dyn core::error::Error>> {
    let config = Config::resolve(flags, Environment::of_process())?;
    let Problems { faults, warnings } = config.problems();
    let tls = config.tls.iter().flat_map(|tls| tls.warnings());
    let warnings = warnings.iter().chain(&config.notes).map(String::as_str);
    for warning in warnings.chain(tls) {
        writeln!(std::io::stderr(), "maelstromd: warning: {warning}")?;
    }
    if !faults.is_empty() {
        return Err(faults.join("\n").into());
    }
    writeln!(std::io::stdout(), "the configuration is in order")?;
    Ok(())
}

fn start(flags: Flags) -> Result<(), Box<dyn core::error::Error>> {
    let source = Source { flags, environment: Environment::of_process() };
    let config = Config::resolve(source.flags.clone(), source.environment.clone())?;
    let _log = log::start(log::parse(&config.log)?);
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(node_std::daemon::run(config, source))?)
}

/// Raises the soft limit of open files to the hard one. Every connection takes a file descriptor, and the usual soft limit is
/// meant for programs that use `select`.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("cannot raise the number of open files from {:?}: {error}", limit.current);
    }
}
