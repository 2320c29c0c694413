//! Keys change while requests flow in both directions, and none is lost.

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use node_tests::load::Load;
use node_tests::wait::eventually;

use crate::host::Asking;
use crate::world::{BOARD, HUB_ECHO, World};

/// Between two requests of a client.
const PERIOD: Duration = Duration::from_millis(25);
/// Requests that must be answered between two rotations.
const SOME: u64 = 50;

/// A world under load.
struct Rotation {
    world: World,
    down: Load,
    up: Asking,
}

impl Rotation {
    fn start() -> Self {
        let world = World::start();
        let down = Load::steady(&world.url(), 2, PERIOD);
        let up = world.board.ask(HUB_ECHO, PERIOD.try_into().unwrap());
        down.goes_on(SOME).unwrap();
        Self { world, down, up }
    }

    /// Waits until both have proved to each other the key that was made active, are known to use it, and the load has
    /// gone on.
    fn settle(&self) {
        let active = self.world.active();
        self.world.proves(&active, &active);
        for name in ["hub", BOARD] {
            eventually(|| {
                let node = self.world.ctl().node(name)?;
                ensure!(node.active_key.as_ref() == Some(&active), "{node:?}");
                Ok(())
            })
            .unwrap();
        }
        self.down.goes_on(SOME).unwrap();
    }

    /// Nothing was lost.
    fn finish(self) {
        let (down, up) = (self.down.stop(), self.up.stop().unwrap());
        assert_eq!((down.failed, up.failed), (0, 0), "{down:?} {up:?}");
        assert!(up.answered > 0, "the board asked");
        self.world.works();
    }
}

#[test]
fn keys_that_reach_leaf_and_daemon_in_the_same_instant_lose_no_request() {
    let rotation = Rotation::start();
    let world = &rotation.world;
    for _ in 0..3 {
        world.made.rotate().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| world.push());
            world.sync();
        });
        rotation.settle();
    }
    rotation.finish();
}

#[test]
fn keys_that_reach_the_leaf_first_lose_no_request() {
    let rotation = Rotation::start();
    let world = &rotation.world;
    for _ in 0..3 {
        let old = world.active();
        world.made.rotate().unwrap();
        world.push();
        world.proves(&old, &world.active());
        world.sync();
        // Without one more link, the next rotation would find one with a key of the daemon that the leaf trusts no more.
        rotation.settle();
    }
    rotation.finish();
}

#[test]
fn keys_that_reach_the_daemon_first_lose_no_request() {
    let rotation = Rotation::start();
    let world = &rotation.world;
    for _ in 0..3 {
        let old = world.active();
        world.made.rotate().unwrap();
        world.sync();
        world.proves(&world.active(), &old);
        world.push();
        rotation.settle();
    }
    rotation.finish();
}
