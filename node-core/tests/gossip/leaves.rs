//! Leaves dial hubs, and hubs speak for them.

use std::collections::BTreeSet;

use node_core::gossip::{Kind, State};
use node_core::id::NodeId;
use node_core::sim::{Belief, Capacity, Cluster, Conditions};
use node_core::time::Duration;

const SOON: Duration = Duration::from_secs(3);

/// The hub that a leaf is linked to.
fn hub_of(cluster: &Cluster, leaf: usize) -> Option<usize> {
    (0..cluster.hosts.len()).find(|&hub| cluster.links(leaf, hub) > 0)
}

#[test]
fn a_leaf_is_seen_everywhere_with_its_hub() {
    let mut cluster = Cluster::with(1, 5, 1);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.run(SOON);
    let linked = (0..5).filter(|&hub| cluster.links(5, hub) > 0).map(|hub| cluster.hosts[hub].id);
    let linked: BTreeSet<NodeId> = linked.collect();
    assert_eq!(linked.len(), 2);
    for at in 0..5 {
        let leaf = cluster.node(at).unwrap().member(cluster.hosts[5].id).unwrap();
        assert_eq!(
            (leaf.metadata.kind, leaf.metadata.hubs.iter().copied().collect()),
            (Kind::Leaf, linked.clone())
        );
    }
}

#[test]
fn a_leaf_keeps_as_many_links_as_it_wants_however_many_seeds_it_has() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 4, 0);
        let leaf = cluster.add(Kind::Leaf, &[0, 1, 2, 3]);
        cluster.start(leaf, 1);
        cluster.run(Duration::from_secs(30));
        let links: usize = (0..4).map(|hub| cluster.links(leaf, hub)).sum();
        assert_eq!(links, 2, "seed {seed}");
    }
}

#[test]
fn a_leaf_whose_hub_dies_moves_and_is_not_down() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 4, 0);
        let leaf = cluster.add(Kind::Leaf, &[0, 1]);
        cluster.start(leaf, 1);
        cluster.until(SOON, "all see all", Cluster::converged);
        let hub = hub_of(&cluster, leaf).unwrap();
        cluster.kill(hub);
        cluster.until(Duration::from_secs(20), "the hub is down", |cluster| {
            cluster.all_hubs_say(hub, State::Down)
        });
        cluster.until(SOON, "the leaf moved", Cluster::converged);
        cluster.run(Duration::from_secs(60));
        let wrong =
            |belief: &&Belief| belief.about == leaf && belief.state == State::Down && belief.by != leaf;
        assert_eq!(cluster.beliefs.iter().filter(wrong).count(), 0, "seed {seed}");
    }
}

#[test]
fn a_leaf_finds_another_hub_though_its_only_seed_died() {
    let mut cluster = Cluster::with(1, 5, 1);
    cluster.until(SOON, "all see all", Cluster::converged);
    assert_eq!(hub_of(&cluster, 5), Some(0));
    cluster.kill(0);
    cluster.until(Duration::from_secs(10), "the leaf moved", |cluster| hub_of(cluster, 5).is_some());
}

#[test]
fn a_leaf_that_is_gone_is_down() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 5, 1);
        cluster.until(SOON, "all see all", Cluster::converged);
        cluster.kill(5);
        cluster.until(Duration::from_secs(15), "it is down", |cluster| cluster.all_hubs_say(5, State::Down));
    }
}

#[test]
fn a_leaf_that_dies_with_its_hub_is_down() {
    for (seed, hub_leaves) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
        let mut cluster = Cluster::with(seed, 5, 1);
        cluster.until(SOON, "all see all", Cluster::converged);
        cluster.kill(5);
        if hub_leaves {
            cluster.leave(0)
        } else {
            cluster.kill(0)
        };
        cluster.until(Duration::from_secs(90), "it is down", |cluster| cluster.all_hubs_say(5, State::Down));
    }
}

#[test]
fn a_leaf_knows_its_hubs_and_their_neighbours_and_the_owners_of_what_it_uses_and_nobody_else() {
    let mut cluster = Cluster::new(1, Conditions::default());
    cluster.capacity = Capacity { members: 64, peers: 32, ..Capacity::default() };
    cluster.grow(40, 1);
    cluster.set_components(3, &["billing"]);
    let leaf = cluster.add(Kind::Leaf, &[0]);
    cluster.hosts[leaf].uses = vec!["billing".into()];
    cluster.run(Duration::from_secs(20));
    cluster.start(leaf, 1);
    // The hosts that its hubs were linked to while the leaf was there: links of the overlay come and go.
    let mut near = BTreeSet::new();
    let end = cluster.now() + Duration::from_secs(6);
    while cluster.step(end) {
        let hubs: Vec<usize> = cluster.peers(leaf).collect();
        near.extend(hubs.iter().flat_map(|&hub| cluster.peers(hub)));
        near.extend(hubs);
    }
    let hubs: Vec<usize> = cluster.peers(leaf).collect();
    assert_eq!((hubs.len(), cluster.state(leaf, 3)), (2, Some(State::Alive)));
    for other in 0..leaf {
        let concerns = other == 3 || (near.contains(&other) && other < 40);
        let known = cluster.state(leaf, other).is_some();
        // There may be more such hubs than its table holds.
        assert!(concerns || !known, "n{other}");
    }
    assert!(hubs.iter().all(|&hub| cluster.state(leaf, hub) == Some(State::Alive)));
    cluster.kill(3);
    cluster.until(Duration::from_secs(10), "the leaf hears that it is down", |cluster| {
        cluster.state(leaf, 3) == Some(State::Down)
    });
}

#[test]
fn a_leaf_that_begins_to_use_a_component_learns_its_owner() {
    let mut cluster = Cluster::with(1, 9, 1);
    cluster.set_components(8, &["billing"]);
    cluster.run(Duration::from_secs(60));
    cluster.set_uses(9, &["billing"]);
    cluster.until(SOON, "the leaf knows the owner", |cluster| {
        let owner = cluster.node(9).unwrap().member(cluster.hosts[8].id);
        owner.is_some_and(|owner| owner.metadata.components.as_slice() == ["billing"])
    });
}

#[test]
fn a_change_of_a_leaf_between_dial_and_hello_reaches_its_hub() {
    for seed in 0..30 {
        let mut cluster = Cluster::with(seed, 1, 1);
        cluster.run(Duration::from_millis(seed));
        cluster.set_uses(1, &["billing"]);
        cluster.until(SOON, "the hub knows what the leaf uses", Cluster::converged);
    }
}

#[test]
fn a_leaf_with_a_small_table_always_has_room_for_its_hub() {
    let mut cluster = Cluster::new(1, Conditions::default());
    cluster.capacity = Capacity { members: 4, ..Capacity::default() };
    let leaf = cluster.add(Kind::Leaf, &[1]);
    cluster.start(leaf, 1);
    for hub in 1..8 {
        cluster.add(Kind::Hub, &[]);
        cluster.hosts[leaf].seeds = vec![Cluster::address(hub)];
        cluster.start(hub, 1);
        let id = cluster.hosts[leaf].id;
        if hub > 1 {
            cluster.add_seed(leaf, hub);
        }
        cluster.until(Duration::from_secs(60), "the leaf knows its hub", |cluster| {
            cluster.links(leaf, hub) == 1 && cluster.state(leaf, hub) == Some(State::Alive)
        });
        assert!(cluster.node(leaf).unwrap().member(id).is_some());
        cluster.kill(hub);
    }
}

#[test]
fn a_leaf_that_died_with_its_hub_is_down_though_the_hub_came_back() {
    let mut cluster = Cluster::with(1, 4, 1);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.kill(4);
    cluster.kill(0);
    cluster.run(Duration::from_millis(100));
    cluster.start(0, 1);
    cluster.until(Duration::from_secs(120), "it is down", |cluster| cluster.all_hubs_say(4, State::Down));
}

#[test]
fn a_leaf_that_begins_to_use_a_component_learns_its_owner_behind_another_hub() {
    let mut cluster = Cluster::with(1, 2, 1);
    let owner = cluster.add(Kind::Leaf, &[1]);
    cluster.start(owner, 1);
    cluster.set_components(owner, &["billing"]);
    cluster.run(Duration::from_secs(60));
    assert_eq!(cluster.state(2, owner), None);
    cluster.set_uses(2, &["billing"]);
    cluster.until(SOON, "the leaf knows the owner", |cluster| cluster.state(2, owner) == Some(State::Alive));
}

#[test]
fn a_leaf_hears_that_a_hub_it_knows_is_down() {
    let mut cluster = Cluster::with(1, 3, 1);
    cluster.until(SOON, "the leaf knows the hub", |cluster| cluster.state(3, 2) == Some(State::Alive));
    cluster.kill(2);
    cluster.until(Duration::from_secs(10), "it is down", |cluster| cluster.state(3, 2) == Some(State::Down));
}

#[test]
fn a_leaf_that_sleeps_as_long_as_it_said_is_never_suspected() {
    for seed in 0..10 {
        let mut cluster = Cluster::with(seed, 4, 1);
        cluster.until(SOON, "all see all", Cluster::converged);
        cluster.sleep(4, 600);
        cluster.run(Duration::from_secs(1));
        assert_eq!(hub_of(&cluster, 4), None, "seed {seed}: its links ended");
        cluster.run(Duration::from_secs(599));
        cluster.wake(4);
        cluster.until(SOON, "it is back", |cluster| cluster.converged() && hub_of(cluster, 4).is_some());
        assert!(!cluster.beliefs.iter().any(|belief| belief.about == 4), "seed {seed}");
    }
}

#[test]
fn a_leaf_that_does_not_wake_in_time_is_down() {
    let mut cluster = Cluster::with(1, 4, 1);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.sleep(4, 60);
    cluster.run(Duration::from_secs(61));
    assert!(cluster.all_hubs_say(4, State::Alive));
    cluster.until(Duration::from_secs(30), "it is down", |cluster| cluster.all_hubs_say(4, State::Down));
}

#[test]
fn a_hub_that_has_too_many_leaves_sends_some_to_others() {
    let mut cluster = Cluster::new(1, Conditions::default());
    cluster.capacity = Capacity { members: 24, peers: 32, ..Capacity::default() };
    for number in 0..16 {
        let at = cluster.add(if number < 4 { Kind::Hub } else { Kind::Leaf }, &[0]);
        cluster.hosts[at].tune = |config| {
            config.max_leaves = 7;
            config.retry_max = Duration::from_secs(600);
            config.random_probe = config.retry_max;
        };
        cluster.start(at, 1);
    }
    cluster.run(Duration::from_secs(60));
    for hub in 0..4 {
        let leaves = (4..16).filter(|&leaf| cluster.links(leaf, hub) > 0).count();
        assert!(leaves <= 7, "n{hub} has {leaves} leaves\n{}", cluster.views());
    }
    assert!((4..16).all(|leaf| hub_of(&cluster, leaf).is_some()), "{}", cluster.views());
    assert!(cluster.beliefs.is_empty(), "{}", cluster.views());
}
