//! What the next rotations of a directory will do.

use std::path::Path;

use node_core::trust::{Role, Roles};

use super::finding::{Finding, Severity};
use crate::tls::Survey;

/// The pairs that Maelstrom's recipe has beside the active one: the next and the previous.
const IDLE_PAIRS: usize = 2;

/// All findings about rotations.
pub fn check(directory: &Path, survey: &Survey) -> Vec<Finding> {
    let mut pairs = survey.slots.iter().filter(|slot| slot.has_key).skip(1);
    let next = pairs.next();
    let idle = pairs.count() + usize::from(next.is_some());
    // Without the certificates of other hubs in it, those must have the same keys.
    let is_hub = |name: &str| Roles::of_name(name).is_some_and(|roles| roles.contains(Role::Hub));
    let is_shared = !survey.slots.iter().any(|slot| !slot.has_key && is_hub(&slot.name));
    let mut findings = Vec::new();
    let mut found = |severity, kind, problem: String, remedy: &str| {
        findings.push(Finding::new(severity, kind, directory, (problem, remedy)));
    };
    if is_shared && idle < IDLE_PAIRS {
        let problem = format!(
            "holds {idle} idle pairs, and a rotation moves through two, the next one and the previous one: a node that misses a \
             rotation is locked out"
        );
        let remedy =
            "add pairs whose names sort after the active one, on every node, before the next rotation";
        found(Severity::Warning, "few-pairs", problem, remedy);
    }
    if !is_shared && next.is_none() {
        let problem =
            "holds no next pair: a pair that becomes active must be in the directories of the peers by then";
        let remedy = "before a rotation, put the .crt of the new pair into the directory of each peer";
        found(Severity::Note, "no-next-pair", problem.to_owned(), remedy);
    }
    if let Some(next) = next {
        let problem = format!(
            "the private key of the next pair, {}, lies here already: if this directory is copied to other nodes, whoever breaks into \
             one of them has the next key as well",
            next.name
        );
        let remedy = "give each node keys of its own and the certificates of the others as NAME.hub.crt";
        found(Severity::Note, "next-key-here", problem, remedy);
    }
    if is_shared && next.is_some() {
        let problem = "a node that misses two rotations is locked out".to_owned();
        let remedy =
            "start a rotation when maelctl cluster nodes shows the active key of the last one for every node";
        found(Severity::Note, "two-rotations", problem, remedy);
    }
    findings
}
