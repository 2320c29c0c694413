//! How a suspect refutes, and what counts as its chance to.

use node_core::gossip::{Config, Kind, LinkEnd, Metadata, Record, State, StaticStorage};
use node_core::id::LinkId;
use node_core::time::{Duration, Instant};

use super::fixture::{ME, OTHER, PEER, at, hear, link_up, pass, pass_idle, start_as, state, with_neighbour};

#[test]
fn a_member_declared_down_elsewhere_may_refute_here_first() {
    for end in [State::Down, State::Left] {
        with_neighbour(|node| {
            let mut buffer = [0; 256];
            let mut metadata = Metadata::new("x", Kind::Hub);
            metadata.addrs.extend(["10.0.0.3:8374"]);
            let alive = Record {
                id: OTHER,
                incarnation: 1,
                state: State::Alive,
                by: None,
                metadata: metadata.encode(&mut buffer).unwrap(),
            };
            let gone = Record { state: end, by: Some(PEER), ..alive };
            hear(node, at(0), &alive);
            hear(node, at(100), &gone);
            hear(node, at(200), &gone);
            assert_eq!(state(node, OTHER), Some(State::Suspect), "{end}");
            hear(node, at(300), &Record { incarnation: 2, ..alive });
            assert_eq!(state(node, OTHER), Some(State::Alive), "{end}");

            // The report that it does not refute holds.
            hear(node, at(400), &Record { incarnation: 2, ..gone });
            pass_idle(node, at(2_350));
            assert_eq!(state(node, OTHER), Some(State::Suspect), "{end}");
            pass_idle(node, at(2_450));
            assert_eq!(state(node, OTHER), Some(State::Down), "{end}");
            hear(node, at(2_500), &Record { incarnation: 2, ..gone });
            assert_eq!(state(node, OTHER), Some(end));
        });
    }
}

#[test]
fn a_suspect_that_had_time_to_refute_is_down_when_others_say_so() {
    with_neighbour(|node| {
        let mut buffer = [0; 256];
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
fn a_suspect_that_is_linked_again_is_not_declared_down_while_its_refutation_is_under_way() {
    let mut memory = StaticStorage::<4, 4>::new();
    let config = Config::new(ME, Kind::Hub);
    let mut node = start_as(config, &mut memory);
    link_up(&mut node, Instant::START, 1, PEER, &[]);
    link_up(&mut node, Instant::START, 2, OTHER, &[]);
    for link in [1, 2] {
        node.handle_link_down(Instant::START, LinkId(link), LinkEnd::Lost);
    }
    let suspected = at(5_000);
    let nearly = suspected + config.suspicion_timeout * 4 - Duration::from_micros(1);
    pass(&mut node, nearly);
    link_up(&mut node, nearly, 3, PEER, &[]);
    pass(&mut node, suspected + config.suspicion_timeout * 4);
    assert_eq!([state(&node, PEER), state(&node, OTHER)], [Some(State::Suspect), Some(State::Down)]);
}
