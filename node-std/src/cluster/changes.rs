//! The changes of members: each one is an event, and a line of the log while there are few.

use std::borrow::Cow;
use std::collections::HashMap;

use node_core::gossip::{Member, Node, Start, State};
use node_core::id::{Name, NodeId};

use super::events::{Event, Events};
use super::names::Names;
use crate::clock::unix_millis;
use crate::log_limit::LogLimit;

/// Follows the table of a [`Node`].
pub(super) struct Changes {
    events: Events,
    /// The number of the last change noted.
    cursor: u64,
    /// The states last noted.
    states: HashMap<NodeId, State>,
    /// The rivals last noted.
    rivals: HashMap<NodeId, Start>,
    names: Names,
    /// Limits the log lines: one hub may tell of thousands of members.
    log: LogLimit,
    /// Limits the log lines about duplicate names.
    name_log: LogLimit,
}

impl Changes {
    pub(super) fn new(events: Events) -> Self {
        Self {
            events,
            cursor: 0,
            states: HashMap::new(),
            rivals: HashMap::new(),
            names: Names::default(),
            log: LogLimit::of("changes of members"),
            name_log: LogLimit::of("duplicate names"),
        }
    }

    /// Notes the changes since the last time. Returns `false` when there were none.
    pub(super) fn note(&mut self, node: &Node<'_>) -> bool {
        let before = self.cursor;
        for (number, member) in node.changes(before) {
            self.cursor = number;
            self.note_member(node, &member);
        }
        // A member that the table forgot is not among the changes.
        let forgotten = self.states.len() > node.member_count();
        if forgotten {
            self.states.retain(|id, _| node.member(*id).is_some());
            self.rivals.retain(|id, _| node.member(*id).is_some());
            self.names.retain_members(node);
        }
        self.cursor != before || forgotten
    }

    /// Logs how many lines were left out. Returns when to call it again.
    pub(super) fn flush_logs(&self) -> Option<tokio::time::Instant> {
        [self.log.flush(), self.name_log.flush()].into_iter().flatten().min()
    }

    fn note_member(&mut self, node: &Node<'_>, member: &Member<'_>) {
        let (id, state) = (member.record.id, member.record.state);
        let before = self.states.insert(id, state);
        let Ok(name) = Name::new(member.metadata.name) else { return };
        self.note_rival(member, &name);
        let comes = state.is_live() && !before.is_some_and(State::is_live);
        let duplicate = if comes { self.names.duplicate(node, id, &name) } else { None };
        if id == node.id() || before == Some(state) {
            return;
        }
        let reason = match (before, state) {
            (Some(State::Suspect), State::Alive) => Some("it refuted the suspicion"),
            (Some(State::Down), State::Alive) => Some("it came back, or refuted that it is down"),
            (_, State::Down) => Some("it did not refute the suspicion in time"),
            (Some(State::Down), State::Left) => member.record.by.map(|_| "an operator removed it"),
            _ => member.evidence,
        };
        self.log_change(member, reason);
        if let Some(other) = duplicate
            && self.name_log.admits()
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
            by: reporter(member),
            reason: reason.map(Cow::Borrowed),
        });
    }

    /// Notes that a member found another process with its identity.
    fn note_rival(&mut self, member: &Member<'_>, name: &Name) {
        let (id, state) = (member.record.id, member.record.state);
        let Some(rival) = member.metadata.rival else { return };
        if self.rivals.insert(id, rival.start) == Some(rival.start) {
            return;
        }
        let own = member.metadata.addrs.first().copied().unwrap_or("no address");
        let other = if rival.address.is_empty() { "an unknown address" } else { rival.address };
        let reason = format!(
            "it runs at {own}, and a second process with its identity at {other}, which is refused: if that data directory is \
             a copy, delete identity.key in it"
        );
        if self.log.admits() {
            tracing::warn!(%id, "{name} runs twice: {reason}");
        }
        self.events.push(Event {
            number: 0,
            at_unix_ms: unix_millis(),
            id,
            name: name.clone(),
            before: Some(state),
            state,
            incarnation: member.record.incarnation,
            by: None,
            reason: Some(Cow::Owned(reason)),
        });
    }

    fn log_change(&self, member: &Member<'_>, reason: Option<&str>) {
        if !self.log.admits() {
            return;
        }
        let (id, state, name) = (member.record.id, member.record.state, member.metadata.name);
        match (reporter(member), reason) {
            (Some(by), Some(reason)) => tracing::warn!(%id, %by, "{name} is {state}: {reason}"),
            (Some(by), None) => tracing::warn!(%id, %by, "{name} is {state}: other nodes saw it"),
            (None, Some(reason)) => tracing::info!(%id, "{name} is {state}: {reason}"),
            (None, None) => tracing::info!(%id, "{name} is {state}"),
        }
    }
}

/// The node that calls it suspect or down, or at which an operator removed it.
fn reporter(member: &Member<'_>) -> Option<NodeId> {
    member.record.by.filter(|_| member.record.state != State::Alive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Log;
    use node_core::gossip::{Birth, Config, Direction, Kind, Metadata, StaticStorage};
    use node_core::id::LinkId;
    use node_core::identity::Identity;
    use node_core::sim::toy;
    use node_core::time::{Duration, Instant};
    use node_core::wire::gossip::Tag;
    use node_core::wire::{Full, Outbox, Record, Rival};

    fn identity(number: u8) -> Identity<'static> {
        toy::identity("test", NodeId([number; 16]))
    }

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

    /// A hub with a link to another hub, which gossips members to it.
    struct Fixture<'s> {
        node: Node<'s>,
        now: Instant,
    }

    impl<'s> Fixture<'s> {
        fn new(storage: &'s mut StaticStorage<8, 4>) -> Self {
            let now = Instant::START;
            let config =
                Config { tombstone: Duration::from_secs(1), ..Config::new(NodeId([1; 16]), Kind::Hub) };
            let me = Metadata::new("me", Kind::Hub);
            let birth = Birth { incarnation: 1, start: Start::default(), metadata: &me, seed: 7 };
            let mut node = Node::new(now, config, identity(1), birth, storage.lend()).unwrap();
            let mut buffer = [0; 256];
            let hub = toy::record(&identity(2), 1, &Metadata::new("hub", Kind::Hub), &mut buffer).unwrap();
            node.handle_link_up(now, LinkId(1), Direction::Accepted, &hub).unwrap();
            Self { node, now }
        }

        /// The hub reports this state of a member that is named twin.
        fn learn(&mut self, id: u8, incarnation: u64, state: State) {
            let left = state == State::Left;
            self.hear(id, incarnation, state, &Metadata { left, ..Metadata::new("twin", Kind::Hub) });
        }

        /// The hub tells what a member says of itself, in this state.
        fn hear(&mut self, id: u8, incarnation: u64, state: State, metadata: &Metadata<'_>) {
            let mut buffer = [0; 256];
            let record = toy::record(&identity(id), incarnation, metadata, &mut buffer).unwrap();
            let item = postcard::to_extend(&Record { state, ..record }, Vec::new()).unwrap();
            let message = [&[Tag::Records as u8], &*item].concat();
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
    fn duplicate_names_are_noticed_among_live_members_only() {
        let mut storage = StaticStorage::new();
        let mut fixture = Fixture::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        let name = Name::new("twin").unwrap();
        let mut duplicate = |node: &Node<'_>, id| changes.names.duplicate(node, NodeId([id; 16]), &name);

        fixture.learn(3, 1, State::Alive);
        fixture.learn(4, 1, State::Alive);
        assert_eq!(duplicate(&fixture.node, 3), None);
        assert_eq!(duplicate(&fixture.node, 4), Some(NodeId([3; 16])));

        fixture.learn(3, 1, State::Left);
        fixture.learn(4, 1, State::Left);
        fixture.learn(5, 1, State::Alive);
        assert_eq!(duplicate(&fixture.node, 5), None);
    }

    #[test]
    fn a_duplicate_name_that_comes_back_is_noticed() {
        let (log, _guard) = Log::start();
        let mut storage = StaticStorage::new();
        let mut fixture = Fixture::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        for (id, incarnation, state) in [(3, 1, State::Alive), (3, 1, State::Left), (4, 1, State::Alive)] {
            fixture.learn(id, incarnation, state);
            changes.note(&fixture.node);
        }
        assert_eq!(log.lines("two nodes are named twin"), [""; 0]);
        fixture.learn(3, 2, State::Alive);
        changes.note(&fixture.node);
        assert_eq!(log.lines("two nodes are named twin").len(), 1);
    }

    #[test]
    fn the_event_names_the_node_that_removed_a_member() {
        let mut storage = StaticStorage::new();
        let mut fixture = Fixture::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        fixture.learn(3, 1, State::Alive);
        fixture.learn(4, 1, State::Alive);
        fixture.learn(3, 1, State::Suspect);
        let (gone, removed) = (NodeId([4; 16]), NodeId([3; 16]));
        while fixture.node.remove(fixture.now, removed).is_err() {
            fixture.wait(Duration::from_millis(100));
            changes.note(&fixture.node);
        }
        fixture.learn(4, 1, State::Left);
        changes.note(&fixture.node);
        let events = changes.events.after(0, 9);
        let left = events.iter().filter(|event| event.state == State::Left);
        let left: Vec<_> = left.map(|event| (event.id, event.by, event.reason.as_deref())).collect();
        let me = Some(fixture.node.id());
        assert_eq!(left, [(removed, me, Some("an operator removed it")), (gone, None, None)]);
    }

    #[test]
    fn the_event_names_both_processes_that_run_with_one_identity() {
        let mut storage = StaticStorage::new();
        let mut fixture = Fixture::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        let mut metadata = Metadata::new("twin", Kind::Hub);
        metadata.addrs.push("10.0.0.1:8374").unwrap();
        fixture.hear(3, 1, State::Alive, &metadata);
        changes.note(&fixture.node);
        metadata.rival = Some(Rival { start: Start { at: 9, random: 9 }, address: "10.0.0.2:8374" });
        for incarnation in [2, 3] {
            fixture.hear(3, incarnation, State::Alive, &metadata);
            changes.note(&fixture.node);
        }
        let reasons = changes.events.after(0, 9).into_iter().filter_map(|event| event.reason);
        let reasons: Vec<_> = reasons.collect();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert!(reasons[0].contains("10.0.0.1:8374") && reasons[0].contains("10.0.0.2:8374"), "{reasons:?}");
    }

    #[test]
    fn a_forgotten_member_is_a_change() {
        let mut storage = StaticStorage::new();
        let mut fixture = Fixture::new(&mut storage);
        let mut changes = Changes::new(Events::new());
        fixture.learn(3, 1, State::Alive);
        fixture.learn(3, 1, State::Left);
        assert!(changes.note(&fixture.node));
        assert!(!changes.note(&fixture.node));
        fixture.wait(Duration::from_secs(2));
        assert!(fixture.node.member(NodeId([3; 16])).is_none());
        assert!(changes.note(&fixture.node));
        assert!(!changes.note(&fixture.node));
    }
}
