//! A node that fails is declared down, and one that only seems to fail is not.

use node_core::gossip::{Kind, State};
use node_core::sim::{Cluster, Conditions, Path};
use node_core::time::Duration;

const SOON: Duration = Duration::from_secs(3);

#[test]
fn a_killed_hub_is_suspected_first_and_then_down_everywhere() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 6, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
        cluster.kill(3);
        cluster.until(Duration::from_secs(10), "it is down", |cluster| cluster.all_hubs_say(3, State::Down));
        let first = |state| cluster.beliefs.iter().find(|belief| belief.about == 3 && belief.state == state);
        let (suspected, down) = (first(State::Suspect).unwrap().at, first(State::Down).unwrap().at);
        // Two seconds, halved by each of at most two confirmers.
        assert!(down.since(suspected) >= Duration::from_millis(500), "seed {seed}");
    }
}

#[test]
fn a_hub_that_lost_its_power_is_down_everywhere_after_the_link_timeout() {
    let mut cluster = Cluster::with(1, 6, 0);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.vanish(3);
    let limit = cluster.net.conditions.link_timeout() + Duration::from_secs(12);
    cluster.until(limit, "it is down", |cluster| cluster.all_hubs_say(3, State::Down));
}

#[test]
fn broken_links_between_running_nodes_declare_nobody_down() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 4, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
        for _ in 0..10 {
            cluster.net.break_links();
            cluster.run(Duration::from_secs(2));
        }
        cluster.until(SOON, "all see all again", Cluster::converged);
        assert!(cluster.beliefs.iter().all(|belief| belief.state != State::Down), "seed {seed}");
    }
}

#[test]
fn a_node_suspects_a_member_that_only_others_reach_ever_less_often() {
    for (seed, blind) in [(1, 1), (2, 2), (3, 3)] {
        let mut cluster = Cluster::with(seed, 8, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
        // One node and some others cannot reach each other; the rest reach all.
        let zone = |host| match host {
            0 => 0,
            host if host <= blind => 1,
            _ => 2,
        };
        cluster.net.refuse(zone, &[Path { from: 0, to: 1 }, Path { from: 1, to: 0 }]);
        cluster.run(Duration::from_secs(1200));
        assert!(
            cluster.beliefs.iter().all(|belief| belief.state != State::Down),
            "{blind}: a member is declared down"
        );
        // Each of a pair suspects the other after its 1st, 2nd, 4th ... failed dial; in the end these are minutes apart.
        let incarnation = cluster.hosts[0].incarnation();
        assert!((2..=4 + 8 * blind as u64).contains(&incarnation), "{blind}: {incarnation}");
        cluster.net.heal();
        cluster.until(Duration::from_secs(60), "all see all again", Cluster::converged);
    }
}

#[test]
fn a_node_that_paused_briefly_is_not_down() {
    let mut cluster = Cluster::with(1, 5, 0);
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.pause_for(2, Duration::from_secs(8));
    cluster.run(Duration::from_secs(30));
    assert!(cluster.converged());
    assert!(cluster.beliefs.iter().all(|belief| belief.state != State::Down));
}

#[test]
fn a_node_that_was_declared_down_while_it_paused_refutes() {
    for seed in 0..20 {
        let mut cluster = Cluster::with(seed, 5, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
        cluster.pause_for(2, Duration::from_secs(90));
        cluster.until(Duration::from_secs(20), "it is back", Cluster::converged);
    }
}

#[test]
fn two_halves_that_were_apart_for_minutes_become_whole() {
    for seed in 0..10 {
        let mut cluster = Cluster::with(seed, 8, 0);
        cluster.until(SOON, "all see all", Cluster::converged);
        cluster.net.partition(|host| host % 2);
        cluster.run(Duration::from_secs(240));
        assert_eq!(cluster.state(0, 1), Some(State::Down));
        cluster.set_components(3, &["new"]);
        cluster.run(Duration::from_secs(1));
        cluster.net.heal();
        cluster.until(Duration::from_secs(60), "one cluster again", Cluster::converged);
    }
}

#[test]
fn a_departed_member_is_forgotten_after_its_tombstone() {
    let mut cluster = Cluster::new(1, Conditions::default());
    for _ in 0..3 {
        let at = cluster.add(Kind::Hub, &[0]);
        cluster.hosts[at].tune = |config| config.tombstone = Duration::from_secs(300);
        cluster.start(at, 1);
    }
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.kill(2);
    cluster.run(Duration::from_secs(200));
    assert_eq!(cluster.state(0, 2), Some(State::Down));
    cluster.run(Duration::from_secs(200));
    assert_eq!([cluster.state(0, 2), cluster.state(1, 2)], [None, None]);
}

#[test]
fn a_node_that_comes_back_after_the_tombstones_brings_no_ghost() {
    let mut cluster = Cluster::new(1, Conditions::default());
    for number in 0..6 {
        let kind = if number < 4 { Kind::Hub } else { Kind::Leaf };
        let at = cluster.add(kind, &[0]);
        cluster.hosts[at].tune = |config| config.tombstone = Duration::from_secs(60);
        cluster.start(at, 1);
    }
    cluster.until(SOON, "all see all", Cluster::converged);
    cluster.pause(3);
    cluster.leave(2);
    cluster.kill(5);
    cluster.run(Duration::from_secs(300));
    assert_eq!([cluster.state(0, 2), cluster.state(0, 5)], [None, None], "they are forgotten");
    cluster.resume(3);
    assert_eq!(cluster.state(3, 2), Some(State::Alive), "one node still has them alive");
    cluster.run(Duration::from_secs(200));
    assert!(cluster.converged(), "{}", cluster.views());
}
