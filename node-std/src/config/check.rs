//! Opens everything that a configuration names, and starts nothing.

use std::path::Path;

use super::{Component, Config};
use crate::tls::{Keyring, check_pairs, upstream_config};

/// What is wrong with what a configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// All that would keep a node from starting, beside ports that are taken.
    pub faults: Vec<String>,
    /// What a node can start with, and may not be meant.
    pub warnings: Vec<String>,
}

impl Config {
    /// Opens all that is named, and says what is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Problems {
        let Problems { mut faults, mut warnings } = Problems::default();
        match self.tls.as_ref().map(|settings| Keyring::open_with(settings.clone())) {
            Some(Err(error)) => faults.push(error.to_string()),
            Some(Ok(keyring)) => {
                let refused = keyring.own_rejection();
                let text =
                    |rejection| format!("nodes with the same CAs and rules refuse this node: {rejection}");
                warnings.extend(refused.map(text));
            }
            None => {}
        }
        if let Some(tls) = &self.gateway.tls {
            faults.extend(check_pairs(&tls.pairs, &tls.protocol).err().map(|error| error.to_string()));
        }
        for Component { name, tls, .. } in &self.components {
            let opened = tls.as_ref().map_or(Ok(()), |tls| upstream_config(&tls.authorities, true).map(drop));
            faults.extend(opened.err().map(|error| format!("component {name}: {error}")));
        }
        if let Some(problem) = data_dir_problem(&self.data_dir) {
            faults.push(problem);
        }
        Problems { faults, warnings }
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
