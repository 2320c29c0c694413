//! One node by itself, told what happens: for moments that a whole network seldom meets.

use node_core::gossip::{
    Birth, Config, Direction, Failure, Kind, LinkEnd, Metadata, Node, NotDown, Record, State, StaticStorage,
    Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::link::GoAway;
use node_core::time::{Duration, Instant};
use node_core::wire::gossip::Tag;

use super::hello::hello;
use super::nowhere::Nowhere;

pub(super) const ME: NodeId = NodeId([1; 16]);
pub(super) const PEER: NodeId = NodeId([2; 16]);
pub(super) const OTHER: NodeId = NodeId([3; 16]);

pub(super) fn link_up(node: &mut Node<'_>, now: Instant, link: (u32, NodeId), addrs: &[&'static str]) {
    try_link(node, now, link, addrs).unwrap();
}

fn try_link(
    node: &mut Node<'_>,
    now: Instant,
    (link, id): (u32, NodeId),
    addrs: &[&'static str],
) -> Result<(), GoAway> {
    let mut metadata = Metadata::new("peer", Kind::Hub);
    metadata.addrs.extend(addrs.iter().copied());
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    let record = Record { id, incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(now, LinkId(link), Direction::Accepted, &hello(record))
}

/// Lets time pass as an adapter does: never later than the node asked for.
fn pass(node: &mut Node<'_>, until: Instant) {
    while let Some(due) = node.poll_timeout().filter(|&due| due <= until) {
        node.handle_timeout(due);
        while let Some(dial) = node.poll_dial(due) {
            node.handle_dial_failed(due, dial.target, Failure::Unreachable);
        }
        for link in 1..10 {
            node.poll_gossip(due, LinkId(link), &mut Nowhere);
        }
    }
    node.handle_timeout(until);
}

pub(super) fn state(node: &Node<'_>, id: NodeId) -> Option<State> {
    node.member(id).map(|member| member.record.state)
}

#[test]
fn who_answered_meanwhile_is_dialled_again_as_often_before_it_is_doubted() {
    with_neighbour(|node| {
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        for start in [0, 100_000] {
            for _ in 0..2 {
                node.handle_dial_failed(at(start), Target::Member(PEER), Failure::Unresponsive);
                assert_eq!(state(node, PEER), Some(State::Alive));
            }
            link_up(node, at(start), (2, PEER), &["10.0.0.2:8374"]);
            node.handle_link_down(at(start), LinkId(2), LinkEnd::Lost);
        }
    });
}

#[test]
fn who_was_dialled_for_want_of_links_and_says_nothing_is_dialled_again_though_there_are_enough() {
    let mut memory = StaticStorage::<8, 4>::new();
    let config = Config { active_view: 1, ..Config::new(ME, Kind::Hub) };
    let mut node = Node::new(
        at(0),
        config,
        Birth { incarnation: 1, metadata: &Metadata::new("me", Kind::Hub), seed: 1 },
        memory.lend(),
    )
    .unwrap();
    link_up(&mut node, at(0), (1, PEER), &[]);
    let mut metadata = Metadata::new("other", Kind::Hub);
    metadata.addrs.extend(["10.0.0.3:8374"]);
    let mut buffer = [0; 64];
    let metadata = metadata.encode(&mut buffer).unwrap();
    hear(&mut node, at(0), &Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata });
    for number in 0..3 {
        let now = at(10_000 * number);
        let dialled = core::iter::from_fn(|| node.poll_dial(now)).map(|dial| dial.target);
        assert_eq!(dialled.collect::<Vec<_>>(), [Target::Member(OTHER)], "{number}");
        if number == 0 {
            let wanted = [Tag::Neighbor as u8, 1];
            node.handle_gossip(now, LinkId(1), &wanted, &mut Nowhere).unwrap();
            assert_eq!(node.active_view_len(), 1, "there are links enough by now");
        }
        assert_eq!(state(&node, OTHER), Some(State::Alive));
        node.handle_dial_failed(now, Target::Member(OTHER), Failure::Unresponsive);
    }
    assert_eq!(state(&node, OTHER), Some(State::Suspect));
}

#[test]
fn nobody_has_this_nodes_own_id() {
    with_neighbour(|node| {
        assert!(try_link(node, at(0), (2, ME), &["10.0.0.9:8374"]).is_err());
        assert_eq!((node.records().count(), node.record().incarnation), (2, 1));
    });
}

#[test]
fn a_suspect_that_is_linked_again_is_not_called_down_while_its_denial_is_under_way() {
    let mut memory = StaticStorage::<4, 4>::new();
    let config = Config::new(ME, Kind::Hub);
    let mut node = Node::new(
        Instant::START,
        config,
        Birth { incarnation: 1, metadata: &Metadata::new("me", Kind::Hub), seed: 1 },
        memory.lend(),
    )
    .unwrap();
    link_up(&mut node, Instant::START, (1, PEER), &[]);
    link_up(&mut node, Instant::START, (2, OTHER), &[]);
    for link in [1, 2] {
        node.handle_link_down(Instant::START, LinkId(link), LinkEnd::Lost);
    }
    let doubted = at(5_000);
    let nearly = doubted + config.suspicion_timeout * 4 - Duration::from_micros(1);
    pass(&mut node, nearly);
    link_up(&mut node, nearly, (3, PEER), &[]);
    pass(&mut node, doubted + config.suspicion_timeout * 4);
    assert_eq!([state(&node, PEER), state(&node, OTHER)], [Some(State::Suspect), Some(State::Down)]);
}

/// A hub that knows nobody yet.
pub(super) fn hub<const MEMBERS: usize, const LINKS: usize, const METADATA: usize>(
    memory: &mut StaticStorage<MEMBERS, LINKS, METADATA>,
) -> Node<'_> {
    let about_me = Metadata::new("me", Kind::Hub);
    Node::new(
        at(0),
        Config::new(ME, Kind::Hub),
        Birth { incarnation: 1, metadata: &about_me, seed: 1 },
        memory.lend(),
    )
    .unwrap()
}

/// Runs `test` with a hub, and a link to a peer that can be dialled.
pub(super) fn with_neighbour(test: impl FnOnce(&mut Node<'_>)) {
    let mut memory = StaticStorage::<8, 4>::new();
    let mut about_me = Metadata::new("me", Kind::Hub);
    about_me.addrs.extend(["10.0.0.1:8374"]);
    let config = Config::new(ME, Kind::Hub);
    let mut node = Node::new(
        Instant::START,
        config,
        Birth { incarnation: 1, metadata: &about_me, seed: 1 },
        memory.lend(),
    )
    .unwrap();
    link_up(&mut node, Instant::START, (1, PEER), &["10.0.0.2:8374"]);
    test(&mut node);
}

pub(super) fn hear(node: &mut Node<'_>, now: Instant, record: &Record<'_>) {
    hear_on(node, now, 1, record);
}

pub(super) fn hear_on(node: &mut Node<'_>, now: Instant, link: u32, record: &Record<'_>) {
    let mut message = [1; 1024];
    let len = postcard::to_slice(record, &mut message[1..]).unwrap().len();
    node.handle_gossip(now, LinkId(link), &message[..=len], &mut Nowhere).unwrap();
}

pub(super) fn at(millis: u64) -> Instant {
    Instant::START + Duration::from_millis(millis)
}

#[test]
fn the_weaker_the_evidence_the_longer_a_suspect_has() {
    // Who stands still accepts connections, too: it is dialled again before it is doubted.
    for (failure, dials, patience) in
        [(Failure::Refused, 1, 2_000), (Failure::Unreachable, 1, 8_000), (Failure::Unresponsive, 3, 60_000)]
    {
        with_neighbour(|node| {
            node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
            for _ in 0..dials {
                assert_eq!(state(node, PEER), Some(State::Alive), "a broken link is a hint");
                node.handle_dial_failed(at(1_000), Target::Member(PEER), failure);
            }
            assert_eq!(state(node, PEER), Some(State::Suspect));
            pass_idle(node, at(1_000 + patience - 1));
            assert_eq!(state(node, PEER), Some(State::Suspect), "{failure:?}");
            pass_idle(node, at(1_000 + patience));
            assert_eq!(state(node, PEER), Some(State::Down), "{failure:?}");
        });
    }
}

/// Lets time pass while nothing that is dialled answers in any way.
pub(super) fn pass_idle(node: &mut Node<'_>, until: Instant) {
    while let Some(due) = node.poll_timeout().filter(|&due| due <= until) {
        node.handle_timeout(due);
        while node.poll_dial(due).is_some() {}
    }
    node.handle_timeout(until);
}

#[test]
fn who_stood_still_convicts_nobody_on_waking() {
    with_neighbour(|node| {
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        node.handle_dial_failed(at(1), Target::Member(PEER), Failure::Refused);
        node.handle_timeout(at(3_600_000));
        assert_eq!(state(node, PEER), Some(State::Suspect), "its denial may wait to be read");
        pass_idle(node, at(3_700_000));
        assert_eq!(state(node, PEER), Some(State::Down));
    });
}

#[test]
fn who_stood_still_convicts_nobody_at_once_because_of_a_second_accuser() {
    with_neighbour(|node| {
        link_up(node, at(0), (2, OTHER), &["10.0.0.3:8374"]);
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        node.handle_dial_failed(at(1), Target::Member(PEER), Failure::Unreachable);
        assert!(
            node.poll_timeout() < Some(at(4_001)),
            "it stands still before the time is over that two accusers leave"
        );
        node.handle_timeout(at(3_600_000));
        let accusation =
            Record { id: PEER, incarnation: 1, state: State::Suspect, by: Some(OTHER), metadata: &[] };
        hear_on(node, at(3_600_000), 2, &accusation);
        pass_idle(node, at(3_600_000));
        assert_eq!(state(node, PEER), Some(State::Suspect));
        pass_idle(node, at(3_604_001));
        assert_eq!(state(node, PEER), Some(State::Down));
    });
}

#[test]
fn leaves_leave_places_for_hubs() {
    let mut memory = StaticStorage::<16, 4>::new();
    let mut node = hub(&mut memory);
    let mut buffer = [0; 64];
    let metadata = Metadata::new("leaf", Kind::Leaf).encode(&mut buffer).unwrap();
    let mut leaf = |link: u32, id: u8| {
        let record = Record { id: NodeId([id; 16]), incarnation: 1, state: State::Alive, by: None, metadata };
        node.handle_link_up(at(0), LinkId(link), Direction::Accepted, &hello(record))
    };
    assert_eq!([leaf(1, 10), leaf(2, 11), leaf(3, 12)], [Ok(()), Ok(()), Ok(())]);
    assert_eq!(leaf(4, 13), Err(GoAway::Full));
    assert_eq!(leaf(5, 11), Ok(()), "one that replaces its own link");
}

#[test]
fn who_is_called_down_elsewhere_may_object_here_first() {
    for verdict in [State::Down, State::Left] {
        with_neighbour(|node| {
            let mut buffer = [0; 64];
            let mut metadata = Metadata::new("x", Kind::Hub);
            metadata.addrs.extend(["10.0.0.3:8374"]);
            let alive = Record {
                id: OTHER,
                incarnation: 1,
                state: State::Alive,
                by: None,
                metadata: metadata.encode(&mut buffer).unwrap(),
            };
            let gone = Record { state: verdict, by: Some(PEER), ..alive };
            hear(node, at(0), &alive);
            hear(node, at(100), &gone);
            hear(node, at(200), &gone);
            assert_eq!(state(node, OTHER), Some(State::Suspect), "{verdict}");
            hear(node, at(300), &Record { incarnation: 2, ..alive });
            assert_eq!(state(node, OTHER), Some(State::Alive), "{verdict}");

            // What it does not object to is so.
            hear(node, at(400), &Record { incarnation: 2, ..gone });
            pass_idle(node, at(2_350));
            assert_eq!(state(node, OTHER), Some(State::Suspect), "{verdict}");
            pass_idle(node, at(2_450));
            assert_eq!(state(node, OTHER), Some(State::Down), "{verdict}");
            hear(node, at(2_500), &Record { incarnation: 2, ..gone });
            assert_eq!(state(node, OTHER), Some(verdict));
        });
    }
}

#[test]
fn who_had_the_time_to_object_is_down_when_others_say_so() {
    with_neighbour(|node| {
        let mut buffer = [0; 64];
        let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
        let alive = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
        hear(node, at(0), &alive);
        hear(node, at(0), &Record { state: State::Suspect, by: Some(PEER), ..alive });
        pass_idle(node, at(2_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
        hear(node, at(2_000), &Record { state: State::Down, by: Some(PEER), ..alive });
        assert_eq!(state(node, OTHER), Some(State::Down));
    });
}

#[test]
fn a_suspect_that_did_not_answer_is_dialled_until_it_is_down_or_objects() {
    // Of its own accord it wants no link.
    let config = Config { active_view: 0, ..Config::new(ME, Kind::Hub) };
    for (failure, objects) in [
        (Failure::Unreachable, false),
        (Failure::Unreachable, true),
        (Failure::Refused, false),
        (Failure::Unresponsive, true),
    ] {
        let mut memory = StaticStorage::<8, 4>::new();
        let mut node = Node::new(
            at(0),
            config,
            Birth { incarnation: 1, metadata: &Metadata::new("me", Kind::Hub), seed: 1 },
            memory.lend(),
        )
        .unwrap();
        link_up(&mut node, at(0), (1, PEER), &["10.0.0.2:8374"]);
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        let mut dials = Vec::new();
        while let Some(due) = node.poll_timeout().filter(|&due| due <= at(20_000)) {
            node.handle_timeout(due);
            while let Some(dial) = node.poll_dial(due) {
                dials.push((due, state(&node, PEER).unwrap()));
                node.handle_dial_failed(due, dial.target, failure);
            }
            let doubted = dials.iter().filter(|(_, state)| *state == State::Suspect).count();
            if objects && doubted == 1 && state(&node, PEER) == Some(State::Suspect) {
                let record = node.member(PEER).unwrap().record;
                let metadata = record.metadata.to_vec();
                link_up(&mut node, due, (2, OTHER), &["10.0.0.3:8374"]);
                let denial =
                    Record { id: PEER, incarnation: 2, state: State::Alive, by: None, metadata: &metadata };
                hear_on(&mut node, due, 2, &denial);
            }
        }
        let (first, again) = dials.split_at(if failure == Failure::Unresponsive { 3 } else { 1 });
        assert!(first.iter().all(|(_, state)| *state == State::Alive), "{dials:?}");
        assert!(again.iter().all(|(_, state)| *state == State::Suspect), "{dials:?}");
        let expected = match (failure, objects) {
            (Failure::Refused, _) => 0..=0,
            (_, true) => 1..=1,
            (_, false) => 1..=4,
        };
        assert!(expected.contains(&again.len()), "{failure:?} {objects} {dials:?}");
    }
}

#[test]
fn a_leaf_leaves_verdicts_to_its_hubs() {
    let mut memory = StaticStorage::<8, 4>::new();
    let config = Config::new(ME, Kind::Leaf);
    let mut node = Node::new(
        at(0),
        config,
        Birth { incarnation: 1, metadata: &Metadata::new("me", Kind::Leaf), seed: 1 },
        memory.lend(),
    )
    .unwrap();
    link_up(&mut node, at(0), (1, PEER), &["10.0.0.2:8374"]);
    let mut buffer = [0; 64];
    let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
    let alive = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
    hear(&mut node, at(0), &alive);
    hear(&mut node, at(0), &Record { state: State::Suspect, by: Some(PEER), ..alive });
    // That it objected concerns this leaf only while the two hubs are linked.
    pass_idle(&mut node, at(300_000));
    assert_eq!(state(&node, OTHER), Some(State::Suspect));
    hear(&mut node, at(300_000), &Record { incarnation: 2, ..alive });
    hear(&mut node, at(300_000), &Record { incarnation: 2, state: State::Down, by: Some(PEER), ..alive });
    assert_eq!(state(&node, OTHER), Some(State::Down));
}

#[test]
fn an_address_that_leads_back_here_is_no_evidence_that_nobody_listens_there() {
    with_neighbour(|node| {
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        node.handle_dialled_itself(at(0), Target::Member(PEER));
        assert_eq!(state(node, PEER), Some(State::Suspect));
        pass_idle(node, at(50_000));
        assert_eq!(state(node, PEER), Some(State::Suspect));
    });
}

#[test]
fn members_that_nobody_can_have_seen_are_doubted() {
    let ghost = |kind, hub: Option<NodeId>, sleep_s| {
        with_neighbour(|node| {
            let mut metadata = Metadata::new("x", kind);
            metadata.hubs.extend(hub);
            metadata.sleep_s = sleep_s;
            let mut buffer = [0; 64];
            let metadata = metadata.encode(&mut buffer).unwrap();
            hear(node, at(1), &Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata });
            assert_eq!(state(node, OTHER), Some(State::Alive), "it is believed at first");
            let most = if sleep_s == 0 { 200_000 } else { 8 * 24 * 3_600_000 };
            pass_idle(node, at(most));
            assert!(state(node, OTHER).is_none_or(|state| !state.is_live()), "{kind} {hub:?} {sleep_s}");
        });
    };
    ghost(Kind::Hub, None, 0);
    ghost(Kind::Hub, Some(OTHER), 0);
    ghost(Kind::Leaf, None, 0);
    ghost(Kind::Leaf, Some(OTHER), 0);
    ghost(Kind::Leaf, Some(ME), 0);
    ghost(Kind::Leaf, None, u32::MAX);
}

#[test]
fn a_suspect_that_says_it_sleeps_is_given_the_time_to() {
    with_neighbour(|node| {
        let mut metadata = Metadata::new("leaf", Kind::Leaf);
        metadata.hubs.extend([PEER]);
        let mut buffer = [0; 64];
        let awake = metadata.encode(&mut buffer).unwrap().to_vec();
        metadata.sleep_s = 600;
        let asleep = metadata.encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata: &awake };
        hear(node, at(1), &record);
        hear(node, at(2), &Record { state: State::Suspect, by: Some(PEER), ..record });
        hear(node, at(3), &Record { incarnation: 2, metadata: asleep, ..record });
        assert!(node.member(OTHER).unwrap().asleep);
        pass_idle(node, at(610_000));
        assert_eq!(state(node, OTHER), Some(State::Alive));
        pass_idle(node, at(626_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
        assert!(!node.member(OTHER).unwrap().asleep, "it should be awake");
    });
}

#[test]
fn a_second_link_for_which_there_is_no_room_does_not_cost_the_first() {
    let mut memory = StaticStorage::<8, 1>::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), (1, PEER), &[]);
    assert_eq!(try_link(&mut node, at(9_000), (2, PEER), &[]), Err(GoAway::Full));
    assert_eq!((node.poll_close(), node.link_to(PEER)), (None, Some(LinkId(1))));
}

#[test]
fn a_dial_that_crosses_another_is_still_for_gossip() {
    let mut memory = StaticStorage::<8, 4>::new();
    let (config, about_me) = (Config::new(ME, Kind::Hub), Metadata::new("me", Kind::Hub));
    let mut node =
        Node::new(at(0), config, Birth { incarnation: 1, metadata: &about_me, seed: 1 }, memory.lend())
            .unwrap();
    link_up(&mut node, at(0), (1, PEER), &["10.0.0.2:8374"]);
    assert!(!node.carries_gossip(LinkId(1)), "the peer has not said that it wants that");
    let mut buffer = [0; 64];
    let metadata = Metadata::new("peer", Kind::Hub).encode(&mut buffer).unwrap();
    let record = Record { id: PEER, incarnation: 1, state: State::Alive, by: None, metadata };
    node.handle_link_up(at(1), LinkId(2), Direction::Dialled(Target::Member(PEER)), &hello(record)).unwrap();
    assert!(node.carries_gossip(LinkId(2)));
    assert_eq!(node.poll_close(), Some((LinkId(1), GoAway::Replaced)));
}

#[test]
fn made_up_witnesses_do_not_hasten_a_verdict() {
    with_neighbour(|node| {
        let mut buffer = [0; 64];
        let metadata = Metadata::new("x", Kind::Hub).encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
        hear(node, at(1), &record);
        for made_up in 100..110 {
            let by = Some(NodeId([made_up; 16]));
            hear(node, at(1), &Record { state: State::Suspect, by, ..record });
        }
        pass_idle(node, at(60_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
        pass_idle(node, at(60_001));
        assert_eq!(state(node, OTHER), Some(State::Down));
    });
}

#[test]
fn a_leaf_that_sleeps_is_not_missed_until_it_should_wake() {
    with_neighbour(|node| {
        let mut metadata = Metadata::new("leaf", Kind::Leaf);
        metadata.sleep_s = 600;
        metadata.hubs.extend([ME]);
        let mut buffer = [0; 256];
        let metadata = metadata.encode(&mut buffer).unwrap();
        let record = Record { id: OTHER, incarnation: 1, state: State::Alive, by: None, metadata };
        node.handle_link_up(at(0), LinkId(2), Direction::Accepted, &hello(record)).unwrap();
        node.handle_link_down(at(0), LinkId(2), LinkEnd::GoAway(GoAway::Acknowledged));
        // Its clock may err, and it has to find a hub.
        pass_idle(node, at(624_000));
        assert_eq!(state(node, OTHER), Some(State::Alive));
        pass_idle(node, at(625_000));
        assert_eq!(state(node, OTHER), Some(State::Suspect));
    });
}

#[test]
fn only_what_is_down_can_be_removed_and_it_stays_away() {
    with_neighbour(|node| {
        assert_eq!(node.remove(at(0), PEER), Err(NotDown));
        assert_eq!(node.remove(at(0), OTHER), Err(NotDown));
        node.handle_link_down(at(0), LinkId(1), LinkEnd::Lost);
        node.handle_dial_failed(at(0), Target::Member(PEER), Failure::Refused);
        pass_idle(node, at(2_000));
        assert_eq!(node.remove(at(2_000), PEER), Ok(()));
        assert_eq!(state(node, PEER), Some(State::Left));
        while let Some(due) = node.poll_timeout().filter(|&due| due <= at(600_000)) {
            node.handle_timeout(due);
            assert_eq!(node.poll_dial(due), None);
        }
    });
}

#[test]
fn a_link_for_a_request_is_dialled_before_those_to_members_that_are_missed() {
    let mut memory = StaticStorage::<40, 4>::new();
    let mut node = hub(&mut memory);
    for number in 10..40 {
        link_up(&mut node, at(0), (number.into(), NodeId([number; 16])), &["10.0.0.2:8374"]);
        node.handle_link_down(at(0), LinkId(number.into()), LinkEnd::Lost);
    }
    let wanted = NodeId([25; 16]);
    link_up(&mut node, at(0), (1, wanted), &["10.0.0.2:8374"]);
    node.handle_link_down(at(0), LinkId(1), LinkEnd::GoAway(GoAway::Pruned));
    node.redial(at(5_000), wanted);
    assert_eq!(node.poll_dial(at(5_000)).map(|dial| dial.target), Some(Target::Member(wanted)));
}

/// A dial to a peer is refused; what is believed of it then.
fn refused(node: &mut Node<'_>, now: Instant, id: NodeId) -> Option<State> {
    node.handle_dial_failed(now, Target::Member(id), Failure::Refused);
    state(node, id)
}

#[test]
fn dials_that_failed_while_a_peer_was_linked_do_not_hide_that_it_is_gone() {
    with_neighbour(|node| {
        link_up(node, at(0), (2, OTHER), &["10.0.0.3:8374"]);
        for attempt in 1..6 {
            assert_eq!(refused(node, at(attempt), PEER), Some(State::Alive));
        }
        node.handle_link_down(at(10), LinkId(1), LinkEnd::Lost);
        assert_eq!(refused(node, at(11), PEER), Some(State::Suspect));
    });
}

#[test]
fn who_is_alone_doubts_whomever_it_cannot_dial() {
    with_neighbour(|node| {
        link_up(node, at(0), (2, OTHER), &["10.0.0.3:8374"]);
        node.handle_link_down(at(1), LinkId(2), LinkEnd::Lost);
        let mut buffer = [0; 64];
        let mut metadata = Metadata::new("peer", Kind::Hub);
        metadata.addrs.extend(["10.0.0.3:8374"]);
        let metadata = metadata.encode(&mut buffer).unwrap();
        for (incarnation, state) in
            [(2, State::Suspect), (3, State::Suspect), (4, State::Alive), (5, State::Suspect)]
        {
            assert_eq!(refused(node, at(2), OTHER), Some(state), "others reach it");
            hear(node, at(2), &Record { id: OTHER, incarnation, state: State::Alive, by: None, metadata });
        }
        node.handle_link_down(at(5), LinkId(1), LinkEnd::GoAway(GoAway::Acknowledged));
        assert_eq!(refused(node, at(6), OTHER), Some(State::Suspect));
    });
}
