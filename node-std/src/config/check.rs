//! Opens everything that a configuration names, and starts nothing.

use std::path::Path;

use super::Config;
use crate::tls::Keyring;

impl Config {
    /// All that would keep a node with this configuration from starting, beside ports that are taken.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(settings) = &self.tls
            && let Err(error) = Keyring::open_with(settings.clone())
        {
            problems.push(error.to_string());
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
