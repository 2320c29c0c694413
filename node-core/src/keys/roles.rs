//! The roles of a certificate in a keyring.

use super::bundle::{Bundle, MAX_BUNDLE_SLOTS};
use super::keyring::SlotInfo;
use crate::crypto::{Digest, P256Point};
use crate::id::NodeId;
use crate::trust::{
    Certificate, Fingerprint, Granted, GrantedBy, Match, MatchedSlot, Role, RoleRule, Roles, roles_of,
};

/// Decides which roles a peer has that shows `certificate` to a node with these slots and rules, and that proved the id `node`, if
/// it is one. Of several slots with the certificate, those count whose roles have the strongest reason, and of these the
/// roles that all give. A certificate that is in no slot has no role.
#[must_use]
pub fn roles_in(
    slots: &[SlotInfo],
    certificate: Fingerprint,
    rules: &[RoleRule],
    node: Option<NodeId>,
) -> Granted {
    let shown = slots.iter().filter(|slot| slot.certificate == certificate);
    let granted = shown.map(|slot| {
        let SlotInfo { name, has_key: is_pair, spki, .. } = slot;
        let slot = MatchedSlot { name: name.as_str(), is_pair: *is_pair, certificate, spki: *spki };
        roles_of(rules, &Match { slot: Some(slot), certified: None, node })
    });
    let least = granted.reduce(|one, other| {
        if one.by == other.by {
            return Granted { roles: one.roles.intersection(other.roles), ..one };
        }
        if one.by < other.by { one } else { other }
    });
    least.unwrap_or(Granted { roles: Roles::NONE, by: GrantedBy::Default })
}

/// The public key of `certificate` in `bundle`, if it is an operator's there: a pair, or a certificate whose name ends in that
/// role (R-102h).
#[must_use]
pub fn operator_key(
    bundle: &Bundle<'_>,
    certificate: Fingerprint,
    crypto: &impl Digest,
) -> Option<P256Point> {
    let mut shown: heapless::Vec<SlotInfo, MAX_BUNDLE_SLOTS> = heapless::Vec::new();
    let mut key = None;
    for slot in bundle.slots().iter().filter(|slot| crypto.sha256(&[slot.certificate]) == certificate.0) {
        let parsed = Certificate::parse(slot.certificate).ok()?;
        key = parsed.p256_key();
        let info = SlotInfo::new(slot.name.clone(), slot.certificate, &parsed, crypto);
        let info = if slot.key().is_some() { info.with_key() } else { info };
        shown.push(info).ok()?;
    }
    key.filter(|_| roles_in(&shown, certificate, &[], None).roles.contains(Role::Operator))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Name;
    use crate::time::UnixTime;
    use crate::trust::{KeyAlgorithm, Role};

    fn slot(name: &str, has_key: bool) -> SlotInfo {
        SlotInfo {
            name: Name::new(name).unwrap(),
            certificate: Fingerprint([1; 32]),
            spki: Fingerprint([2; 32]),
            not_before: UnixTime(0),
            not_after: UnixTime(0),
            has_key,
            algorithm: KeyAlgorithm::P256,
        }
    }

    fn roles(slots: &[SlotInfo]) -> Roles {
        roles_in(slots, Fingerprint([1; 32]), &[], None).roles
    }

    #[test]
    fn a_certificate_in_several_slots_has_what_all_of_equal_rank_give_in_whatever_order() {
        let leaf = Roles::of(&[Role::Leaf]);
        let mut named = [slot("a.operator", false), slot("b.leaf", false)];
        assert_eq!(roles(&named), Roles::NONE);
        named.reverse();
        assert_eq!(roles(&named), Roles::NONE);
        assert_eq!(roles(&[slot("a.leaf.operator", false), slot("b.leaf", false)]), leaf);
        assert_eq!(roles(&[slot("a", true), slot("b.leaf", false)]), leaf, "a name is a stronger reason");
        assert!(!roles(&[slot("a", true), slot("b", false)]).contains(Role::Operator));
        assert_eq!(roles(&[slot("a", true)]), Roles::ALL);
    }

    #[test]
    fn a_certificate_in_no_slot_has_no_role() {
        assert_eq!(roles_in(&[slot("a", true)], Fingerprint([9; 32]), &[], None).roles, Roles::NONE);
    }
}
