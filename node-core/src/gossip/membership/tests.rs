//! Merging records, without any link: what the links are asked and told is written down.

use std::vec::Vec;

use super::{BuddyNotification, Links, Members, Sender, Update};
use crate::gossip::context::Context;
use crate::gossip::{Config, StaticStorage};
use crate::id::{LinkId, NodeId};
use crate::sim::toy;
use crate::time::Instant;
use crate::trust::Fingerprint;
use crate::wire::record::MAX_METADATA;
use crate::wire::{Kind, Metadata, Record, Start, State};

const ME: NodeId = NodeId([1; 16]);
const PEER: NodeId = NodeId([2; 16]);
const OTHER: NodeId = NodeId([3; 16]);
const NOW: Instant = Instant::from_micros(1_000_000);

/// One link, to [`PEER`].
#[derive(Default)]
struct OneLink {
    notified: Vec<(NodeId, BuddyNotification)>,
}

impl Links for OneLink {
    fn is_linked(&self, id: NodeId) -> bool {
        id == PEER
    }

    fn is_linked_leaf(&self, _: NodeId) -> bool {
        false
    }

    fn linked_hubs(&self) -> impl Iterator<Item = NodeId> {
        core::iter::once(PEER)
    }

    fn sender(&self, _: LinkId) -> Sender {
        Sender { id: Some(PEER), known_by: 1 }
    }

    fn notify_buddy(&mut self, id: NodeId, notification: BuddyNotification) {
        self.notified.push((id, notification));
    }

    fn renewal_due(&self, _: NodeId, _: Fingerprint) -> Option<Instant> {
        None
    }
}

/// A hub that knows nobody, and a record as `PEER` sends it on the link.
fn apply(records: &[(NodeId, u64, State)], check: impl FnOnce(&Members<'_>, &[Update], &OneLink)) {
    let mut memory = StaticStorage::<8, 1>::new();
    let (storage, _) = memory.lend().split();
    let mut members = Members::new(Instant::START, storage, toy::identity("test", ME), Start::default());
    let mut context = Context::new(Config::new(ME, Kind::Hub), 7);
    members.insert_own(&context, Instant::START, 1).unwrap();
    let mut links = OneLink::default();
    let mut buffer = [0; MAX_METADATA];
    let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
    let updates: Vec<Update> = records
        .iter()
        .map(|&(id, incarnation, state)| {
            let by = (state == State::Suspect).then_some(ME);
            let record = Record { id, incarnation, state, by, metadata };
            members.apply(&mut context, &mut links, NOW, &record, LinkId(1))
        })
        .collect();
    check(&members, &updates, &links);
}

#[test]
fn a_newer_record_is_taken_and_an_older_one_changes_nothing() {
    let records = [(OTHER, 5, State::Alive), (OTHER, 4, State::Alive), (OTHER, 6, State::Alive)];
    apply(&records, |members, updates, _| {
        let first = Update::Newer { described_anew: true };
        assert_eq!(updates, [first, Update::Unchanged, Update::Newer { described_anew: false }]);
        let other = members.table.slot(members.table.find(OTHER).unwrap());
        assert_eq!((other.incarnation, other.known_by), (6, 1));
    });
}

#[test]
fn a_departed_member_that_is_not_known_is_not_taken() {
    apply(&[(OTHER, 5, State::Down), (OTHER, 5, State::Left)], |members, updates, _| {
        assert_eq!(updates, [Update::Unchanged; 2]);
        assert_eq!(members.table.find(OTHER), None);
    });
}

#[test]
fn a_suspicion_of_a_member_without_a_link_is_believed() {
    apply(&[(OTHER, 1, State::Alive), (OTHER, 1, State::Suspect)], |members, updates, links| {
        assert_eq!(updates.last(), Some(&Update::Newer { described_anew: false }));
        assert_eq!((members.table.suspects(), links.notified.len()), (1, 0));
    });
}

#[test]
fn a_suspect_with_a_link_gets_a_buddy_notification_and_is_not_declared_down() {
    let mut links = OneLink::default();
    let mut memory = StaticStorage::<8, 1>::new();
    let (storage, _) = memory.lend().split();
    let mut members = Members::new(Instant::START, storage, toy::identity("test", ME), Start::default());
    let mut context = Context::new(Config::new(ME, Kind::Hub), 7);
    let index = members.table.insert(PEER).unwrap();
    members.table.update(index, |slot| (slot.state, slot.incarnation) = (State::Suspect, 3));
    members.table.set_deadline(index, NOW);
    members.expire(&mut context, &mut links, NOW);
    assert_eq!(members.table.slot(index).state, State::Suspect);
    let said = BuddyNotification { incarnation: 3, state: State::Suspect, by: None };
    assert_eq!(links.notified, [(PEER, said)]);
}
