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

    /// Notes what changed since the last time; `false` when nothing did.
    pub(super) fn note(&mut self, node: &Node<'_>) -> bool {
        let before = self.cursor;
        for (number, member) in node.changes(before) {
            self.cursor = number;
            self.note_member(node, &member);
        }
        // Who is forgotten is not named among the changes.
        let forgotten = self.states.len() > node.member_count();
        if forgotten {
            self.states.retain(|id, _| node.member(*id).is_some());
            self.names.retain(|_, id| node.member(*id).is_some());
        }
        self.cursor != before || forgotten
    }

    /// Says how many lines were left out; when to do so again.
    pub(super) fn flush_logs(&self) -> Option<tokio::time::Instant> {
        [self.lines.flush(), self.namings.flush()].into_iter().flatten().min()
    }

    fn note_member(&mut self, node: &Node<'_>, member: &Member<'_>) {
        let (id, state) = (member.record.id, member.record.state);
        let before = self.states.insert(id, state);
        let Ok(name) = Name::new(member.metadata.name) else { return };
        let comes = state.is_live() && !before.is_some_and(State::is_live);
        let namesake = if comes { self.namesake(node, id, &name) } else { None };
        if id == node.id() || before == Some(state) {
            return;
        }
        let reason = match (before, state) {
            (Some(State::Suspect), State::Alive) => Some("it objected to being suspect"),
            (Some(State::Down), State::Alive) => Some("it came back, or objected to being down"),
            (_, State::Down) => Some("it did not object in time"),
            (_, State::Left) => member.record.by.map(|_| "an operator removed it"),
            _ => member.evidence,
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
            by: said_by(member),
            reason,
        });
    }

    /// A live member that has the name of this one, which came or came back. One look-up, for a flood of newcomers is not to
    /// cost a search each: of several with the name only the first is remembered, and the name is the newcomer's when that
    /// one is gone.
    fn namesake(&mut self, node: &Node<'_>, id: NodeId, name: &Name) -> Option<NodeId> {
        let has_it =
            |other: &Member<'_>| other.record.state.is_live() && other.metadata.name == name.as_str();
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
        let (id, state, name) = (member.record.id, member.record.state, member.metadata.name);
        match (said_by(member), reason) {
            (Some(by), Some(reason)) => tracing::warn!(%id, %by, "{name} is {state}: {reason}"),
            (Some(by), None) => tracing::warn!(%id, %by, "{name} is {state}: others saw it"),
            (None, Some(reason)) => tracing::info!(%id, "{name} is {state}: {reason}"),
            (None, None) => tracing::info!(%id, "{name} is {state}"),
        }
    }
}

/// Who calls it suspect or down, or where an operator removed it.
fn said_by(member: &Member<'_>) -> Option<NodeId> {
    member.record.by.filter(|_| member.record.state != State::Alive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Log;
    use node_core::gossip::{Birth, Config, Direction, Kind, Metadata, StaticStorage};
    use node_core::id::LinkId;
    use node_core::link::{Hello, Limits};
    use node_core::time::{Duration, Instant};
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

    /// A hub with a link to another hub, which tells it of members.
    struct Told<'s> {
        node: Node<'s>,
        now: Instant,
    }

    impl<'s> Told<'s> {
        fn new(storage: &'s mut StaticStorage<8, 4>) -> Self {
            let now = Instant::START;
            let config =
                Config { tombstone: Duration::from_secs(1), ..Config::new(NodeId([1; 16]), Kind::Hub) };
            let me = Metadata::new("me", Kind::Hub);
            let mut node =
                Node::new(now, config, Birth { incarnation: 1, metadata: &me, seed: 7 }, storage.lend())
                    .unwrap();
            let mut metadata = [0; 64];
            let metadata = Metadata::new("hub", Kind::Hub).encode(&mut metadata).unwrap();
            let record =
                Record { id: NodeId([2; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
            let hello = Hello { version: VERSION, cluster: "test", limits: LIMITS, time: None, record };
            node.handle_link_up(now, LinkId(1), Direction::Accepted, &hello).unwrap();
            Self { node, now }
        }

        /// The hub says so of a member that is named twin.
        fn learn(&mut self, id: u8, incarnation: u64, state: State) {
            let (mut metadata, mut item) = ([0; 64], [0; 128]);
            let metadata = Metadata::new("twin", Kind::Hub).encode(&mut metadata).unwrap();
            let record = Record { id: NodeId([id; 16]), incarnation, state, by: None, metadata };
            let message = [&[Tag::Records as u8], &*postcard::to_slice(&record, &mut item).unwrap()].concat();
            self.node.handle_gossip(self.now, LinkId(1), &message, &mut Nowhere).unwrap();
        }

        fn wait(&mut self, time: Duration) {
            let end = self.now + time;
            while self.now < end {
                self.now = self.now + Duration::from_millis(100);
                self.node.handle_timeout(self.now);
            }
        }
    }

    #[test]
    fn namesakes_that_arrive_at_once_are_noticed_and_those_that_are_gone_are_not() {
        let mut storage = StaticStorage::new();
        let mut told = Told::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        let name = Name::new("twin").unwrap();
        let mut namesake = |node: &Node<'_>, id| changes.namesake(node, NodeId([id; 16]), &name);

        told.learn(3, 1, State::Alive);
        told.learn(4, 1, State::Alive);
        assert_eq!(namesake(&told.node, 3), None);
        assert_eq!(namesake(&told.node, 4), Some(NodeId([3; 16])));

        told.learn(3, 1, State::Left);
        told.learn(4, 1, State::Left);
        told.learn(5, 1, State::Alive);
        assert_eq!(namesake(&told.node, 5), None);
    }

    #[test]
    fn a_namesake_that_comes_back_is_noticed() {
        let (log, _guard) = Log::start();
        let mut storage = StaticStorage::new();
        let mut told = Told::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        for (id, incarnation, state) in [(3, 1, State::Alive), (3, 1, State::Left), (4, 1, State::Alive)] {
            told.learn(id, incarnation, state);
            changes.note(&told.node);
        }
        assert_eq!(log.lines("two nodes are named twin"), [""; 0]);
        told.learn(3, 2, State::Alive);
        changes.note(&told.node);
        assert_eq!(log.lines("two nodes are named twin").len(), 1);
    }

    #[test]
    fn who_removed_a_member_is_named() {
        let mut storage = StaticStorage::new();
        let mut told = Told::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        told.learn(3, 1, State::Alive);
        told.learn(4, 1, State::Alive);
        told.learn(3, 1, State::Suspect);
        let (gone, removed) = (NodeId([4; 16]), NodeId([3; 16]));
        while told.node.remove(told.now, removed).is_err() {
            told.wait(Duration::from_millis(100));
        }
        told.learn(4, 1, State::Left);
        changes.note(&told.node);
        let events = changes.events.after(0, 9);
        let left = events.iter().filter(|event| event.state == State::Left);
        let left: Vec<_> = left.map(|event| (event.id, event.by, event.reason)).collect();
        let me = Some(told.node.id());
        assert_eq!(left, [(removed, me, Some("an operator removed it")), (gone, None, None)]);
    }

    #[test]
    fn who_is_forgotten_is_a_change() {
        let mut storage = StaticStorage::new();
        let mut told = Told::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        told.learn(3, 1, State::Alive);
        told.learn(3, 1, State::Left);
        assert!(changes.note(&told.node));
        assert!(!changes.note(&told.node));
        told.wait(Duration::from_secs(2));
        assert!(told.node.member(NodeId([3; 16])).is_none());
        assert!(changes.note(&told.node));
        assert!(!changes.note(&told.node));
    }
}
