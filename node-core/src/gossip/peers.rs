//! The peers: one place for each link, those in use first, so that nothing is looked for among free ones.

use super::rekey::Certificates;
use crate::id::{LinkId, NodeId};
use crate::time::Instant;
use crate::wire::{Full, GoAway, Kind, State};

/// A link's place in the node's memory; [`Peer::FREE`] fills the storage that a caller lends.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub(super) link: LinkId,
    pub(super) id: NodeId,
    pub(super) kind: Kind,
    pub(super) dialled: bool,
    pub(super) up_at: Instant,
    /// A GOAWAY that the adapter is to send, or that was sent or received.
    pub(super) go_away: Option<GoAway>,
    /// The adapter was told of `go_away`.
    pub(super) closing: bool,
    /// When the first GOAWAY was heard, or said by the adapter.
    pub(super) drains_since: Option<Instant>,
    /// The last change of the table that was sent here.
    pub(super) cursor: u64,
    /// The bit by which the table remembers what this hub knows; none for a leaf, or when there are too many hubs.
    pub(super) mark: u64,
    /// When a long step of an incarnation is believed next of what it says.
    pub(super) leap_at: Instant,
    /// Members that it made this node look at by comparing, since `work_at`.
    pub(super) work: u32,
    pub(super) work_at: Instant,
    /// A leaf is to be told of the neighbours in the overlay, from this place among the links on.
    pub(super) hubs_due: Option<u16>,
    /// When tables are compared next; never with a leaf. Of two hubs the one that dialled keeps time.
    pub(super) sync_at: Option<Instant>,
    /// When the peer hears of changes that wait, those up to `news_to`: because it does not hear of them at once, or heard of
    /// many just now.
    pub(super) news_at: Option<Instant>,
    pub(super) news_to: u64,
    /// When what it was told at once so far comes to one turn in each pace: ahead of now after a burst.
    pub(super) paced_at: Instant,
    /// Between hubs: whether this node wants gossip on the link, and the peer.
    pub(super) ours: bool,
    pub(super) theirs: bool,
    /// The peer is to be told of `ours`.
    pub(super) standing_due: bool,
    /// The rank of the link, the same at both ends.
    pub(super) rank: u64,
    /// Whether this node asks to be told of changes at once, and whether the peer does.
    pub(super) asks: bool,
    pub(super) asked: bool,
    /// There is no room for the peer: it is told of other hubs, and sent away.
    pub(super) referred: bool,
    /// What the handshake showed, on a carrier that has one.
    pub(super) certificates: Option<Certificates>,
    /// What is said of the peer elsewhere, for it to deny: incarnation, state, accuser.
    pub(super) accused: Option<(u64, State, Option<NodeId>)>,
}

impl Peer {
    /// A free place.
    pub const FREE: Self = Self {
        link: LinkId(0),
        id: NodeId([0; 16]),
        kind: Kind::Leaf,
        dialled: false,
        up_at: Instant::START,
        go_away: None,
        closing: false,
        drains_since: None,
        cursor: 0,
        mark: 0,
        hubs_due: None,
        leap_at: Instant::START,
        work: 0,
        work_at: Instant::START,
        sync_at: None,
        news_at: None,
        news_to: 0,
        paced_at: Instant::START,
        ours: false,
        theirs: false,
        standing_due: false,
        rank: 0,
        asks: false,
        asked: false,
        referred: false,
        certificates: None,
        accused: None,
    };

    /// Whether requests and gossip may use it.
    pub(super) const fn is_usable(&self) -> bool {
        self.go_away.is_none()
    }

    /// Whether it was told everything, up to this change of the table, and whether this node asks to be told at once.
    pub(super) const fn knows(&self, sequence: u64, asks: bool) -> bool {
        self.cursor == sequence
            && self.news_at.is_none()
            && self.accused.is_none()
            && self.hubs_due.is_none()
            && self.asks == asks
            && !self.standing_due
            && !self.referred
    }
}

/// The links that are up: those to hubs, which are few and often looked at, before those to leaves.
///
/// Invariant: `places[..hubs]` are links to hubs, `places[hubs..count]` to leaves.
pub(super) struct Peers<'s> {
    places: &'s mut [Peer],
    hubs: usize,
    count: usize,
}

impl<'s> Peers<'s> {
    pub(super) const fn new(places: &'s mut [Peer]) -> Self {
        Self { places, hubs: 0, count: 0 }
    }

    pub(super) const fn capacity(&self) -> usize {
        self.places.len()
    }

    pub(super) const fn is_full(&self) -> bool {
        self.count == self.places.len()
    }

    pub(super) fn iter(&self) -> core::slice::Iter<'_, Peer> {
        self.places.get(..self.count).unwrap_or_default().iter()
    }

    /// Links to hubs.
    pub(super) fn hubs(&self) -> core::slice::Iter<'_, Peer> {
        self.places.get(..self.hubs).unwrap_or_default().iter()
    }

    pub(super) fn iter_mut(&mut self) -> core::slice::IterMut<'_, Peer> {
        self.places.get_mut(..self.count).unwrap_or_default().iter_mut()
    }

    pub(super) fn get(&self, link: LinkId) -> Option<&Peer> {
        self.iter().find(|peer| peer.link == link)
    }

    pub(super) fn get_mut(&mut self, link: LinkId) -> Option<&mut Peer> {
        self.iter_mut().find(|peer| peer.link == link)
    }

    pub(super) fn at(&mut self, place: usize) -> Option<&mut Peer> {
        self.places.get_mut(..self.count)?.get_mut(place)
    }

    /// A new one; a hub is given a mark.
    ///
    /// # Errors
    /// [`Full`]: all places are taken.
    pub(super) fn insert(&mut self, peer: Peer) -> Result<(), Full> {
        let taken = self.iter().fold(0, |taken, peer| taken | peer.mark);
        let free = 1_u64.checked_shl((!taken).trailing_zeros()).unwrap_or(0);
        let mark = if peer.kind == Kind::Hub { free } else { 0 };
        *self.places.get_mut(self.count).ok_or(Full)? = Peer { mark, ..peer };
        if peer.kind == Kind::Hub {
            self.places.swap(self.hubs, self.count);
            self.hubs += 1;
        }
        self.count += 1;
        Ok(())
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<Peer> {
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
        self.iter_mut().filter(|peer| peer.hubs_due.is_some()).for_each(|peer| peer.hubs_due = Some(0));
        self.places.get_mut(last).map(|peer| core::mem::replace(peer, Peer::FREE))
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
        fn links_come_and_go_and_no_two_hubs_have_one_mark(
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
                let marks: Vec<u64> = peers.iter().map(|peer| peer.mark).filter(|mark| *mark != 0).collect();
                prop_assert!(marks.iter().all(|mark| mark.is_power_of_two()));
                prop_assert_eq!(marks.iter().fold(0, |all, mark| all | mark).count_ones() as usize, marks.len());
                // Once there were more than there are marks, some have none for good.
                crowded |= hubs > 64;
                prop_assert!(marks.len() <= hubs && (crowded || marks.len() == hubs));
            }
        }
    }

    #[test]
    fn more_hubs_than_marks_are_linked_without_one() {
        let mut places = vec![Peer::FREE; 80];
        let mut peers = Peers::new(&mut places);
        for link in 0..66 {
            peers.insert(Peer { link: LinkId(link), kind: Kind::Hub, ..Peer::FREE }).unwrap();
        }
        assert_eq!(peers.iter().filter(|peer| peer.mark == 0).count(), 2);
        peers.remove(LinkId(10));
        peers.insert(Peer { link: LinkId(70), kind: Kind::Hub, ..Peer::FREE }).unwrap();
        assert_eq!(peers.iter().filter(|peer| peer.mark == 0).count(), 2);
    }
}
