//! The findings about a TLS directory, and what it says to people: which slot does what.

use std::path::Path;

use node_core::time::UnixTime;
use node_core::trust::{Certificate, Fingerprint, Match, MatchedSlot, Rfc3339, roles_of};
use serde::Serialize;

use super::certificate::{Place, Subject};
use super::finding::{Finding, Severity};
use super::{chain, role_name, rotation};
use crate::tls::{Survey, SurveyedSlot};

/// A directory at a glance.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub path: String,
    /// Sorted by name.
    pub slots: Vec<SlotSummary>,
}

/// A slot at a glance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotSummary {
    pub name: String,
    /// `active`, `next`, `idle` or `trusted`.
    #[serde(rename = "use")]
    pub place: &'static str,
    /// What follows cannot be read of a damaged file.
    pub algorithm: Option<String>,
    pub not_after: Option<String>,
    pub certificate_sha256: Option<String>,
    /// The roles that its name gives to who shows it, or else its being a pair or not.
    pub roles: String,
}

/// Checks a directory.
pub fn check(path: &Path, survey: &Survey, now: UnixTime) -> (Summary, Vec<Finding>) {
    let mut findings: Vec<Finding> =
        survey.problems.iter().map(|problem| Finding::of(problem, path)).collect();
    let mut slots = Vec::new();
    let mut pairs = 0;
    for slot in &survey.slots {
        pairs += usize::from(slot.has_key);
        let (place, word) = match (slot.has_key, pairs) {
            (false, _) => (Place::Trusted, "trusted"),
            (true, 1) => (Place::Active, "active"),
            (true, 2) => (Place::Idle, "next"),
            (true, _) => (Place::Idle, "idle"),
        };
        slots.push(summary(slot, word));
        findings.extend(check_slot(slot, place, path, now));
    }
    findings.extend(same_certificate(survey));
    findings.extend(signed_here(survey));
    findings.extend(survey.idle_passwords.iter().map(|file| {
        let text = ("is the password of no key", "remove it, or copy its key");
        Finding::new(Severity::Note, "idle-password", file, text)
    }));
    findings.extend(rotation::check(path, survey));
    (Summary { path: path.display().to_string(), slots }, findings)
}

fn summary(slot: &SurveyedSlot, place: &'static str) -> SlotSummary {
    // No rule of a node is known here, so the name and the key decide alone.
    let unknown = Fingerprint([0; 32]);
    let matched =
        MatchedSlot { name: &slot.name, is_pair: slot.has_key, certificate: unknown, spki: unknown };
    let roles = roles_of(&[], &Match { slot: Some(matched), ..Match::default() }).roles;
    let info = slot.info.as_ref();
    SlotSummary {
        name: slot.name.clone(),
        place,
        algorithm: info.map(|info| info.algorithm.to_string()),
        not_after: info.map(|info| Rfc3339(info.not_after).to_string()),
        certificate_sha256: info.map(|info| info.certificate.to_string()),
        roles: roles.to_string(),
    }
}

fn check_slot(slot: &SurveyedSlot, place: Place, directory: &Path, now: UnixTime) -> Vec<Finding> {
    let leaf = slot.chain.first().and_then(|der| Certificate::parse(der).ok());
    let subject = leaf.map(|certificate| Subject { file: &slot.file, certificate, place });
    let mut findings: Vec<Finding> =
        slot.problems.iter().map(|problem| Finding::of(problem, directory)).collect();
    if let Some(subject) = &subject {
        // The certificate says the same more plainly.
        findings.retain(|finding| {
            !(finding.kind == "certificate" && subject.certificate.version < 3
                || finding.kind == "key" && subject.is_weak())
        });
        findings.extend(subject.check(now));
        findings.extend(chain::check(&slot.file, &slot.chain));
    }
    findings.extend(slot.exposed.iter().map(|file| {
        let text = ("can be read by every user of this machine, and is secret", "chmod 600 it");
        Finding::new(Severity::Warning, "readable", file, text)
    }));
    findings.extend(role_name::check(slot));
    findings
}

/// Finds slots with the certificate of an earlier one.
fn same_certificate(survey: &Survey) -> Vec<Finding> {
    let mut seen: Vec<(Fingerprint, &str)> = Vec::new();
    let mut findings = Vec::new();
    for slot in &survey.slots {
        let Some(info) = &slot.info else { continue };
        match seen.iter().find(|(certificate, _)| *certificate == info.certificate) {
            Some((_, first)) => {
                let problem = format!(
                    "holds the same certificate as the slot {first}: its holder has only the roles that both give, and a rotation \
                     from one to the other changes nothing"
                );
                let text = (problem, "remove one of them, or copy the pair that should be there");
                findings.push(Finding::new(Severity::Warning, "same-certificate", &slot.file, text));
            }
            None => seen.push((info.certificate, &slot.name)),
        }
    }
    findings
}

/// Finds CAs that stand here as if what they sign were trusted.
fn signed_here(survey: &Survey) -> Vec<Finding> {
    let parsed = survey.slots.iter().filter_map(|slot| {
        let certificate = Certificate::parse(slot.chain.first()?).ok()?;
        Some((slot, certificate))
    });
    let parsed: Vec<(&SurveyedSlot, Certificate<'_>)> = parsed.collect();
    let signed_another = |ca: &Certificate<'_>| {
        parsed.iter().any(|(_, other)| other.issuer == ca.subject && other.subject != ca.subject)
    };
    let text = (
        "is a CA that signed other slots, but a TLS directory trusts only the certificates in it, not what a CA signs",
        "put the certificate of each peer into the directory, and remove the CA",
    );
    let cas = parsed.iter().filter(|(slot, ca)| !slot.has_key && ca.is_ca() && signed_another(ca));
    cas.map(|(slot, _)| Finding::new(Severity::Warning, "ca-in-directory", &slot.file, text)).collect()
}
