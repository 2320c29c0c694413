//! A leaf that sleeps is not suspected, and requests to it wait.

use std::thread;

use anyhow::ensure;
use node_tests::wait::eventually;

use crate::world::{BOARD, World};

#[test]
fn a_request_to_a_leaf_that_sleeps_waits_until_it_wakes() {
    let world = World::start();
    // `sleep` returns when the daemon knows.
    world.board.with(async |held| held.leaf.sleep(600).await.unwrap());
    eventually(|| {
        let board = world.ctl().node(BOARD)?;
        ensure!(board.asleep && !board.linked && board.state == "alive", "{board:?}");
        Ok(())
    })
    .unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| world.echoes(b"wait for me"));
        // Other requests are answered meanwhile.
        for _ in 0..3 {
            world.ctl().node(BOARD).unwrap();
        }
        assert!(!waiting.is_finished(), "{:?}", waiting.join());
        world.board.with(async |held| held.leaf.wake().unwrap());
        waiting.join().unwrap().unwrap();
    });
    world.works();
}
