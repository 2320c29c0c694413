//! Pushing changes to one peer over a link with little room.

use std::vec::Vec;

use super::changes::push_changes;
use super::eager::push_eagerly;
use super::lazy::push_lazily;
use crate::gossip::StaticStorage;
use crate::gossip::membership::Members;
use crate::gossip::overlay::Peer;
use crate::id::NodeId;
use crate::sim::toy;
use crate::time::{Duration, Instant};
use crate::wire::gossip::Tag;
use crate::wire::{Full, Kind, Outbox, Start, State};

/// Takes so many messages.
struct Room {
    left: usize,
    tags: Vec<u8>,
}

impl Room {
    const fn of(left: usize) -> Self {
        Self { left, tags: Vec::new() }
    }
}

impl Outbox for Room {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        self.left = self.left.checked_sub(1).ok_or(Full)?;
        self.tags.push(parts[0][0]);
        Ok(())
    }

    fn room(&self) -> usize {
        self.left * 1024
    }
}

/// So many live members.
fn with_members(count: u8, test: impl FnOnce(&mut Members<'_>)) {
    let mut memory = StaticStorage::<64, 1>::new();
    let (storage, _) = memory.lend().split();
    let mut members =
        Members::new(Instant::START, storage, toy::identity("test", NodeId([0xee; 16])), Start::default());
    for number in 0..count {
        change(&mut members, number);
    }
    test(&mut members);
}

fn change(members: &mut Members<'_>, number: u8) {
    let index = members.table.insert(NodeId([number; 16])).unwrap();
    members.table.set_metadata(index, &[number; 100], 0).unwrap();
    members.table.update(index, |slot| {
        (slot.state, slot.incarnation) = (State::Alive, slot.incarnation + 1);
    });
    members.table.mark_changed(index, 0);
}

const HUB: Peer = Peer { kind: Kind::Hub, ..Peer::FREE };

#[test]
fn a_full_link_is_continued_where_it_was_interrupted() {
    with_members(40, |members| {
        let mut peer = HUB;
        let mut messages = 0;
        while peer.push.cursor < members.table.sequence() {
            let mut room = Room::of(1);
            let pushed = push_changes(members, &peer, |_| true, &mut room);
            assert!(pushed.position > peer.push.cursor, "each message carries records");
            peer.push.cursor = pushed.position;
            messages += room.tags.len();
        }
        // 119 bytes each, 1024 a message: eight records.
        assert_eq!(messages, 5);
        let mut none = Room::of(0);
        peer.push.cursor = 0;
        assert_eq!(push_changes(members, &peer, |_| true, &mut none).position, 0);
    });
}

#[test]
fn eager_push_is_paced_after_four_times_in_a_row() {
    with_members(1, |members| {
        let now = Instant::from_micros(1_000_000);
        let (mut peer, mut room) = (HUB, Room::of(100));
        for number in 0..10 {
            change(members, number);
            push_eagerly(members, now, &mut peer, &mut room);
        }
        assert_eq!(room.tags, [Tag::Records as u8; 4]);
        let due = peer.push.lazy_at.expect("what waits is pushed later");
        assert_eq!(due.since(now), Duration::from_millis(100));
        push_eagerly(members, due, &mut peer, &mut room);
        assert_eq!((room.tags.len(), peer.push.cursor), (5, members.table.sequence()));
    });
}

#[test]
fn lazy_push_waits_and_says_ihave_of_what_the_peer_did_not_send() {
    with_members(3, |members| {
        let now = Instant::from_micros(1_000_000);
        let (mut peer, mut room) = (Peer { known_by: 2, ..HUB }, Room::of(100));
        push_lazily(members, now, &mut peer, &mut room);
        assert!(room.tags.is_empty());
        let due = peer.push.lazy_at.unwrap();
        push_lazily(members, due, &mut peer, &mut room);
        assert_eq!(room.tags, [Tag::IHave as u8]);
        for number in 0..3 {
            let index = members.table.find(NodeId([number; 16])).unwrap();
            members.table.mark_changed(index, peer.known_by);
        }
        push_lazily(members, due, &mut peer, &mut room);
        push_lazily(members, peer.push.lazy_at.unwrap(), &mut peer, &mut room);
        assert_eq!(room.tags.len(), 1, "the peer sent these changes itself");
    });
}
