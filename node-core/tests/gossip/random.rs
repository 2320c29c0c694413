//! Random histories: whatever happened, once the network is whole every view is right.

use node_core::gossip::Kind;
use node_core::time::Duration;

use super::network::{Network, memory};

#[test]
fn views_are_right_once_the_network_is_whole() {
    for seed in 0..200 {
        history(seed);
    }
}

fn history(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let (hubs, leaves) = (rng.usize(2..6), rng.usize(0..3));
    let count = hubs + leaves;
    let mut memory = memory::<16>(60);
    let mut network = Network::new(seed, &mut memory);
    for number in 0..count {
        let kind = if number < hubs { Kind::Hub } else { Kind::Leaf };
        let at = network.add(kind, &[0, 1]);
        network.start(at, 1);
    }
    network.room = rng.usize(1..6);
    for _ in 0..rng.usize(1..20) {
        let at = rng.usize(0..count);
        let runs = network.hosts[at].node.is_some();
        match rng.u8(0..10) {
            0 | 1 if runs => network.kill(at),
            2 if runs => network.vanish(at),
            3 if runs => network.leave(at),
            4 if runs => network.pause_for(at, Duration::from_millis(rng.u64(0..30_000))),
            5 => {
                let parts: Vec<usize> = (0..count).map(|_| rng.usize(0..2)).collect();
                network.partition(|host| parts[host]);
            }
            6 => network.heal(),
            7 if runs => network.set_components(at, [&["a"][..], &["a", "b"], &[]][rng.usize(0..3)]),
            _ if !runs => network.start(at, rng.u64(0..3)),
            _ => network.break_links(),
        }
        let most = 1 << rng.u32(4..16);
        network.run(Duration::from_millis(rng.u64(0..most)));
    }
    network.heal();
    // Somebody whom a node that lost everything can ask.
    for seed in [0, 1] {
        if network.hosts[seed].node.is_none() {
            network.start(seed, 1);
        }
    }
    network.until(Duration::from_secs(240), "all views are right", Network::converged);
    network.run(Duration::from_secs(120));
    assert!(network.converged(), "seed {seed}: views do not stay right\n{}", network.views());
}
