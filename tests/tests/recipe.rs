//! Maelstrom's recipe for TLS, from its first line to the last: keys are made and rotated while requests flow.

use anyhow::{Context as _, ensure};
use node_tests::cluster::Cluster;
use node_tests::component::Component;
use node_tests::http::{Answer, Curl};
use node_tests::load::Load;
use node_tests::pki::{Algorithm, SERVER_NAME, TlsDir};
use node_tests::wait::eventually;

/// Requests that must be answered between two steps of a rotation.
const SOME: u64 = 200;

/// A cluster with a load from its first node's gateway to a component behind its last.
struct Rotation {
    made: TlsDir,
    cluster: Cluster,
    load: Load,
    pids: Vec<u32>,
    _component: Component,
}

impl Rotation {
    fn start(algorithm: Algorithm) -> Self {
        let component = Component::start("shop").unwrap();
        let made = TlsDir::generate(algorithm).unwrap();
        let cluster = Cluster::tls(&["ada", "ben", "cleo"], &made, |setup| match setup.name() {
            "cleo" => setup.component("shop", &component.url()),
            _ => setup,
        })
        .unwrap();
        let load = Load::start(&format!("{}/shop/cart", cluster.nodes[0].gateway()), 4);
        load.goes_on(SOME).unwrap();
        let pids = cluster.nodes.iter().map(|node| node.pid()).collect();
        Self { made, cluster, load, pids, _component: component }
    }

    /// Rotates the keys of one node after the other, in this order.
    fn rotate(&self, order: [usize; 3]) {
        let Self { made, cluster, load, .. } = self;
        let old = made.copy().unwrap();
        made.rotate().unwrap();
        let active = made.fingerprint("server_a").unwrap();
        for index in order {
            let (node, keys) = (&cluster.nodes[index], &cluster.keys[index]);
            let mark = node.mark();
            keys.rotate_like(made).unwrap();
            node.wait_for_log_after(mark, "the keyring changed").unwrap();
            // All nodes learn of it, and the load goes on meanwhile.
            for other in &cluster.nodes {
                eventually(|| {
                    let member = other.ctl().node(node.name())?;
                    ensure!(member.active_key.as_ref() == Some(&active), "{} knows {member:?}", other.name());
                    Ok(())
                })
                .unwrap();
            }
            load.goes_on(SOME).unwrap();
        }
        self.refuses(&old, "server_c");
        cluster.is_whole().unwrap();
    }

    /// A certificate that left the directories does not get in any more; one that stayed does.
    fn refuses(&self, old: &TlsDir, stem: &str) {
        let fingerprint = old.fingerprint(stem).unwrap();
        for (node, keys) in self.cluster.nodes.iter().zip(&self.cluster.keys) {
            let port = node.private().port();
            let ask = |whose: &TlsDir, stem: &str| -> anyhow::Result<Answer> {
                Curl::get(&format!("https://{SERVER_NAME}:{port}/_mael_health_check"))
                    .trusting(keys, "server_a", port)
                    .certificate(whose, stem)
                    .send()
            };
            assert_eq!(ask(keys, "server_c").unwrap().status, 200);
            let mark = node.mark();
            assert!(ask(old, stem).is_err(), "{} still trusts the old {stem}", node.name());
            let line = node.wait_for_log_after(mark, "is not trusted here").unwrap();
            assert!(line.contains(&fingerprint), "{line} is not about {fingerprint}");
        }
    }

    /// On every link of every node, also those that drain, the peer has proved this key in the end.
    fn shows_on_every_link(&self, key: &str) {
        for node in &self.cluster.nodes {
            eventually(|| {
                let answer = node.ctl().json(&["cluster", "links"])?;
                let links = answer["links"].as_array().context("links")?;
                ensure!(links.len() >= 2 && links.iter().all(|link| link["peerKey"] == key), "{answer}");
                Ok(())
            })
            .unwrap();
        }
    }

    /// Nothing was lost, and nobody was restarted.
    fn finish(self) {
        let tally = self.load.stop();
        assert_eq!(tally.failed, 0, "{tally:?}");
        let pids: Vec<_> = self.cluster.nodes.iter().map(|node| node.pid()).collect();
        assert_eq!(pids, self.pids);
    }
}

#[test]
fn rsa_keys_are_rotated_twice_without_losing_a_request() {
    let rotation = Rotation::start(Algorithm::Rsa);
    rotation.rotate([0, 1, 2]);
    rotation.rotate([0, 1, 2]);
    rotation.finish();
}

#[test]
fn p256_keys_are_rotated_three_times_without_losing_a_request() {
    let rotation = Rotation::start(Algorithm::P256);
    // The order of nodes differs from the order in which they dialled each other.
    rotation.rotate([2, 1, 0]);
    rotation.rotate([2, 0, 1]);
    rotation.rotate([1, 2, 0]);
    rotation.finish();
}

#[test]
fn links_prove_the_new_key() {
    let rotation = Rotation::start(Algorithm::P256);
    let old = rotation.made.fingerprint("server_a").unwrap();
    rotation.shows_on_every_link(&old);
    rotation.rotate([0, 1, 2]);
    let new = rotation.made.fingerprint("server_a").unwrap();
    assert_ne!(new, old);
    rotation.shows_on_every_link(&new);
    rotation.finish();
}
