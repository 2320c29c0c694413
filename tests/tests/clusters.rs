//! Two clusters on one network that meet by mistake, with real daemons.

use anyhow::ensure;
use node_tests::daemon::{Daemon, Mark, Setup};
use node_tests::wait::eventually;

/// The error of both sides of a link between two clusters.
const REFUSED: &str = "the peer belongs to another cluster: compare the cluster ids";

fn of(cluster: &str, name: &str) -> Setup {
    Setup::named(name).unwrap().flag("--cluster-id", cluster)
}

/// Waits until each of these sees the others alive, and no other member.
fn are_among_themselves(nodes: &[&Daemon]) {
    for node in nodes {
        eventually(|| {
            let seen = node.ctl().nodes()?;
            let is_one = |name: &str| nodes.iter().any(|node| node.name() == name);
            ensure!(
                seen.len() == nodes.len()
                    && seen.iter().all(|seen| is_one(&seen.name) && seen.state == "alive"),
                "{} sees {seen:?}",
                node.name()
            );
            Ok(())
        })
        .unwrap();
    }
}

/// Waits until the node refused so many links to or from another cluster.
fn refuses(node: &Daemon, times: usize) {
    eventually(|| {
        let refusals = node.logs_after(Mark::default());
        let refusals = refusals.iter().filter(|line| line.contains(REFUSED)).count();
        ensure!(refusals >= times, "{} refused {refusals} times", node.name());
        Ok(())
    })
    .unwrap();
}

#[test]
fn two_clusters_that_meet_stay_apart() {
    let ada = of("a", "ada").start().unwrap();
    let ann = of("a", "ann").join(ada.private()).start().unwrap();
    let ben = of("b", "ben").start().unwrap();
    // bob's join addresses are one node of each cluster.
    let bob = of("b", "bob").join(ben.private()).join(ada.private()).start().unwrap();
    are_among_themselves(&[&ada, &ann]);
    are_among_themselves(&[&ben, &bob]);
    for node in [&ada, &bob] {
        refuses(node, 3);
    }
    are_among_themselves(&[&ada, &ann]);
    are_among_themselves(&[&ben, &bob]);
    for node in [&ada, &ann, &ben, &bob] {
        let logs = node.logs_after(Mark::default());
        assert!(logs.len() < 50, "{logs:#?}");
    }
    // A node that met no other cluster logs nothing about it.
    for node in [&ann, &ben] {
        let logs = node.logs_after(Mark::default());
        assert!(!logs.iter().any(|line| line.contains("another cluster")), "{logs:#?}");
    }
    // Each node goes on with the members of its own cluster.
    for (from, to) in [(&ada, &ann), (&ben, &bob)] {
        from.ctl().json(&["ping", to.name()]).unwrap();
    }
    let dora = of("b", "dora").join(bob.private()).start().unwrap();
    are_among_themselves(&[&ben, &bob, &dora]);
}
