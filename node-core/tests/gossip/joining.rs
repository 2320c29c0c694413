//! How nodes find each other.

use node_core::gossip::{Kind, State};
use node_core::sim::{Capacity, Cluster, Conditions};
use node_core::time::Duration;

const SOON: Duration = Duration::from_secs(3);

#[test]
fn all_see_all_whichever_member_they_join_through() {
    let mut cluster = Cluster::new(1, Conditions::default());
    for number in 0..6usize {
        let at = cluster.add(Kind::Hub, &[number.saturating_sub(1)]);
        cluster.start(at, 1);
        cluster.run(Duration::from_millis(300));
    }
    cluster.until(SOON, "all see all", Cluster::converged);
}

#[test]
fn nodes_that_start_together_see_each_other() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 8, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
    }
}

#[test]
fn two_nodes_that_dial_each_other_settle_on_one_link() {
    for seed in 0..50 {
        let mut cluster = Cluster::new(seed, Conditions::default());
        cluster.add(Kind::Hub, &[1]);
        cluster.add(Kind::Hub, &[0]);
        cluster.start(0, 1);
        cluster.start(1, 1);
        cluster.run(SOON);
        assert!(cluster.converged());
        assert_eq!((cluster.links(0, 1), cluster.links(1, 0)), (1, 1), "seed {seed}");
        cluster.run(Duration::from_secs(60));
        assert_eq!((cluster.links(0, 1), cluster.links(1, 0)), (1, 1), "seed {seed}");
    }
}

#[test]
fn no_pair_of_nodes_keeps_two_links() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 5, 1);
        cluster.run(Duration::from_secs(60));
        for (one, other) in (0..6).flat_map(|one| (0..6).map(move |other| (one, other))) {
            assert!(cluster.links(one, other) <= 1, "seed {seed}: {one} and {other}");
        }
    }
}

#[test]
fn a_node_that_is_its_own_seed_is_not_its_own_peer() {
    let mut cluster = Cluster::new(1, Conditions::default());
    cluster.add(Kind::Hub, &[0, 1]);
    cluster.add(Kind::Hub, &[0, 1]);
    cluster.start(0, 1);
    cluster.run(Duration::from_secs(60));
    assert_eq!(cluster.node(0).unwrap().members().count(), 1);
    cluster.start(1, 1);
    cluster.until(Duration::from_secs(1), "the second joins through the first", Cluster::converged);
}

#[test]
fn a_seed_that_is_unreachable_at_first_is_reached_later() {
    let mut cluster = Cluster::with(1, 1, 0);
    let at = cluster.add(Kind::Hub, &[0]);
    cluster.net.partition(|host| host);
    cluster.start(at, 1);
    cluster.run(Duration::from_secs(100));
    assert_eq!(cluster.state(at, 0), None);
    cluster.net.heal();
    cluster.until(Duration::from_secs(45), "the seed is dialled again", Cluster::converged);
}

#[test]
fn nodes_that_know_only_each_other_meet_whoever_starts_first() {
    let mut cluster = Cluster::new(1, Conditions::default());
    cluster.add(Kind::Hub, &[1]);
    cluster.add(Kind::Hub, &[0]);
    cluster.start(0, 1);
    cluster.run(Duration::from_secs(300));
    cluster.start(1, 1);
    cluster.until(Duration::from_secs(1), "the later one dials the first", Cluster::converged);
}

#[test]
fn a_full_table_admits_no_more_and_stays_in_order() {
    let mut cluster = with_room_for_four();
    cluster.grow(6, 0);
    cluster.run(Duration::from_secs(30));
    for host in &cluster.hosts {
        let members: Vec<_> = host.node().unwrap().members().map(|member| member.record).collect();
        assert_eq!(members.len(), 4);
        assert!(members.iter().all(|record| record.state == State::Alive));
        assert!(members.is_sorted_by_key(|record| record.id));
    }
}

#[test]
fn a_full_table_makes_room_by_forgetting_departed_members() {
    let mut cluster = with_room_for_four();
    cluster.grow(4, 0);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.leave(3);
    let at = cluster.add(Kind::Hub, &[0]);
    cluster.start(at, 1);
    cluster.until(SOON, "the new node has a slot", Cluster::converged);
}

fn with_room_for_four() -> Cluster {
    let mut cluster = Cluster::new(1, Conditions::default());
    cluster.capacity = Capacity { members: 4, ..Capacity::default() };
    cluster
}
