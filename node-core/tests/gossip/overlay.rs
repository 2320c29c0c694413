//! How many links there are, and how a change travels when not every link carries it at once.

use node_core::gossip::{Kind, Node};
use node_core::sim::{Capacity, Cluster, Conditions};
use node_core::time::Duration;

/// A cluster of hubs that tell few others at once and bear few links.
fn sparse(seed: u64) -> Cluster {
    let mut cluster = Cluster::new(seed, Conditions::default());
    cluster.capacity = Capacity { members: 48, peers: 48, ..Capacity::default() };
    for _ in 0..40 {
        let at = cluster.add(Kind::Hub, &[0]);
        cluster.hosts[at].tune = |config| {
            config.active_view = 3;
            config.max_active_view = 6;
            config.fanout = 2;
        };
        cluster.start(at, 1);
    }
    cluster.run(Duration::from_secs(60));
    cluster
}

#[test]
fn no_hub_keeps_more_neighbours_than_it_bears_and_none_is_left_alone() {
    for seed in 0..10 {
        let cluster = sparse(seed);
        assert!(cluster.converged(), "seed {seed}\n{}", cluster.views());
        for at in cluster.running() {
            let active_view = cluster.node(at).map(Node::active_view_len).unwrap();
            assert!((2..=6).contains(&active_view), "seed {seed}: n{at} has {active_view} neighbours");
        }
    }
}

#[test]
fn who_is_not_told_at_once_asks_for_what_it_lacks() {
    for seed in 0..10 {
        let mut cluster = sparse(seed);
        for at in [3, 21, 39] {
            cluster.set_components(at, &["new"]);
            cluster.until(Duration::from_secs(3), "all know of it", Cluster::converged);
        }
    }
}

#[test]
fn a_crowd_that_knows_one_hub_joins_within_seconds_and_no_hub_ever_bears_too_much() {
    for seed in 0..3 {
        let mut cluster = Cluster::new(seed, Conditions::default());
        cluster.capacity = Capacity { members: 128, peers: 24, ..Capacity::default() };
        for _ in 0..100 {
            let at = cluster.add(Kind::Hub, &[0]);
            cluster.start(at, 1);
        }
        let bound = cluster.now() + Duration::from_secs(20);
        while !cluster.converged() {
            assert!(cluster.now() < bound, "seed {seed}\n{}", cluster.views());
            cluster.run(Duration::from_millis(20));
            for at in cluster.running() {
                let active_view = cluster.node(at).map(Node::active_view_len).unwrap();
                assert!(active_view <= 12, "seed {seed}: n{at} has {active_view} neighbours");
            }
        }
    }
}
