//! Names of slots that nearly end in a role.

use node_core::trust::Role;

use super::finding::{Finding, Severity};
use crate::tls::SurveyedSlot;

/// How alike two words are, from 0 to 1, when one may be meant by the other.
const ALIKE: f64 = 0.7;

/// Finds a part of the name that is a misspelt role.
pub fn check(slot: &SurveyedSlot) -> Option<Finding> {
    // The part before the first dot is always a name.
    let parts = slot.name.split('.').skip(1);
    let mut misspelt = parts.filter_map(|part| Some((part, meant(part)?)));
    let (part, role) = misspelt.next()?;
    let problem = format!("ends in .{part}, which is no role, so the name gives no role: is .{role} meant?");
    let remedy = format!("rename its files to end in .{role}, or avoid the dot");
    Some(Finding::new(Severity::Warning, "misspelt-role", &slot.file, (problem, remedy)))
}

fn meant(part: &str) -> Option<Role> {
    if part.parse::<Role>().is_ok() {
        return None;
    }
    let part = part.to_ascii_lowercase();
    let alike = |role: &Role| strsim::normalized_damerau_levenshtein(role.name(), &part);
    let nearest = Role::ALL.into_iter().max_by(|one, other| alike(one).total_cmp(&alike(other)))?;
    (alike(&nearest) >= ALIKE).then_some(nearest)
}
