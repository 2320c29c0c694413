//! The leaf comes back: after its cable was pulled, after the daemon died.

use anyhow::ensure;
use node_tests::wait::eventually;

use crate::world::{BOARD, World};

/// Waits until the board knows that it has no link.
fn is_alone(world: &World) {
    eventually(|| {
        ensure!(world.board.links() == 0, "the board still believes in its link");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_leaf_comes_back_when_its_cable_is_plugged_again() {
    let world = World::start();
    let id = world.ctl().node(BOARD).unwrap().node_id;
    world.board.plug(false);
    is_alone(&world);
    eventually(|| world.ctl().sees(BOARD, "down")).unwrap();
    world.board.plug(true);
    world.works();
    assert_eq!(world.ctl().node(BOARD).unwrap().node_id, id, "it is the same node");
}

#[test]
fn a_leaf_comes_back_when_its_daemon_was_killed_and_started_again() {
    let mut world = World::start();
    world.daemon.kill();
    is_alone(&world);
    world.daemon.restart().unwrap();
    world.works();
}
