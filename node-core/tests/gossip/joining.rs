//! How nodes find each other.

use node_core::gossip::{Kind, State};
use node_core::time::Duration;

use super::network::{Network, memory};

const SOON: Duration = Duration::from_secs(3);

#[test]
fn all_see_all_whichever_member_they_join_through() {
    let mut memory = memory::<16>(6);
    let mut network = Network::new(1, &mut memory);
    for number in 0..6usize {
        let at = network.add(Kind::Hub, &[number.saturating_sub(1)]);
        network.start(at, 1);
        network.run(Duration::from_millis(300));
    }
    network.until(SOON, "all see all", Network::converged);
}

#[test]
fn nodes_that_start_together_see_each_other() {
    for seed in 0..20 {
        let mut memory = memory::<16>(8);
        let mut network = Network::with(seed, &mut memory, 8, 0);
        network.until(SOON, "all see all", Network::converged);
    }
}

#[test]
fn two_nodes_that_dial_each_other_settle_on_one_link() {
    for seed in 0..50 {
        let mut memory = memory::<16>(2);
        let mut network = Network::new(seed, &mut memory);
        network.add(Kind::Hub, &[1]);
        network.add(Kind::Hub, &[0]);
        network.start(0, 1);
        network.start(1, 1);
        network.run(SOON);
        assert!(network.converged());
        assert_eq!((network.links(0, 1), network.links(1, 0)), (1, 1), "seed {seed}");
        network.run(Duration::from_secs(60));
        assert_eq!((network.links(0, 1), network.links(1, 0)), (1, 1), "seed {seed}");
    }
}

#[test]
fn no_pair_of_nodes_keeps_two_links() {
    for seed in 0..20 {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 5, 1);
        network.run(Duration::from_secs(60));
        for (one, other) in (0..6).flat_map(|one| (0..6).map(move |other| (one, other))) {
            assert!(network.links(one, other) <= 1, "seed {seed}: {one} and {other}");
        }
    }
}

#[test]
fn a_node_that_is_its_own_seed_is_not_its_own_peer() {
    let mut memory = memory::<16>(2);
    let mut network = Network::new(1, &mut memory);
    network.add(Kind::Hub, &[0, 1]);
    network.add(Kind::Hub, &[0, 1]);
    network.start(0, 1);
    network.run(Duration::from_secs(60));
    assert_eq!(network.hosts[0].node.as_ref().unwrap().members().count(), 1);
    network.start(1, 1);
    network.until(Duration::from_secs(1), "the second joins through the first", Network::converged);
}

#[test]
fn a_seed_that_is_unreachable_at_first_is_reached_later() {
    let mut memory = memory::<16>(2);
    let mut network = Network::with(1, &mut memory, 1, 0);
    let at = network.add(Kind::Hub, &[0]);
    network.partition(|host| host);
    network.start(at, 1);
    network.run(Duration::from_secs(100));
    assert_eq!(network.state(at, 0), None);
    network.heal();
    network.until(Duration::from_secs(45), "the seed is dialled again", Network::converged);
}

#[test]
fn nodes_that_know_only_each_other_meet_whoever_starts_first() {
    let mut memory = memory::<16>(2);
    let mut network = Network::new(1, &mut memory);
    network.add(Kind::Hub, &[1]);
    network.add(Kind::Hub, &[0]);
    network.start(0, 1);
    network.run(Duration::from_secs(300));
    network.start(1, 1);
    network.until(Duration::from_secs(1), "the later one dials the first", Network::converged);
}

#[test]
fn a_full_table_admits_no_more_and_stays_in_order() {
    let mut memory = memory::<4>(6);
    let mut network = Network::with(1, &mut memory, 6, 0);
    network.run(Duration::from_secs(30));
    for host in &network.hosts {
        let members: Vec<_> = host.node.as_ref().unwrap().members().map(|member| member.record).collect();
        assert_eq!(members.len(), 4);
        assert!(members.iter().all(|record| record.state == State::Alive));
        assert!(members.is_sorted_by_key(|record| record.id));
    }
}

#[test]
fn a_full_table_makes_room_by_forgetting_who_departed() {
    let mut memory = memory::<4>(5);
    let mut network = Network::with(1, &mut memory, 4, 0);
    network.until(SOON, "all see all", Network::converged);
    network.leave(3);
    let at = network.add(Kind::Hub, &[0]);
    network.start(at, 1);
    network.until(SOON, "the new one has its place", Network::converged);
}
