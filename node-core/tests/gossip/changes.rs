//! How what a node says of itself reaches the others, also after it comes back.

use node_core::gossip::{Kind, State};
use node_core::time::Duration;

use super::network::{Network, memory};

const SOON: Duration = Duration::from_secs(3);

#[test]
fn a_new_component_reaches_every_hub() {
    let mut memory = memory::<16>(8);
    let mut network = Network::with(1, &mut memory, 8, 0);
    network.until(SOON, "all see all", Network::converged);
    network.set_components(5, &["billing"]);
    network.until(Duration::from_millis(500), "all know the component", Network::converged);
    let member = network.hosts[2].node.as_ref().unwrap().member(network.hosts[5].id).unwrap();
    assert_eq!(member.meta.components.as_slice(), ["billing"]);
}

#[test]
fn changes_reach_everyone_through_links_that_take_one_message_at_a_time() {
    for seed in 0..20 {
        let mut memory = memory::<16>(8);
        let mut network = Network::with(seed, &mut memory, 8, 0);
        network.room = 1;
        network.until(SOON, "all see all", Network::converged);
        for at in 0..8 {
            network.set_components(at, &["a", "b"]);
        }
        network.until(SOON, "all know the components", Network::converged);
    }
}

#[test]
fn a_restart_with_a_lower_incarnation_comes_back_alive_with_what_it_says_now() {
    for seed in 0..20 {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 5, 0);
        network.until(SOON, "all see all", Network::converged);
        (0..5).for_each(|_| {
            network.set_components(4, &["old"]);
            network.set_components(4, &["older"]);
        });
        network.run(SOON);
        network.kill(4);
        network.until(Duration::from_secs(20), "it is down", |network| network.all_hubs_say(4, State::Down));
        network.hosts[4].components = vec!["new"];
        network.start(4, 1);
        network.until(SOON, "it is back with its new component", Network::converged);
    }
}

#[test]
fn a_quick_restart_without_memory_is_never_down() {
    for seed in 0..20 {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 5, 0);
        network.until(SOON, "all see all", Network::converged);
        network.set_components(4, &["old"]);
        network.run(SOON);
        network.kill(4);
        network.run(Duration::from_millis(400));
        network.start(4, 0);
        network.until(SOON, "it is back", Network::converged);
        network.run(Duration::from_secs(30));
        assert!(network.beliefs.iter().all(|belief| belief.state != State::Down), "seed {seed}");
    }
}

#[test]
fn a_node_that_left_is_seen_as_left_and_never_as_down() {
    for seed in 0..20 {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 5, 1);
        network.until(SOON, "all see all", Network::converged);
        for leaver in [2, 5] {
            network.leave(leaver);
            network.until(SOON, "it left", |network| network.all_hubs_say(leaver, State::Left));
        }
        network.run(Duration::from_secs(60));
        let wrong = |belief: &&super::network::Belief| belief.state == State::Down;
        assert_eq!(network.beliefs.iter().filter(wrong).count(), 0, "seed {seed}: {:?}", network.beliefs);
    }
}

#[test]
fn a_node_that_left_may_come_back() {
    let mut memory = memory::<16>(5);
    let mut network = Network::with(1, &mut memory, 4, 0);
    network.until(SOON, "all see all", Network::converged);
    network.leave(2);
    network.until(SOON, "it left", |network| network.all_hubs_say(2, State::Left));
    network.start(2, 0);
    network.until(SOON, "it is back", Network::converged);
}

#[test]
fn a_newcomer_learns_a_large_cluster_over_one_slow_link() {
    let mut memory = memory::<16>(16);
    let mut network = Network::with(1, &mut memory, 14, 0);
    for at in 0..14 {
        network.set_components(at, &[LONG; 5]);
    }
    network.until(SOON, "all see all", Network::converged);
    network.room = 1;
    let at = network.add(Kind::Hub, &[0]);
    network.hosts[at].tune = |config| config.degree = 1;
    network.start(at, 1);
    network.until(SOON, "the newcomer sees all", Network::converged);
}

const LONG: &str = "a-component-whose-name-is-as-long-as-a-name-may-be-0123456789-0";
