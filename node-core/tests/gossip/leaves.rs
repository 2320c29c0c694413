//! Leaves: they dial hubs, and hubs speak for them.

use node_core::gossip::{Kind, State};
use node_core::time::Duration;

use super::network::{Belief, Network, memory};

const SOON: Duration = Duration::from_secs(3);

/// The hub that a leaf is linked to.
fn hub_of(network: &Network<'_>, leaf: usize) -> Option<usize> {
    (0..network.hosts.len()).find(|&hub| network.links(leaf, hub) > 0)
}

#[test]
fn a_leaf_is_seen_everywhere_with_its_hub() {
    let mut memory = memory::<16>(6);
    let mut network = Network::with(1, &mut memory, 5, 1);
    network.until(SOON, "all see all", Network::converged);
    let hub = network.hosts[hub_of(&network, 5).unwrap()].id;
    for at in 0..5 {
        let leaf = network.hosts[at].node.as_ref().unwrap().member(network.hosts[5].id).unwrap();
        assert_eq!((leaf.meta.kind, leaf.meta.hubs.as_slice()), (Kind::Leaf, &[hub][..]));
    }
}

#[test]
fn a_leaf_keeps_as_many_links_as_it_wants_however_many_seeds_it_has() {
    for seed in 0..20 {
        let mut memory = memory::<16>(5);
        let mut network = Network::with(seed, &mut memory, 4, 0);
        let leaf = network.add(Kind::Leaf, &[0, 1, 2, 3]);
        network.start(leaf, 1);
        network.run(Duration::from_secs(30));
        let links: usize = (0..4).map(|hub| network.links(leaf, hub)).sum();
        assert_eq!(links, 1, "seed {seed}");
    }
}

#[test]
fn a_leaf_whose_hub_dies_moves_and_is_not_down() {
    for seed in 0..20 {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 4, 0);
        let leaf = network.add(Kind::Leaf, &[0, 1]);
        network.start(leaf, 1);
        network.until(SOON, "all see all", Network::converged);
        let hub = hub_of(&network, leaf).unwrap();
        network.kill(hub);
        network.until(Duration::from_secs(20), "the hub is down", |network| {
            network.all_hubs_say(hub, State::Down)
        });
        network.until(SOON, "the leaf moved", Network::converged);
        network.run(Duration::from_secs(60));
        let wrong =
            |belief: &&Belief| belief.about == leaf && belief.state == State::Down && belief.by != leaf;
        assert_eq!(network.beliefs.iter().filter(wrong).count(), 0, "seed {seed}");
    }
}

#[test]
fn a_leaf_finds_another_hub_though_its_only_seed_died() {
    let mut memory = memory::<16>(6);
    let mut network = Network::with(1, &mut memory, 5, 1);
    network.until(SOON, "all see all", Network::converged);
    assert_eq!(hub_of(&network, 5), Some(0));
    network.kill(0);
    network.until(Duration::from_secs(10), "the leaf moved", |network| hub_of(network, 5).is_some());
}

#[test]
fn a_leaf_that_is_gone_is_down() {
    for seed in 0..20 {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 5, 1);
        network.until(SOON, "all see all", Network::converged);
        network.kill(5);
        network.until(Duration::from_secs(10), "it is down", |network| network.all_hubs_say(5, State::Down));
    }
}

#[test]
fn a_leaf_that_dies_with_its_hub_is_down() {
    for (seed, hub_leaves) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 5, 1);
        network.until(SOON, "all see all", Network::converged);
        network.kill(5);
        if hub_leaves {
            network.leave(0)
        } else {
            network.kill(0)
        };
        network.until(Duration::from_secs(90), "it is down", |network| network.all_hubs_say(5, State::Down));
    }
}

#[test]
fn a_leaf_knows_its_hub_and_the_owners_of_what_it_needs_and_nobody_else() {
    let mut memory = memory::<16>(6);
    let mut network = Network::with(1, &mut memory, 5, 0);
    network.set_components(3, &["billing"]);
    let leaf = network.add(Kind::Leaf, &[0]);
    network.hosts[leaf].needs = vec!["billing"];
    network.hosts[0].tune = |_| {};
    network.start(leaf, 1);
    network.until(SOON, "the leaf knows the owner", |network| network.state(leaf, 3) == Some(State::Alive));
    assert_eq!(network.state(leaf, 0), Some(State::Alive));
    network.kill(3);
    network.until(Duration::from_secs(10), "the leaf hears that it is down", |network| {
        network.state(leaf, 3) == Some(State::Down)
    });
}

#[test]
fn a_leaf_that_comes_to_need_something_is_told_who_has_it() {
    let mut memory = memory::<16>(10);
    let mut network = Network::with(1, &mut memory, 9, 1);
    network.set_components(8, &["billing"]);
    network.run(Duration::from_secs(60));
    network.set_needs(9, &["billing"]);
    network.until(SOON, "the leaf knows the owner", |network| {
        let owner = network.hosts[9].node.as_ref().unwrap().member(network.hosts[8].id);
        owner.is_some_and(|owner| owner.meta.components.as_slice() == ["billing"])
    });
}

#[test]
fn what_a_leaf_says_between_dialling_and_hello_is_heard() {
    for seed in 0..30 {
        let mut memory = memory::<16>(2);
        let mut network = Network::with(seed, &mut memory, 1, 1);
        network.run(Duration::from_millis(seed));
        network.set_needs(1, &["billing"]);
        network.until(SOON, "the hub knows what the leaf needs", Network::converged);
    }
}

#[test]
fn a_leaf_with_a_small_table_always_has_room_for_its_hub() {
    let mut memory = memory::<4>(12);
    let mut network = Network::new(1, &mut memory);
    let leaf = network.add(Kind::Leaf, &[1]);
    network.start(leaf, 1);
    for hub in 1..8 {
        network.add(Kind::Hub, &[]);
        network.hosts[leaf].seeds = vec![Network::address(hub)];
        network.start(hub, 1);
        let id = network.hosts[leaf].id;
        let node = network.hosts[leaf].node.as_mut().unwrap();
        if hub > 1 {
            node.add_seed(network.now, &Network::address(hub)).unwrap();
        }
        network.until(Duration::from_secs(60), "the leaf knows its hub", |network| {
            network.links(leaf, hub) == 1 && network.state(leaf, hub) == Some(State::Alive)
        });
        assert!(network.hosts[leaf].node.as_ref().unwrap().member(id).is_some());
        network.kill(hub);
    }
}

#[test]
fn a_leaf_that_died_with_its_hub_is_down_though_the_hub_came_back() {
    let mut memory = memory::<16>(8);
    let mut network = Network::with(1, &mut memory, 4, 1);
    network.until(SOON, "all see all", Network::converged);
    network.kill(4);
    network.kill(0);
    network.run(Duration::from_millis(100));
    network.start(0, 1);
    network.until(Duration::from_secs(90), "it is down", |network| network.all_hubs_say(4, State::Down));
}

#[test]
fn a_leaf_that_comes_to_need_what_another_hubs_leaf_has_is_told_who_that_is() {
    let mut memory = memory::<16>(4);
    let mut network = Network::with(1, &mut memory, 2, 1);
    let owner = network.add(Kind::Leaf, &[1]);
    network.start(owner, 1);
    network.set_components(owner, &["billing"]);
    network.run(Duration::from_secs(60));
    assert_eq!(network.state(2, owner), None);
    network.set_needs(2, &["billing"]);
    network.until(SOON, "the leaf knows the owner", |network| network.state(2, owner) == Some(State::Alive));
}

#[test]
fn a_leaf_hears_that_a_hub_it_knows_is_down() {
    let mut memory = memory::<16>(4);
    let mut network = Network::with(1, &mut memory, 3, 1);
    network.until(SOON, "the leaf knows the hub", |network| network.state(3, 2) == Some(State::Alive));
    network.kill(2);
    network.until(Duration::from_secs(10), "it is down", |network| network.state(3, 2) == Some(State::Down));
}
