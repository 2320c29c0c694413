//! Warns of certificates that expire soon: from 30 days before the end, once a day.

use std::collections::HashMap;

use node_core::keys::SlotInfo;
use node_core::time::UnixTime;
use node_core::trust::{Fingerprint, Rfc3339};

const DAY: u64 = 24 * 3600;
/// How long before its end a certificate is spoken of.
const SOON: u64 = 30 * DAY;

/// When each certificate was last spoken of.
#[derive(Debug, Default)]
pub(crate) struct ExpiryLog(HashMap<Fingerprint, UnixTime>);

impl ExpiryLog {
    /// The warnings that are due now.
    pub(super) fn due(&mut self, slots: &[SlotInfo], active: Fingerprint, now: UnixTime) -> Vec<String> {
        let own = slots.iter().map(|slot| (slot.certificate, slot.not_after));
        let due = self.select(own, now);
        let slots = due.iter().filter_map(|due| slots.iter().find(|slot| slot.certificate == *due));
        slots.map(|slot| warning(slot, slot.certificate == active, now)).collect()
    }

    /// The same for CAs and the like, that are in no slot.
    pub(super) fn due_of(&mut self, others: &[Dependence], now: UnixTime) -> Vec<String> {
        let due = self.select(others.iter().map(|other| (other.certificate, other.not_after)), now);
        let others = due.iter().filter_map(|due| others.iter().find(|other| other.certificate == *due));
        let line = |Dependence { what, certificate, not_after }: &Dependence| {
            let (end, days) = (Rfc3339(*not_after), not_after.0.saturating_sub(now.0) / DAY);
            match *not_after < now {
                true => format!(
                    "{what} ({certificate}) expired at {end}: what depends on it is refused, renew it"
                ),
                false => format!(
                    "{what} ({certificate}) expires at {end}, in {days} days: renew it, or what depends on it is refused"
                ),
            }
        };
        others.map(line).collect()
    }

    /// Those that expire soon and were not spoken of for a day.
    fn select(
        &mut self,
        all: impl Iterator<Item = (Fingerprint, UnixTime)>,
        now: UnixTime,
    ) -> Vec<Fingerprint> {
        let soon = all.filter(|(_, not_after)| not_after.0 < now.0.saturating_add(SOON));
        let soon: Vec<Fingerprint> = soon.map(|(certificate, _)| certificate).collect();
        self.0.retain(|certificate, _| soon.contains(certificate));
        let told = |certificate: &Fingerprint| self.0.get(certificate).copied();
        let is_due = |told: Option<UnixTime>| told.is_none_or(|told| now.0 >= told.0.saturating_add(DAY));
        let mut due: Vec<Fingerprint> =
            soon.into_iter().filter(|certificate| is_due(told(certificate))).collect();
        due.dedup();
        self.0.extend(due.iter().map(|certificate| (*certificate, now)));
        due
    }
}

/// A certificate that others depend on: a CA, an intermediate, or the one that is shown when this node dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependence {
    /// In words, such as `the CA`.
    pub(super) what: &'static str,
    pub(super) certificate: Fingerprint,
    pub(super) not_after: UnixTime,
}

fn warning(slot: &SlotInfo, is_active: bool, now: UnixTime) -> String {
    let (name, end) = (&slot.name, Rfc3339(slot.not_after));
    let days = slot.not_after.0.saturating_sub(now.0) / DAY;
    match (is_active, slot.not_after < now) {
        (true, true) => {
            format!("the active certificate {name}.crt expired at {end}: peers refuse it, rotate now")
        }
        (true, false) => {
            format!(
                "the active certificate {name}.crt expires at {end}, in {days} days: rotate before, or peers refuse it"
            )
        }
        (false, true) => {
            format!("the certificate {name}.crt expired at {end}: it lets nobody in, renew or remove it")
        }
        (false, false) => {
            format!(
                "the certificate {name}.crt expires at {end}, in {days} days: renew it, or its holder is refused"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use node_core::id::Name;
    use node_core::trust::KeyAlgorithm;

    use super::*;

    const NOW: u64 = 1_796_040_000;

    fn slot(name: &str, ends: u64) -> SlotInfo {
        SlotInfo {
            name: Name::new(name).unwrap(),
            certificate: Fingerprint([name.as_bytes()[0]; 32]),
            spki: Fingerprint([0; 32]),
            not_before: UnixTime(0),
            not_after: UnixTime(ends),
            has_key: true,
            algorithm: KeyAlgorithm::P256,
        }
    }

    #[test]
    fn the_last_thirty_days_are_told_of_once_a_day() {
        let slots = [slot("a", NOW + 31 * DAY), slot("b", NOW + 20 * DAY), slot("c", NOW - 1)];
        let active = slots[0].certificate;
        let mut log = ExpiryLog::default();
        let mut due = |now| log.due(&slots, active, UnixTime(now));
        let first = due(NOW);
        assert!(
            first[0].starts_with("the certificate b.crt expires at 2026-12-20T12:00:00Z, in 20 days: renew")
        );
        assert!(
            first[1].starts_with("the certificate c.crt expired at 2026-11-30T11:59:59Z: it lets nobody in")
        );
        assert_eq!(first.len(), 2);
        assert_eq!(due(NOW + DAY - 1), [""; 0]);
        assert_eq!(due(NOW + DAY).len(), 2);
        let later = due(NOW + 2 * DAY);
        assert!(
            later[0].starts_with("the active certificate a.crt expires at")
                && later[0].contains("in 29 days")
        );
        assert_eq!(later.len(), 3);
        assert!(due(NOW + 32 * DAY)[0].contains("peers refuse it, rotate now"));
    }

    #[test]
    fn a_certificate_that_comes_back_is_told_of_again() {
        let soon = [slot("b", NOW)];
        let mut log = ExpiryLog::default();
        let mut due = |slots: &[SlotInfo]| log.due(slots, Fingerprint([0; 32]), UnixTime(NOW)).len();
        assert_eq!([due(&soon), due(&soon), due(&[]), due(&soon)], [1, 0, 0, 1]);
    }
}
