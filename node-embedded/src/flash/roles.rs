//! Roles: what each certificate of a keyring is good for. Hubs are dialled, operators send keyrings.

use node_core::keys::SlotInfo;
use node_core::trust::{Fingerprint, Match, MatchedSlot, Roles, roles_of};

/// The roles of a certificate in a keyring with these slots, by the rules of every node. A board has no rules of its own: the
/// names of slots and whether they are pairs decide.
pub(super) fn roles_in(slots: &[SlotInfo], certificate: Fingerprint) -> Roles {
    let shown = slots.iter().filter(|slot| slot.certificate == certificate);
    let granted = shown.map(|slot| {
        let SlotInfo { name, has_key: is_pair, spki, .. } = slot;
        let slot = MatchedSlot { name: name.as_str(), is_pair: *is_pair, certificate, spki: *spki };
        roles_of(&[], &Match { slot: Some(slot), node: None })
    });
    granted.min_by_key(|granted| granted.by).map_or(Roles::NONE, |granted| granted.roles)
}
