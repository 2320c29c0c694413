//! The cluster of foca members works.

use node_sim::figures::Figure;
use node_sim::play::Play;
use node_sim::scenario::Scenario;
use node_sim::standard;

use super::foca;

const NODES: usize = 10;

fn scenario(name: &str) -> Scenario {
    standard::find(name).unwrap().remove(0).1
}

fn figures(name: &str, seed: u64) -> node_sim::figures::Figures {
    let scenario = scenario(name);
    Play::with(&scenario, foca(&scenario, NODES, seed), seed).play(&mut |_| {}).figures
}

#[test]
fn members_find_each_other() {
    assert!(matches!(figures("join", 1).of("whole s"), Some(Figure::Seconds(Some(_)))));
}

#[test]
fn a_cluster_that_starts_whole_stays_whole() {
    let scenario = scenario("idle");
    let mut swim = foca(&scenario, NODES, 1);
    swim.run(std::time::Duration::from_secs(60));
    assert_eq!((swim.wrong(0), swim.declared_down.len()), (None, 0));
}

#[test]
fn a_change_and_a_crash_become_known_to_all() {
    for name in ["change", "crash", "leave"] {
        let figures = figures(name, 1);
        assert!(matches!(figures.of("100% s"), Some(Figure::Seconds(Some(_)))), "{name}");
    }
    assert_eq!(figures("crash", 1).of("false downs"), Some(Figure::Whole(0.0)));
}

#[test]
fn a_seed_determines_the_history() {
    assert_eq!(figures("pausing", 1), figures("pausing", 1));
    assert_ne!(figures("pausing", 1), figures("pausing", 2));
}
