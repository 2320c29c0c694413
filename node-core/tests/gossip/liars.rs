//! What remains to a member that lies: it can make others refute. It cannot take a member that runs out of the cluster,
//! change what a member says of itself, or speak in its name.

use core::time::Duration;

use node_core::gossip::{Record, State};
use node_core::sim::Cluster;
use node_core::wire::gossip::Tag;

const LIAR: usize = 1;

/// What the liar says of a member: something bad, with the member's own words and signature or without them.
fn lie(cluster: &Cluster, rng: &mut fastrand::Rng, about: usize) -> Vec<u8> {
    let truth = cluster.node(about).unwrap().record();
    let state = [State::Suspect, State::Down, State::Left][rng.usize(0..3)];
    // It names any member as the one that saw it, to be several witnesses at once.
    let by = Some(cluster.hosts[rng.usize(0..cluster.hosts.len())].id);
    let metadata = if rng.bool() { truth.metadata } else { &[] };
    let record = Record { state, by, metadata, ..truth };
    postcard::to_extend(&record, vec![Tag::Records as u8]).unwrap()
}

#[test]
fn a_liar_takes_no_member_out_and_changes_nothing_that_a_member_says() {
    for seed in 0..10 {
        let mut cluster = Cluster::with(seed, 8, 2);
        cluster.until(Duration::from_secs(10), "all see all", Cluster::converged);
        let hosts = cluster.hosts.len();
        let described = |cluster: &Cluster, at: usize| cluster.node(at).unwrap().record().incarnation;
        let before: Vec<u64> = (0..hosts).map(|at| described(&cluster, at)).collect();
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..300 {
            for about in (0..hosts).filter(|at| *at != LIAR) {
                let lie = lie(&cluster, &mut rng, about);
                cluster.lie(LIAR, &lie);
            }
            cluster.run(Duration::from_millis(100));
            for seen_by in (0..8).filter(|at| *at != LIAR) {
                for about in 0..hosts {
                    let member = cluster.node(seen_by).unwrap().member(cluster.hosts[about].id).unwrap();
                    let gone = !member.record.state.is_live();
                    assert!(
                        !gone,
                        "seed {seed}: n{seen_by} believes that n{about} is {}",
                        member.record.state
                    );
                    assert_eq!(member.metadata.name, format!("n{about}"), "seed {seed}");
                }
            }
        }
        // One refutation a second is what a lie costs its victim.
        for (at, before) in before.iter().enumerate() {
            let raised = described(&cluster, at) - before;
            assert!(raised <= 40, "seed {seed}: n{at} refuted {raised} times in 30 s");
        }
        cluster.until(Duration::from_secs(90), "all see all again", Cluster::converged);
    }
}
