//! How many links a hub has, and how a change spreads by eager and lazy push.

use node_core::gossip::{Kind, Node};
use node_core::sim::{Capacity, Cluster, Conditions};
use node_core::time::Duration;

/// A cluster of hubs with a small active view and few eager-push peers.
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
fn every_active_view_stays_within_its_bounds() {
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
fn a_lazy_push_peer_asks_for_the_records_that_it_lacks() {
    for seed in 0..10 {
        let mut cluster = sparse(seed);
        for at in [3, 21, 39] {
            cluster.set_components(at, &["new"]);
            cluster.until(Duration::from_secs(3), "all know of it", Cluster::converged);
        }
    }
}

#[test]
fn a_crowd_that_knows_one_hub_joins_within_seconds_and_no_active_view_exceeds_its_maximum() {
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
