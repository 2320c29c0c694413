//! A leaf that is not trusted does not get in, and disturbs no other.

use std::fs;

use anyhow::ensure;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::wait::eventually;

use crate::host::Board;
use crate::world::World;

#[test]
fn a_leaf_that_the_daemon_does_not_trust_is_let_in_only_when_its_certificate_is_there() {
    let world = World::start();
    // The leaf itself trusts the daemon.
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    fs::copy(world.made.file("server_a.crt"), keys.file("hub.hub.crt")).unwrap();
    let active = keys.fingerprint("server_a").unwrap();
    let untrusted = Board::start(world.daemon.private(), keys.bundle().unwrap());
    let id = untrusted.with(async |held| held.leaf.id().to_string());

    // It dials again and again, and the log names its certificate.
    let refused = format!("connection refused: TLS handshake: certificate {active}");
    for _ in 0..2 {
        let mark = world.daemon.mark();
        let line = world.daemon.wait_for_log_after(mark, &refused).unwrap();
        assert!(line.contains("is not trusted here"), "{line}");
    }
    assert_eq!(untrusted.links(), 0);
    let nodes = world.ctl().nodes().unwrap();
    assert!(nodes.iter().all(|node| node.node_id != id), "{nodes:?}");
    world.works();

    fs::copy(keys.file("server_a.crt"), world.keys.file("other.crt")).unwrap();
    eventually(|| {
        let nodes = world.ctl().nodes()?;
        let node = nodes.iter().find(|node| node.node_id == id);
        ensure!(node.is_some_and(|node| node.state == "alive" && node.linked), "{nodes:?}");
        Ok(())
    })
    .unwrap();
    assert_eq!(untrusted.links(), 1);
}
