//! A node's own record reaches all others, also after a restart.

use node_core::gossip::{Kind, State};
use node_core::sim::{Belief, Cluster};
use node_core::time::Duration;

const SOON: Duration = Duration::from_secs(3);

#[test]
fn a_new_component_reaches_every_hub() {
    let mut cluster = Cluster::with(1, 8, 0);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.set_components(5, &["billing"]);
    cluster.until(Duration::from_millis(500), "all know the component", Cluster::converged);
    let member = cluster.node(2).unwrap().member(cluster.hosts[5].id).unwrap();
    assert_eq!(member.metadata.components.as_slice(), ["billing"]);
}

#[test]
fn changes_reach_everyone_through_links_that_take_one_message_at_a_time() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 8, 0);
        one_message_at_a_time(&mut cluster);
        cluster.until(SOON, "all see all", Cluster::converged);
        for at in 0..8 {
            cluster.set_components(at, &["a", "b"]);
        }
        cluster.until(SOON, "all know the components", Cluster::converged);
    }
}

#[test]
fn a_restart_with_a_lower_incarnation_comes_back_alive_with_its_new_metadata() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 5, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
        (0..5).for_each(|_| {
            cluster.set_components(4, &["old"]);
            cluster.set_components(4, &["older"]);
        });
        cluster.run(SOON);
        cluster.kill(4);
        cluster.until(Duration::from_secs(20), "it is down", |cluster| cluster.all_hubs_say(4, State::Down));
        cluster.hosts[4].components = vec!["new".into()];
        cluster.start(4, 1);
        cluster.until(SOON, "it is back with its new component", Cluster::converged);
    }
}

#[test]
fn a_quick_restart_without_stored_state_is_never_down() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 5, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
        cluster.set_components(4, &["old"]);
        cluster.run(SOON);
        cluster.kill(4);
        cluster.run(Duration::from_millis(350));
        cluster.start(4, 0);
        cluster.until(SOON, "it is back", Cluster::converged);
        cluster.run(Duration::from_secs(30));
        assert!(cluster.beliefs.iter().all(|belief| belief.state != State::Down), "seed {seed}");
    }
}

#[test]
fn a_node_that_left_is_seen_as_left_and_never_as_down() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 5, 1);
        cluster.until(SOON, "all see all", Cluster::converged);
        for leaver in [2, 5] {
            cluster.leave(leaver);
            cluster.until(SOON, "it left", |cluster| cluster.all_hubs_say(leaver, State::Left));
        }
        cluster.run(Duration::from_secs(60));
        let wrong = |belief: &&Belief| belief.state == State::Down;
        assert_eq!(cluster.beliefs.iter().filter(wrong).count(), 0, "seed {seed}: {:?}", cluster.beliefs);
    }
}

#[test]
fn a_node_that_left_may_come_back() {
    let mut cluster = Cluster::with(1, 4, 0);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.leave(2);
    cluster.until(SOON, "it left", |cluster| cluster.all_hubs_say(2, State::Left));
    cluster.start(2, 0);
    cluster.until(SOON, "it is back", Cluster::converged);
}

#[test]
fn a_newcomer_learns_a_large_cluster_over_one_slow_link() {
    let mut cluster = Cluster::with(1, 14, 0);
    for at in 0..14 {
        cluster.set_components(at, &[LONG; 5]);
    }
    cluster.until(SOON, "all see all", Cluster::converged);
    one_message_at_a_time(&mut cluster);
    let at = cluster.add(Kind::Hub, &[0]);
    cluster.hosts[at].tune = |config| config.active_view = 1;
    cluster.start(at, 1);
    cluster.until(SOON, "the newcomer sees all", Cluster::converged);
}

const LONG: &str = "a-component-whose-name-is-as-long-as-a-name-may-be-0123456789-0";

/// A link takes one message and is full for two milliseconds.
fn one_message_at_a_time(cluster: &mut Cluster) {
    cluster.net.conditions.buffer = 1;
    cluster.net.conditions.bandwidth = 500_000;
}
