//! The table against a naive one: a map for the members, a list for the change log.

use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::fingerprints::hash;
use super::super::metadata_arena::SLOT_HEADER;
use super::{MemberSlot, PartFingerprint, Table};
use crate::gossip::{StaticStorage, Storage};
use crate::id::NodeId;
use crate::time::Instant;
use crate::wire::State;
use crate::wire::gossip::IdRange;
use crate::wire::record::MAX_METADATA;

const CAPACITY: usize = 8;
/// Bytes for metadata.
const MEMORY: usize = CAPACITY * MAX_METADATA;
/// Kept free in it.
const SPARE: usize = 500;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8),
    Remove(u8),
    MarkChanged(u8),
    SetMetadata(u8, Vec<u8>),
    SetState(u8, State, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop_oneof![Just(State::Alive), Just(State::Suspect), Just(State::Down), Just(State::Left)];
    prop_oneof![
        4 => (0..14u8).prop_map(Step::Insert),
        1 => (0..14u8).prop_map(Step::Remove),
        3 => (0..14u8).prop_map(Step::MarkChanged),
        4 => (0..14u8, prop::collection::vec(any::<u8>(), 1..900)).prop_map(|(id, metadata)| Step::SetMetadata(id, metadata)),
        3 => (0..14u8, state, 0..1000u64).prop_map(|(id, state, since)| Step::SetState(id, state, since)),
    ]
}

fn id(number: u8) -> NodeId {
    NodeId([number; 16])
}

#[derive(Default)]
struct Naive {
    members: BTreeMap<NodeId, (State, u64, Vec<u8>)>,
    /// Oldest change first.
    changes: Vec<NodeId>,
}

impl Naive {
    fn mark_changed(&mut self, id: NodeId) {
        self.changes.retain(|other| *other != id);
        self.changes.push(id);
    }

    fn remove(&mut self, id: NodeId) {
        self.members.remove(&id);
        self.changes.retain(|other| *other != id);
    }

    /// Makes room as the table does; `false` when there is none to make.
    fn make_room(&mut self) -> bool {
        if self.members.len() < CAPACITY {
            return true;
        }
        let departed = self.members.iter().filter(|(_, (state, ..))| !state.is_live());
        let oldest = departed.min_by_key(|(_, (_, since, _))| *since).map(|(id, _)| *id);
        oldest.inspect(|id| self.remove(*id)).is_some()
    }
}

fn apply(table: &mut Table<'_>, naive: &mut Naive, step: Step) {
    match step {
        Step::Insert(number) => {
            let id = id(number);
            let room = naive.members.contains_key(&id) || naive.make_room();
            assert_eq!(table.insert(id).is_ok(), room);
            if room && !naive.members.contains_key(&id) {
                naive.members.insert(id, (State::Left, 0, Vec::new()));
                naive.mark_changed(id);
            }
        }
        Step::Remove(number) => {
            if let Some(index) = table.find(id(number)) {
                table.remove(index);
            }
            naive.remove(id(number));
        }
        Step::MarkChanged(number) => {
            if let Some(index) = table.find(id(number)) {
                table.mark_changed(index, 0);
                naive.mark_changed(id(number));
            }
        }
        Step::SetMetadata(number, metadata) => {
            if let Some(index) = table.find(id(number)) {
                let others = naive.members.iter().filter(|(id, _)| **id != table.slot(index).id);
                let taken: usize = others
                    .map(|(_, (_, _, metadata))| metadata)
                    .filter(|metadata| !metadata.is_empty())
                    .map(|metadata| SLOT_HEADER + metadata.len())
                    .sum();
                let old = naive.members[&table.slot(index).id].2.len();
                let shrinks = old > 0 && metadata.len() <= old;
                let fits = shrinks || taken + SLOT_HEADER + metadata.len() + SPARE <= MEMORY;
                assert_eq!(table.set_metadata(index, &metadata, SPARE).is_ok(), fits);
                let member = naive.members.get_mut(&id(number)).unwrap();
                member.2 = if fits { metadata } else { core::mem::take(&mut member.2) };
            }
        }
        Step::SetState(number, state, since) => {
            if let Some(index) = table.find(id(number)) {
                let slot = table.slot_mut(index).unwrap();
                // Distinct, so that it is clear who departed first.
                let since = since * 16 + u64::from(number);
                slot.since = Instant::from_micros(since);
                table.update(index, |slot| (slot.state, slot.dial.wanted) = (state, number % 2 == 0));
                let member = naive.members.get_mut(&id(number)).unwrap();
                (member.0, member.1) = (state, since);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_holds_what_a_naive_table_holds(
        steps in prop::collection::vec(step(), 0..120),
        (first, last) in (0..15u8, 0..15u8),
        parts in 0..300usize,
    ) {
        let mut memory = StaticStorage::<CAPACITY, 1>::new();
        let mut fingerprints = vec![PartFingerprint::EMPTY; parts];
        let (storage, _) = Storage { fingerprints: &mut fingerprints, ..memory.lend() }.split();
        let mut table = Table::new(storage);
        let mut naive = Naive::default();
        for step in steps {
            let sequence = table.sequence();
            apply(&mut table, &mut naive, step);

            let ids: Vec<NodeId> = table.iter().map(|index| table.slot(index).id).collect();
            prop_assert_eq!(&ids, &naive.members.keys().copied().collect::<Vec<_>>());
            for (id, (state, _, metadata)) in &naive.members {
                let index = table.find(*id).unwrap();
                prop_assert_eq!(table.slot(index).state, *state);
                prop_assert_eq!(table.metadata(index), metadata.as_slice());
            }
            let count = |fits: fn(&MemberSlot) -> bool| table.iter().filter(|&index| fits(table.slot(index))).count();
            prop_assert_eq!(table.link_wanted(), count(|slot| slot.dial.wanted));
            prop_assert_eq!(table.suspects(), count(|slot| slot.state == State::Suspect));
            prop_assert_eq!(table.down(), count(|slot| slot.state == State::Down));
            prop_assert_eq!(table.departed(), count(|slot| !slot.state.is_live()));
            let sum = |index| PartFingerprint::of(table.slot(index)).sum;
            let whole = table.iter().map(sum).fold(0, u64::wrapping_add);
            prop_assert_eq!(table.fingerprint(IdRange::ALL).fingerprint, whole);
            let changes: Vec<NodeId> = table.changes(0).map(|(index, _)| table.slot(index).id).collect();
            prop_assert_eq!(&changes, &naive.changes);
            prop_assert!(table.changes(0).map(|(_, number)| number).is_sorted());
            // After a cursor comes what changed since, and nothing else.
            let new: Vec<NodeId> = table.changes(sequence).map(|(index, _)| table.slot(index).id).collect();
            let changed = usize::from(table.sequence() > sequence);
            prop_assert_eq!(&new, &naive.changes[naive.changes.len() - changed..].to_vec());
        }
        let range = IdRange { first: id(first), last: id(last) };
        let within: Vec<NodeId> = table.range(range).map(|index| table.slot(index).id).collect();
        let expected: Vec<NodeId> =
            naive.members.keys().copied().filter(|id| (range.first..=range.last).contains(id)).collect();
        prop_assert_eq!(&within, &expected);
        let live = expected.iter().filter(|id| naive.members[id].0.is_live());
        let sum = live.clone().map(|id| hash(table.slot(table.find(*id).unwrap())));
        let found = table.fingerprint(range);
        prop_assert_eq!(found.count as usize, live.count());
        prop_assert_eq!(found.fingerprint, sum.fold(0, u64::wrapping_add));
    }
}

/// The vector of PROTOCOL.md, R-088.
#[test]
fn the_fingerprint_is_what_the_protocol_says() {
    let mut memory = StaticStorage::<2, 1>::new();
    let (storage, _) = memory.lend().split();
    let mut table = Table::new(storage);
    let index = table.insert(NodeId(core::array::from_fn(|at| at as u8))).unwrap();
    table.set_metadata(index, b"a description", 0).unwrap();
    let slot = table.slot_mut(index).unwrap();
    (slot.incarnation, slot.state) = (5, State::Suspect);
    let digits = std::format!("{:016x}", hash(table.slot(index)));
    assert!(include_str!("../../../../../PROTOCOL.md").contains(&digits), "{digits} is not in PROTOCOL.md");
}
