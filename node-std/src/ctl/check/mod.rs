//! `maelctl tls check`: looks at TLS directories and loose files, and says all that is wrong with them. It starts nothing and asks
//! no node.
//!
//! ```text
//! paths -> survey (crate::tls) -> directory: slots, rotation, roles, peer -> findings -> report
//!                              -> loose: keys and certificates, leaf and CA
//! ```

mod certificate;
mod chain;
mod directory;
mod finding;
mod loose;
mod peer;
mod report;
mod role_name;
mod rotation;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::error::CtlError;
use crate::clock::unix_time;
use crate::tls::{DirectoryProblem, FileProblem, KeyPassword, TlsError, survey};
use finding::Finding;
use report::Report;

/// What is to be checked.
pub struct Check<'c> {
    /// TLS directories, and files in PEM.
    pub paths: &'c [PathBuf],
    /// The TLS directory of another node.
    pub peer: Option<&'c Path>,
    /// Whether programs read the answer.
    pub json: bool,
}

impl Check<'_> {
    /// Checks, and returns the text to print with the exit status.
    ///
    /// # Errors
    /// A path cannot be read at all, or there is not the one directory that a peer is checked against.
    pub fn run(&self) -> Result<(String, ExitCode), CtlError> {
        let password = KeyPassword::of_process();
        let password = password.as_ref();
        let now = unix_time();
        let (directories, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
            self.paths.iter().partition(|path| path.is_dir());
        let mut report = Report::default();
        for path in &directories {
            match survey(path, password) {
                Ok(survey) => {
                    let (summary, findings) = directory::check(path, &survey, now);
                    report.directories.push(summary);
                    report.findings.extend(findings);
                }
                Err(error) => report.findings.push(finding_of(error, path)?),
            }
        }
        report.findings.extend(loose::check(&files, password, now)?);
        if let Some(peer) = self.peer {
            let [own] = directories[..] else { return Err(CtlError::PeerOfWhat) };
            match (survey(own, password), survey(peer, password)) {
                (Ok(ours), Ok(theirs)) => {
                    let (own, peer) = (peer::Side::new(own, &ours), peer::Side::new(peer, &theirs));
                    report.findings.extend(peer::check(&own, &peer, now));
                }
                (_, Err(error)) => report.findings.push(finding_of(error, peer)?),
                // Told already.
                (Err(_), Ok(_)) => {}
            }
        }
        report.findings.sort_by_key(|finding| core::cmp::Reverse(finding.severity));
        let text = if self.json { report.json() } else { report.text() };
        Ok((text, report.exit_code()))
    }
}

/// The finding that nothing else can be said of `path`. What cannot even be read may be a mistake in the path.
fn finding_of(error: TlsError, path: &Path) -> Result<Finding, CtlError> {
    match &error {
        TlsError::Directory { problem: DirectoryProblem::Unreadable(_), .. }
        | TlsError::File { problem: FileProblem::Unreadable(_), .. } => Err(error.into()),
        _ => Ok(Finding::of(&error, path)),
    }
}
