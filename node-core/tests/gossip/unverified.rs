//! Members that others tell of and that were never linked here: a liar invents them by the thousand.

use node_core::gossip::{
    Config, Dial, Direction, Failure, Kind, LinkEnd, Metadata, Node, Record, State, StaticStorage, Target,
};
use node_core::id::{LinkId, NodeId};
use node_core::time::Instant;

use super::fixture::{ME, OTHER, PEER, at, hear, hub, link_up, start_as, state};
use super::hello::signed;

/// The address of the host that invented hubs are said to be at.
const VICTIM: &str = "192.0.2.1:443";

type Memory = StaticStorage<300, 8, 64>;

fn id(number: u16) -> NodeId {
    let [high, low] = number.to_be_bytes();
    NodeId([9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, high, low])
}

/// A linked hub tells of a hub at this address.
fn tell(node: &mut Node<'_>, now: Instant, number: u16, incarnation: u64, address: &str) {
    let mut metadata = Metadata::new("invented", Kind::Hub);
    metadata.addrs.extend([address]);
    let mut buffer = [0; 256];
    let metadata = metadata.encode(&mut buffer).unwrap();
    hear(node, now, &Record { id: id(number), incarnation, state: State::Alive, by: None, metadata });
}

/// Lets time pass and has every dial refused. Returns when each began.
fn pass(node: &mut Node<'_>, until: Instant) -> Vec<(Instant, Dial)> {
    let mut dials = Vec::new();
    while let Some(due) = node.poll_timeout().filter(|&due| due <= until) {
        node.handle_timeout(due);
        while let Some(dial) = node.poll_dial(due) {
            node.handle_dial_failed(due, dial.target, Failure::Refused);
            dials.push((due, dial));
        }
    }
    node.handle_timeout(until);
    dials
}

#[test]
fn many_invented_hubs_at_one_address_are_dialled_no_more_often_than_one() {
    let mut memory = Memory::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    let mut dials = 0;
    for second in 0..40 {
        // The liar says again and again that they live.
        (0..250).for_each(|number| tell(&mut node, at(1_000 * second), number, second + 1, VICTIM));
        dials += pass(&mut node, at(1_000 * second + 999)).len();
    }
    // 0.5, 1, 2, 4, 8 and 16 s lie between the dials of one member, less the jitter.
    assert!((4..=8).contains(&dials), "{dials}");
}

#[test]
fn invented_hubs_at_many_addresses_are_dialled_one_each_second() {
    let mut memory = Memory::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    let mut dials = 0;
    for second in 0..40 {
        (0..250).for_each(|number| {
            tell(&mut node, at(1_000 * second), number, second + 1, &format!("192.0.2.1:{}", number + 1));
        });
        dials += pass(&mut node, at(1_000 * second + 999)).len();
    }
    let config = Config::new(ME, Kind::Hub);
    let most = config.unproven_burst as usize + 40 + 2;
    assert!((30..=most).contains(&dials), "{dials}");
}

#[test]
fn a_broken_link_is_probed_as_fast_as_ever_while_a_liar_invents_hubs_at_the_same_address() {
    let mut memory = Memory::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    link_up(&mut node, at(0), 2, OTHER, &[VICTIM]);
    (0..250).for_each(|number| tell(&mut node, at(0), number, 1, VICTIM));
    assert!(!pass(&mut node, at(20_000)).is_empty());
    node.handle_link_down(at(20_000), LinkId(2), LinkEnd::Lost);
    let dials = pass(&mut node, at(20_700));
    let probe = dials.iter().find(|(_, dial)| dial.target == Target::Member(OTHER));
    assert!(probe.is_some(), "{dials:?}");
    assert_eq!(state(&node, OTHER), Some(State::Suspect));
}

#[test]
fn dials_to_invented_hubs_that_never_end_do_not_keep_a_probe_waiting() {
    let mut memory = Memory::new();
    let mut node = hub(&mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    link_up(&mut node, at(0), 2, OTHER, &["10.0.0.4:8374"]);
    (0..250).for_each(|number| tell(&mut node, at(0), number, 1, &format!("192.0.2.1:{}", number + 1)));
    while let Some(due) = node.poll_timeout().filter(|&due| due <= at(20_000)) {
        node.handle_timeout(due);
        while node.poll_dial(due).is_some() {}
    }
    node.handle_link_down(at(20_000), LinkId(2), LinkEnd::Lost);
    let dials = pass(&mut node, at(20_700));
    assert!(dials.iter().any(|(_, dial)| dial.target == Target::Member(OTHER)), "{dials:?}");
}

#[test]
fn a_node_that_joins_dials_what_it_hears_without_a_wait_as_long_as_it_is_true() {
    let mut memory = StaticStorage::<300, 40, 64>::new();
    let config = Config { active_view: 20, max_active_view: 40, ..Config::new(ME, Kind::Hub) };
    let mut node = start_as(config, &mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    (0..100).for_each(|number| tell(&mut node, at(0), number, 1, &format!("10.0.1.{number}:8374")));
    let mut link = 1;
    while let Some(Dial { target, address }) = node.poll_dial(at(0)) {
        let Target::Member(id) = target else { panic!("there is no seed") };
        link += 1;
        let mut metadata = Metadata::new("invented", Kind::Hub);
        metadata.addrs.extend([address.as_str()]);
        let mut buffer = [0; 256];
        let metadata = metadata.encode(&mut buffer).unwrap();
        let record = Record { id, incarnation: 1, state: State::Alive, by: None, metadata };
        node.handle_link_up(at(0), LinkId(link), Direction::Dialled(target), &signed(&record)).unwrap();
    }
    assert!(link > 15, "{link}");
}

#[test]
fn requests_for_an_invented_hub_do_not_shorten_the_back_off_of_its_address() {
    let mut memory = Memory::new();
    let config = Config { active_view: 0, ..Config::new(ME, Kind::Hub) };
    let mut node = start_as(config, &mut memory);
    link_up(&mut node, at(0), 1, PEER, &["10.0.0.2:8374"]);
    (0..250).for_each(|number| tell(&mut node, at(0), number, 1, VICTIM));
    let mut dials = 0;
    for tick in 0..400 {
        let now = at(100 * tick);
        (0..250).for_each(|number| node.redial(now, id(number)));
        dials += pass(&mut node, now).len();
    }
    assert!((4..=8).contains(&dials), "{dials}");
}
