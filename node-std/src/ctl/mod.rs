//! `maelctl`: asks a node of the cluster by JSON-RPC and shows the answer. `maelctl cert` works alone.

mod call;
mod cert;
mod check;
mod client;
mod commands;
mod error;
mod flags;
mod logs;
mod provision;
mod push;
mod render;
mod table;
#[cfg(test)]
mod tests;
mod token;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use cert::CertError;
pub use error::CtlError;
pub use flags::Flags;
pub use provision::ProvisionError;
pub use push::PushError;

use check::Check;
use client::Client;

use crate::config::check_process;

/// Runs `maelctl`. Its exit status is 0 on success, 1 when the node refuses, fails or cannot be reached, and 2 when the
/// command line is wrong. `cert info` and `tls check` have more, as their help says.
#[must_use]
pub fn run(flags: Flags) -> ExitCode {
    if let Err(error) = check_process() {
        return report(&error.into());
    }
    if let flags::Command::Cert(command) = &flags.command {
        return match cert::run(command, flags.json) {
            Ok(outcome) => {
                outcome.problems.iter().for_each(|problem| say(problem));
                print(&outcome.text, ExitCode::from(outcome.status))
            }
            Err(error) => report(&error.into()),
        };
    }
    if let flags::Command::Provision(command) = &flags.command {
        return match command.run(flags.json) {
            Ok(output) => print(&output, ExitCode::SUCCESS),
            Err(error) => report(&error.into()),
        };
    }
    if let flags::Command::Tls(flags::TlsCommand::Check { paths, peer }) = &flags.command {
        return match check(&flags, paths, peer.as_deref()) {
            Ok((output, code)) => print(&output, code),
            Err(error) => report(&error),
        };
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&CtlError::Runtime(error)),
    };
    if let flags::Command::Cluster(flags::ClusterCommand::Events { follow: true }) = flags.command {
        let followed = runtime.block_on(async {
            let client = Client::new(&flags)?;
            commands::follow(&client, flags.json, &mut std::io::stdout()).await
        });
        return match followed {
            Ok(never) => match never {},
            Err(error) => report(&error),
        };
    }
    if let flags::Command::Logs(command) = &flags.command {
        let shown = runtime.block_on(async {
            let client = Client::new(&flags)?;
            let mut stdout = std::io::stdout();
            tokio::select! {
                shown = command.run(&client, flags.json, flags.timeout(), &mut stdout) => shown,
                // The end that whoever follows a log has in mind.
                Ok(()) = tokio::signal::ctrl_c() => Ok(()),
            }
        });
        return match shown {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        };
    }
    match runtime.block_on(answer(flags)) {
        Ok(output) => print(&output, ExitCode::SUCCESS),
        Err(error) => report(&error),
    }
}

/// Checks `paths`, or else the TLS directory of the flags.
fn check(flags: &Flags, paths: &[PathBuf], peer: Option<&Path>) -> Result<(String, ExitCode), CtlError> {
    let own = flags.target.tls_dir.as_ref().filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let own: Vec<PathBuf> = own.into_iter().collect();
    let paths = if paths.is_empty() { &own } else { paths };
    if paths.is_empty() {
        return Err(CtlError::NothingToCheck);
    }
    Check { paths, peer, json: flags.json }.run()
}

/// Runs the command of `flags` and returns the text to print.
///
/// # Errors
/// [`CtlError`] names the URL or file and says what to do.
pub async fn answer(flags: Flags) -> Result<String, CtlError> {
    match &flags.command {
        flags::Command::Cert(command) => return Ok(cert::run(command, flags.json)?.text),
        flags::Command::Provision(command) => return Ok(command.run(flags.json)?),
        flags::Command::Tls(flags::TlsCommand::Check { paths, peer }) => {
            return check(&flags, paths, peer.as_deref()).map(|(output, _)| output);
        }
        flags::Command::Version => return Ok(commands::version(flags.json)),
        _ => {}
    }
    commands::run(&Client::new(&flags)?, &flags).await
}

/// Prints the text. The exit status is then this one.
fn print(text: &str, status: ExitCode) -> ExitCode {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => status,
        // The reader had enough, as in `maelctl … | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => report(&CtlError::Output(error)),
    }
}

fn report(error: &CtlError) -> ExitCode {
    say(&error.to_string());
    ExitCode::from(error.exit_code())
}

/// Writes a line to the standard error.
fn say(text: &str) {
    // The text may come from another node. Control characters in it must not reach the terminal.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(std::io::stderr(), "maelctl: {text}");
}
