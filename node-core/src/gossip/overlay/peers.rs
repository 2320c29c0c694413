//! The peers: one place for each link, those in use first, so that nothing is looked for among free ones.

use super::peer::Peer;
use crate::gossip::membership::{BuddyNotification, Links, Sender};
use crate::id::{LinkId, NodeId};
use crate::time::{Duration, Instant};
use crate::trust::Fingerprint;
use crate::wire::{Full, Kind};

/// Shortest life of a link that is renewed because its peer announces another certificate than it showed: a peer that always does
/// is not dialled without end.
const RENEWAL: Duration = Duration::from_secs(1);

/// The links that are up: those to hubs, which are few and often looked at, before those to leaves.
///
/// Invariant: `places[..hubs]` are links to hubs, `places[hubs..count]` to leaves.
pub struct Peers<'s> {
    places: &'s mut [Peer],
    hubs: usize,
    count: usize,
}

impl<'s> Peers<'s> {
    pub const fn new(places: &'s mut [Peer]) -> Self {
        Self { places, hubs: 0, count: 0 }
    }

    pub const fn capacity(&self) -> usize {
        self.places.len()
    }

    pub const fn is_full(&self) -> bool {
        self.count == self.places.len()
    }

    pub fn iter(&self) -> core::slice::Iter<'_, Peer> {
        self.places.get(..self.count).unwrap_or_default().iter()
    }

    /// Links to hubs.
    pub fn hubs(&self) -> core::slice::Iter<'_, Peer> {
        self.places.get(..self.hubs).unwrap_or_default().iter()
    }

    pub fn iter_mut(&mut self) -> core::slice::IterMut<'_, Peer> {
        self.places.get_mut(..self.count).unwrap_or_default().iter_mut()
    }

    pub fn get(&self, link: LinkId) -> Option<&Peer> {
        self.iter().find(|peer| peer.link == link)
    }

    pub fn get_mut(&mut self, link: LinkId) -> Option<&mut Peer> {
        self.iter_mut().find(|peer| peer.link == link)
    }

    /// A new one; a hub gets a known-by bit.
    ///
    /// # Errors
    /// [`Full`]: all places are taken.
    pub fn insert(&mut self, peer: Peer) -> Result<(), Full> {
        let taken = self.iter().fold(0, |taken, peer| taken | peer.known_by);
        let free = 1_u64.checked_shl((!taken).trailing_zeros()).unwrap_or(0);
        let known_by = if peer.kind == Kind::Hub { free } else { 0 };
        *self.places.get_mut(self.count).ok_or(Full)? = Peer { known_by, ..peer };
        if peer.kind == Kind::Hub {
            self.places.swap(self.hubs, self.count);
            self.hubs += 1;
        }
        self.count += 1;
        Ok(())
    }

    pub fn remove(&mut self, link: LinkId) -> Option<Peer> {
        let mut place = self.iter().position(|peer| peer.link == link)?;
        let last = self.count.checked_sub(1)?;
        if place < self.hubs {
            self.hubs -= 1;
            self.places.swap(place, self.hubs);
            place = self.hubs;
        }
        self.places.swap(place, last);
        self.count = last;
        // Leaves that hear of one hub after the other begin anew: the order has changed.
        self.iter_mut()
            .filter(|peer| peer.push.feed_from.is_some())
            .for_each(|peer| peer.push.feed_from = Some(0));
        self.places.get_mut(last).map(|peer| core::mem::replace(peer, Peer::FREE))
    }
}

impl Links for Peers<'_> {
    fn is_linked(&self, id: NodeId) -> bool {
        self.iter().any(|peer| peer.is_usable() && peer.id == id)
    }

    fn is_linked_leaf(&self, id: NodeId) -> bool {
        self.iter().any(|peer| peer.is_usable() && peer.kind == Kind::Leaf && peer.id == id)
    }

    fn linked_hubs(&self) -> impl Iterator<Item = NodeId> {
        self.hubs().filter(|peer| peer.is_usable()).map(|peer| peer.id)
    }

    fn sender(&self, link: LinkId) -> Sender {
        let sender = |peer: &Peer| Sender { id: Some(peer.id), known_by: peer.known_by };
        self.get(link).map_or_else(Sender::default, sender)
    }

    fn notify_buddy(&mut self, id: NodeId, notification: BuddyNotification) {
        if let Some(peer) = self.iter_mut().find(|peer| peer.is_usable() && peer.id == id) {
            let rank = |said: BuddyNotification| (said.incarnation, said.state);
            // Refuting the worst that is said refutes all of it.
            if peer.buddy_notification.is_none_or(|pending| rank(pending) < rank(notification)) {
                peer.buddy_notification = Some(notification);
            }
        }
    }

    fn renewal_due(&self, id: NodeId, active: Fingerprint) -> Option<Instant> {
        let mut dialled = self.iter().filter(|peer| peer.is_usable() && peer.id == id && peer.dialled);
        let outdated =
            dialled.find(|peer| peer.certificates.is_some_and(|certificates| certificates.theirs != active));
        outdated.map(|peer| peer.up_at + RENEWAL)
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::{Peer, Peers};
    use crate::id::LinkId;
    use crate::wire::Kind;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn links_come_and_go_and_no_two_hubs_share_a_known_by_bit(
            steps in prop::collection::vec((0..90_u32, prop::bool::weighted(0.8), 0..5), 0..400),
        ) {
            let mut places = vec![Peer::FREE; 80];
            let mut peers = Peers::new(&mut places);
            let mut naive: Vec<u32> = Vec::new();
            let mut crowded = false;
            for (link, comes, kind) in steps {
                if !comes {
                    prop_assert_eq!(peers.remove(LinkId(link)).is_some(), naive.contains(&link));
                    naive.retain(|other| *other != link);
                } else if !naive.contains(&link) {
                    let kind = if kind == 0 { Kind::Leaf } else { Kind::Hub };
                    let inserted = peers.insert(Peer { link: LinkId(link), kind, ..Peer::FREE });
                    prop_assert_eq!(inserted.is_ok(), naive.len() < 80);
                    naive.extend(inserted.is_ok().then_some(link));
                }
                let mut links: Vec<u32> = peers.iter().map(|peer| peer.link.0).collect();
                links.sort_unstable();
                naive.sort_unstable();
                prop_assert_eq!(&links, &naive);
                let hubs = peers.iter().filter(|peer| peer.kind == Kind::Hub).count();
                prop_assert_eq!(peers.hubs().filter(|peer| peer.kind == Kind::Hub).count(), hubs);
                prop_assert_eq!(peers.hubs().len(), hubs);
                let bits: Vec<u64> = peers.iter().map(|peer| peer.known_by).filter(|bit| *bit != 0).collect();
                prop_assert!(bits.iter().all(|bit| bit.is_power_of_two()));
                prop_assert_eq!(bits.iter().fold(0, |all, bit| all | bit).count_ones() as usize, bits.len());
                // Once there were more than there are bits, some have none for good.
                crowded |= hubs > 64;
                prop_assert!(bits.len() <= hubs && (crowded || bits.len() == hubs));
            }
        }
    }

    #[test]
    fn more_hubs_than_known_by_bits_are_linked_without_one() {
        let mut places = vec![Peer::FREE; 80];
        let mut peers = Peers::new(&mut places);
        for link in 0..66 {
            peers.insert(Peer { link: LinkId(link), kind: Kind::Hub, ..Peer::FREE }).unwrap();
        }
        assert_eq!(peers.iter().filter(|peer| peer.known_by == 0).count(), 2);
        peers.remove(LinkId(10));
        peers.insert(Peer { link: LinkId(70), kind: Kind::Hub, ..Peer::FREE }).unwrap();
        assert_eq!(peers.iter().filter(|peer| peer.known_by == 0).count(), 2);
    }
}
