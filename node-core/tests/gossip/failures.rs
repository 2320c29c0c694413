//! What others believe of a node that fails, and of one that only seems to.

use node_core::gossip::State;
use node_core::time::Duration;

use super::network::{Network, SILENCE, memory};

const SOON: Duration = Duration::from_secs(3);

#[test]
fn a_killed_hub_is_suspected_first_and_then_down_everywhere() {
    for seed in 0..20 {
        let mut memory = memory::<16>(6);
        let mut network = Network::with(seed, &mut memory, 6, 0);
        network.until(SOON, "all see all", Network::converged);
        network.kill(3);
        network.until(Duration::from_secs(10), "it is down", |network| network.all_hubs_say(3, State::Down));
        let first = |state| network.beliefs.iter().find(|belief| belief.about == 3 && belief.state == state);
        let (suspected, down) = (first(State::Suspect).unwrap().at, first(State::Down).unwrap().at);
        // Four seconds, halved by each of at most two further accusers that count.
        assert!(down.since(suspected) >= Duration::from_secs(1), "seed {seed}");
    }
}

#[test]
fn a_hub_that_lost_its_power_is_down_everywhere_after_its_silence() {
    let mut memory = memory::<16>(6);
    let mut network = Network::with(1, &mut memory, 6, 0);
    network.until(SOON, "all see all", Network::converged);
    network.vanish(3);
    let limit = SILENCE + Duration::from_secs(12);
    network.until(limit, "it is down", |network| network.all_hubs_say(3, State::Down));
}

#[test]
fn a_broken_link_between_two_nodes_that_run_downs_nobody() {
    for seed in 0..20 {
        let mut memory = memory::<16>(4);
        let mut network = Network::with(seed, &mut memory, 4, 0);
        network.until(SOON, "all see all", Network::converged);
        for _ in 0..10 {
            network.break_links();
            network.run(Duration::from_secs(2));
        }
        network.until(SOON, "all see all again", Network::converged);
        assert!(network.beliefs.iter().all(|belief| belief.state != State::Down), "seed {seed}");
    }
}

#[test]
fn a_node_that_paused_briefly_is_not_down() {
    let mut memory = memory::<16>(5);
    let mut network = Network::with(1, &mut memory, 5, 0);
    network.until(SOON, "all see all", Network::converged);
    network.pause_for(2, Duration::from_secs(8));
    network.run(Duration::from_secs(30));
    assert!(network.converged());
    assert!(network.beliefs.iter().all(|belief| belief.state != State::Down));
}

#[test]
fn a_node_that_paused_for_long_denies_its_death() {
    for seed in 0..20 {
        let mut memory = memory::<16>(5);
        let mut network = Network::with(seed, &mut memory, 5, 0);
        network.until(SOON, "all see all", Network::converged);
        network.pause_for(2, Duration::from_secs(90));
        network.until(Duration::from_secs(20), "it is back", Network::converged);
    }
}

#[test]
fn two_halves_that_were_apart_for_minutes_become_whole() {
    for seed in 0..10 {
        let mut memory = memory::<16>(8);
        let mut network = Network::with(seed, &mut memory, 8, 0);
        network.until(SOON, "all see all", Network::converged);
        network.partition(|host| host % 2);
        network.run(Duration::from_secs(240));
        assert_eq!(network.state(0, 1), Some(State::Down));
        network.set_components(3, &["new"]);
        network.run(Duration::from_secs(1));
        network.heal();
        network.until(Duration::from_secs(60), "one cluster again", Network::converged);
    }
}

#[test]
fn a_departed_member_is_forgotten_after_its_tombstone() {
    let mut memory = memory::<16>(3);
    let mut network = Network::new(1, &mut memory);
    for _ in 0..3 {
        let at = network.add(node_core::gossip::Kind::Hub, &[0]);
        network.hosts[at].tune = |config| config.tombstone = Duration::from_secs(300);
        network.start(at, 1);
    }
    network.until(SOON, "all see all", Network::converged);
    network.kill(2);
    network.run(Duration::from_secs(200));
    assert_eq!(network.state(0, 2), Some(State::Down));
    network.run(Duration::from_secs(200));
    assert_eq!([network.state(0, 2), network.state(1, 2)], [None, None]);
}
