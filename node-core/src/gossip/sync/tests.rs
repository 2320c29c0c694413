//! Two tables, without links.

use std::vec::Vec;

use super::{Sync, handle_fingerprints, start};
use crate::gossip::StaticStorage;
use crate::gossip::membership::Members;
use crate::gossip::overlay::{Peer, Peers};
use crate::id::{LinkId, NodeId};
use crate::sim::toy;
use crate::time::Instant;
use crate::wire::gossip::{IdRange, Items, RangeFingerprint, Tag};
use crate::wire::{Full, Kind, Outbox, Start, State};

const LINK: LinkId = LinkId(1);

#[derive(Default)]
struct Messages(Vec<Vec<u8>>);

impl Outbox for Messages {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        self.0.push(parts.concat());
        Ok(())
    }

    fn room(&self) -> usize {
        usize::MAX
    }
}

impl Messages {
    fn tags(&self) -> Vec<u8> {
        self.0.iter().map(|message| message[0]).collect()
    }
}

fn with_members(ids: &[u8], test: impl FnOnce(&Members<'_>, &mut Peers<'_>)) {
    let mut memory = StaticStorage::<64, 1>::new();
    let (storage, places) = memory.lend().split();
    let mut members =
        Members::new(Instant::START, storage, toy::identity("test", NodeId([0xee; 16])), Start::default());
    for id in ids {
        let index = members.table.insert(NodeId([*id; 16])).unwrap();
        members.table.update(index, |slot| slot.state = State::Alive);
    }
    let mut peers = Peers::new(places);
    peers.insert(Peer { link: LINK, kind: Kind::Hub, ..Peer::FREE }).unwrap();
    test(&members, &mut peers);
}

/// What a hub with these members answers to that fingerprint of everything.
fn answer(ids: &[u8], theirs: RangeFingerprint) -> Messages {
    let mut out = Messages::default();
    with_members(ids, |members, peers| {
        let mut buffer = [0; 64];
        let bytes = postcard::to_slice(&theirs, &mut buffer).unwrap();
        handle_fingerprints(members, peers, Instant::START, LINK, Items::new(bytes), &mut out).unwrap();
    });
    out
}

fn fingerprint(ids: &[u8]) -> RangeFingerprint {
    let mut found = None;
    with_members(ids, |members, _| found = Some(members.table.fingerprint(IdRange::ALL)));
    found.unwrap()
}

#[test]
fn equal_tables_need_one_message() {
    with_members(&[1, 2, 3], |members, _| {
        let mut out = Messages::default();
        assert!(start(members, &mut out));
        assert_eq!(out.tags(), [Tag::RangeFingerprints as u8]);
    });
    assert!(answer(&[1, 2, 3], fingerprint(&[1, 2, 3])).0.is_empty());
}

#[test]
fn a_small_range_that_differs_is_answered_by_an_item_list_and_that_by_what_is_missing() {
    let theirs = answer(&[1, 2, 4], fingerprint(&[1, 2, 3]));
    assert_eq!(theirs.tags(), [Tag::ItemList as u8]);
    with_members(&[1, 2, 3], |members, peers| {
        let mut out = Messages::default();
        let items = &theirs.0[0][1..];
        let complete =
            Sync::new(Instant::START).handle_item_list(members, peers, Instant::START, LINK, items, &mut out);
        assert_eq!(complete, Ok(true));
        assert_eq!(out.tags(), [Tag::IWant as u8, Tag::Records as u8]);
        assert_eq!(out.0[0][1..], [4; 16], "it asks for what it lacks");
        assert_eq!(out.0[1][1..17], [3; 16], "and sends what the other lacks");
    });
}

#[test]
fn a_large_range_that_differs_is_cut_into_parts() {
    let ids: Vec<u8> = (0..40).collect();
    assert_eq!(answer(&ids, fingerprint(&[1])).tags(), [Tag::RangeFingerprints as u8]);
}

#[test]
fn a_peer_makes_a_hub_do_a_bounded_amount_of_work() {
    let ids: Vec<u8> = (0..40).collect();
    with_members(&ids, |members, peers| {
        let theirs = fingerprint(&[1]);
        let mut buffer = [0; 64];
        let bytes = postcard::to_slice(&theirs, &mut buffer).unwrap();
        let mut answers = 0;
        for _ in 0..1000 {
            let mut out = Messages::default();
            _ = handle_fingerprints(members, peers, Instant::START, LINK, Items::new(bytes), &mut out);
            answers += out.0.len();
        }
        // Each costs two looks at all members, and a peer may have 64 of these in a second.
        assert_eq!(answers, 32);
    });
}
