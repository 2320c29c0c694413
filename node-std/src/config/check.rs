//! Opens everything that a configuration names, and starts nothing.

use std::path::Path;

use super::Config;
use crate::tls::Keyring;

impl Config {
    /// All that would keep a node with this configuration from starting, or from being accepted by nodes with the same one, beside
    /// ports that are taken.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match self.tls.as_ref().map(|settings| Keyring::open_with(settings.clone())) {
            Some(Err(error)) => problems.push(error.to_string()),
            Some(Ok(keyring)) => {
                let refused = keyring.own_rejection();
                let text =
                    |rejection| format!("nodes with the same CAs and rules refuse this node: {rejection}");
                problems.extend(refused.map(text));
            }
            None => {}
        }
        if let Some(problem) = data_dir_problem(&self.data_dir) {
            problems.push(problem);
        }
        problems
    }
}

/// The directory is made at the first start, in one that is there.
fn data_dir_problem(path: &Path) -> Option<String> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    let problem = if !existing.is_dir() {
        "is no directory: choose another with --data-dir"
    } else if rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_err() {
        "cannot be written by this user: choose another data directory with --data-dir, or let this user write it"
    } else {
        return None;
    };
    Some(format!("data directory {}: {} {problem}", path.display(), existing.display()))
}
