//! Whether two nodes with these TLS directories trust each other, now and after the next rotation of each.

use std::path::Path;

use node_core::crypto::Software;
use node_core::keys::{SlotInfo, roles_in};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{AcceptedKeys, Anchor, Circumstances, Policy, Rejection, Role, Roles};

use super::finding::{Finding, Severity, problem_and_remedy};
use crate::tls::{Survey, SurveyedSlot};

/// One of the two nodes.
pub struct Side<'s> {
    path: &'s Path,
    slots: Vec<SlotInfo>,
    /// The pair that it shows, and the one after the next rotation.
    shown: [Option<&'s SurveyedSlot>; 2],
}

impl<'s> Side<'s> {
    pub fn new(path: &'s Path, survey: &'s Survey) -> Self {
        let mut pairs = survey.slots.iter().filter(|slot| slot.has_key);
        let shown = [pairs.next(), pairs.next()];
        Self { path, slots: survey.slots.iter().filter_map(|slot| slot.info.clone()).collect(), shown }
    }

    /// The roles that this side gives to a peer that shows `slot`.
    fn judge(&self, slot: &SurveyedSlot, now: UnixTime) -> Result<Roles, Rejection> {
        let anchors: Vec<Anchor> = self.slots.iter().map(SlotInfo::anchor).collect();
        let chain: Vec<&[u8]> = slot.chain.iter().map(AsRef::as_ref).collect();
        let at = Circumstances::at(Some(WallClock::Reliable(now)));
        let accepted = Policy::new(&anchors, AcceptedKeys::Any).judge(&chain, &at, &Software)?;
        Ok(roles_in(&self.slots, accepted.fingerprint, &[], None).roles)
    }
}

/// Checks both directions.
pub fn check(own: &Side<'_>, peer: &Side<'_>, now: UnixTime) -> Vec<Finding> {
    let mut findings = [one_way(own, peer, now), one_way(peer, own, now)].concat();
    findings.extend(shared_next_key(own, peer));
    findings
}

/// What `other` says to the certificates of `shower`.
fn one_way(shower: &Side<'_>, other: &Side<'_>, now: UnixTime) -> Vec<Finding> {
    let [active, next] = shower.shown;
    let mut findings = Vec::new();
    match active {
        Some(slot) => findings.push(shows(shower, slot, other, Time::Now(now))),
        None => {
            let text = ("has no pair to show", "add one, for example server_a.crt and server_a.key");
            findings.push(Finding::new(Severity::Error, "peer", shower.path, text));
        }
    }
    findings.extend(next.map(|slot| shows(shower, slot, other, Time::Next(now))));
    findings
}

/// When a certificate is shown.
#[derive(Clone, Copy)]
enum Time {
    Now(UnixTime),
    Next(UnixTime),
}

fn shows(shower: &Side<'_>, slot: &SurveyedSlot, other: &Side<'_>, time: Time) -> Finding {
    let (now, when, refused) = match time {
        Time::Now(now) => (now, "now", Severity::Error),
        Time::Next(now) => (now, "after its next rotation", Severity::Warning),
    };
    let what = format!("{} shows {} {when}", shower.path.display(), slot.name);
    let finding = |severity, kind, problem: String, remedy: String| {
        Finding::new(severity, kind, other.path, (problem, remedy))
    };
    match other.judge(slot, now) {
        Err(rejection) => {
            let (problem, remedy) = problem_and_remedy(&rejection.to_string());
            finding(refused, "peer-refused", format!("refuses its peer: {what}, and {problem}"), remedy)
        }
        // The keys of a tool are meant to be no node's.
        Ok(roles) if roles.contains(Role::Operator) && roles.require(Roles::LINK_AS_LEAF).is_err() => {
            let problem = format!("takes its peer for a tool and no node: {what}, with the roles {roles}");
            let remedy = format!("name it {}.hub.crt there if it is a node", bare(&slot.name));
            finding(Severity::Note, "peer-role", problem, remedy)
        }
        Ok(roles) if roles.require(Roles::LINK_AS_LEAF).is_err() => {
            let problem = format!("has no link with its peer: {what}, with the roles {roles}");
            finding(refused, "peer-role", problem, format!("name it {}.hub.crt there", bare(&slot.name)))
        }
        Ok(roles) if roles.require(Roles::LINK_AS_HUB).is_err() => {
            let problem = format!("takes its peer for a leaf: {what}, with the roles {roles}");
            let remedy = format!("name it {}.hub.crt there if the peer is a hub", bare(&slot.name));
            finding(Severity::Warning, "peer-role", problem, remedy)
        }
        Ok(roles) => {
            let problem = format!("accepts its peer: {what}, with the roles {roles}");
            finding(Severity::Note, "peer-accepted", problem, String::new())
        }
    }
}

/// The name without its roles.
fn bare(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// A thief who breaks into the peer has the next key of this node, too.
fn shared_next_key(own: &Side<'_>, peer: &Side<'_>) -> Option<Finding> {
    let [_, next] = own.shown;
    let next = next?.info.as_ref()?;
    let is_it = |slot: &&SlotInfo| slot.has_key && slot.certificate == next.certificate;
    let there = peer.slots.iter().find(is_it)?;
    let problem =
        format!("holds the private key of {}, which is the next one of {}", there.name, own.path.display());
    let remedy = "give each node keys of its own, so that a break-in does not reach the next key";
    Some(Finding::new(Severity::Note, "next-key-shared", peer.path, (problem, remedy)))
}
