//! What becomes of members: every change is an event, and a line of the log while they are few.

use std::collections::HashMap;

use node_core::gossip::{Member, Node, State};
use node_core::id::{Name, NodeId};

use super::events::{Event, Events};
use crate::clock::unix_millis;
use crate::log_limit::LogLimit;

/// Follows the table of a [`Node`].
pub(super) struct Changes {
    events: Events,
    /// The number of the last change noted.
    cursor: u64,
    /// The states last noted.
    states: HashMap<NodeId, State>,
    /// For each name the first live member that had it.
    names: HashMap<Name, NodeId>,
    /// Keeps the log readable: a hub may speak of thousands of members, and is believed.
    lines: LogLimit,
    /// The same for nodes with one name.
    namings: LogLimit,
}

impl Changes {
    pub(super) fn new(events: Events) -> Self {
        Self {
            events,
            cursor: 0,
            states: HashMap::new(),
            names: HashMap::new(),
            lines: LogLimit::of("changes of members"),
            namings: LogLimit::of("names that two nodes have"),
        }
    }

    /// Notes what changed since the last time, in a table of so many `places`; `false` when nothing did.
    pub(super) fn note(&mut self, node: &Node<'_>, places: usize) -> bool {
        let before = self.cursor;
        for (number, member) in node.changes(before) {
            self.cursor = number;
            self.note_member(node, &member);
        }
        // Who is forgotten is not named among the changes.
        if self.states.len() > 2 * places {
            self.states.retain(|id, _| node.member(*id).is_some());
            self.names.retain(|_, id| node.member(*id).is_some());
        }
        self.cursor != before
    }

    /// Says how many lines were left out; when to do so again.
    pub(super) fn flush_logs(&self) -> Option<tokio::time::Instant> {
        [self.lines.flush(), self.namings.flush()].into_iter().flatten().min()
    }

    fn note_member(&mut self, node: &Node<'_>, member: &Member<'_>) {
        let (id, state) = (member.record.id, member.record.state);
        let before = self.states.insert(id, state);
        let Ok(name) = Name::new(member.meta.name) else { return };
        let namesake = if before.is_none() { self.namesake(node, id, &name) } else { None };
        if id == node.id() || before == Some(state) {
            return;
        }
        let reason = match (before, state) {
            (Some(State::Suspect), State::Alive) => Some("it objected to being suspect"),
            (Some(State::Down), State::Alive) => Some("it came back, or objected to being down"),
            (_, State::Down) => Some("it did not object in time"),
            _ => member.doubt,
        };
        self.log(member, reason);
        if let Some(other) = namesake
            && self.namings.admits()
        {
            tracing::warn!(%id, %other, "two nodes are named {name}: give one another name");
        }
        self.events.push(Event {
            number: 0,
            at_unix_ms: unix_millis(),
            id,
            name,
            before,
            state,
            incarnation: member.record.incarnation,
            by: accuser(member),
            reason,
        });
    }

    /// A live member that has the name of this new one. One look-up, for a flood of newcomers is not to cost a search each: of
    /// several with the name only the first is remembered, and the name is the new one's when that one is gone.
    fn namesake(&mut self, node: &Node<'_>, id: NodeId, name: &Name) -> Option<NodeId> {
        let has_it = |other: &Member<'_>| other.record.state.is_live() && other.meta.name == name.as_str();
        let first = self.names.get(name).copied();
        let first = first.filter(|first| *first != id && node.member(*first).as_ref().is_some_and(has_it));
        if first.is_none() {
            self.names.insert(name.clone(), id);
        }
        first
    }

    fn log(&self, member: &Member<'_>, reason: Option<&str>) {
        if !self.lines.admits() {
            return;
        }
        let (id, state, name) = (member.record.id, member.record.state, member.meta.name);
        match (accuser(member), reason) {
            (Some(by), Some(reason)) => tracing::warn!(%id, %by, "{name} is {state}: {reason}"),
            (Some(by), None) => tracing::warn!(%id, %by, "{name} is {state}: others saw it"),
            (None, Some(reason)) => tracing::info!(%id, "{name} is {state}: {reason}"),
            (None, None) => tracing::info!(%id, "{name} is {state}"),
        }
    }
}

/// Who says so, of a suspect or a member that is down.
fn accuser(member: &Member<'_>) -> Option<NodeId> {
    member.record.by.filter(|_| matches!(member.record.state, State::Suspect | State::Down))
}

#[cfg(test)]
mod tests {
    use super::*;
    use node_core::gossip::{Config, Entry, How, Kind, Meta, Peer, Slot, Storage};
    use node_core::id::LinkId;
    use node_core::link::{Hello, Limits};
    use node_core::time::Instant;
    use node_core::wire::gossip::Tag;
    use node_core::wire::{Full, Outbox, Record, VERSION};

    const LIMITS: Limits =
        Limits { frame: 1024, exchanges: 8, exchange_credit: 1024, link_credit: 8192, members: 16 };

    /// Takes everything.
    struct Nowhere;

    impl Outbox for Nowhere {
        fn put(&mut self, _: &[&[u8]]) -> Result<(), Full> {
            Ok(())
        }

        fn room(&self) -> usize {
            usize::MAX
        }
    }

    #[test]
    fn namesakes_that_arrive_at_once_are_noticed_and_those_that_are_gone_are_not() {
        let (mut slots, mut order, mut meta) = (vec![Slot::FREE; 8], vec![Entry::FREE; 8], vec![0; 4096]);
        let (mut due, mut peers) = (vec![Instant::START; 8], vec![Peer::FREE; 4]);
        let storage = Storage {
            slots: &mut slots,
            order: &mut order,
            due: &mut due,
            sums: &mut [],
            meta: &mut meta,
            peers: &mut peers,
        };
        let config = Config::new(NodeId([1; 16]), Kind::Hub);
        let me = Meta::new("me", Kind::Hub);
        let mut node = Node::new(Instant::START, config, (1, &me), (storage, 7)).unwrap();
        let (mut hub, mut twin) = ([0; 64], [0; 64]);
        let hub = Meta::new("hub", Kind::Hub).encode(&mut hub).unwrap();
        let twin = Meta::new("twin", Kind::Hub).encode(&mut twin).unwrap();
        let record = |id, state, meta| Record { id: NodeId([id; 16]), incarnation: 1, state, by: None, meta };
        let record_of_hub = record(2, State::Alive, hub);
        let hello =
            Hello { version: VERSION, cluster: "test", limits: LIMITS, time: None, record: record_of_hub };
        node.handle_link_up(Instant::START, LinkId(1), How::Accepted, &hello).unwrap();
        let learn = |node: &mut Node<'_>, record: Record<'_>| {
            let mut item = [0; 128];
            let message = [&[Tag::Records as u8], &*postcard::to_slice(&record, &mut item).unwrap()].concat();
            node.handle_gossip(Instant::START, LinkId(1), &message, &mut Nowhere).unwrap();
        };
        let mut changes = Changes::new(Events::new());
        let name = Name::new("twin").unwrap();
        let mut namesake = |node: &Node<'_>, id| changes.namesake(node, NodeId([id; 16]), &name);

        learn(&mut node, record(3, State::Alive, twin));
        learn(&mut node, record(4, State::Alive, twin));
        assert_eq!(namesake(&node, 3), None);
        assert_eq!(namesake(&node, 4), Some(NodeId([3; 16])));

        learn(&mut node, record(3, State::Left, twin));
        learn(&mut node, record(4, State::Left, twin));
        learn(&mut node, record(5, State::Alive, twin));
        assert_eq!(namesake(&node, 5), None);
    }
}
