//! What a board counts.

use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::rpc::{Counters, Method, Response};
use node_embedded::Leaf;

use crate::board::{ECHO, board};
use crate::clock::run;
use crate::flash::Flash;
use crate::identity::{Identity, bundle};
use crate::world::{World, with_board, world};

async fn counters(world: &World, leaf: Leaf<'_>) -> Counters {
    let bytes = world.rpc(leaf, Method::Counters.number(), &[]).await;
    postcard::from_bytes::<Response<'_, Counters>>(&bytes).unwrap().unwrap()
}

#[test]
fn links_handshakes_and_dials_are_counted() {
    with_board(async |world, leaf| {
        let first = counters(world, leaf).await;
        let expected = Counters { starts: 1, handshakes: 1, links_up: 1, ..first };
        assert_eq!(first, Counters { links_down: 0, reconnects: 0, dials_failed: 0, ..expected });
        assert_eq!(first.handshakes_failed, 0);
        assert_eq!(first.stack_size, Some(4096));

        world.hub.switch(false);
        Timer::after_secs(60).await;
        world.hub.switch(true);
        leaf.linked().await;
        Timer::after_millis(100).await;
        let second = counters(world, leaf).await;
        assert_eq!((second.handshakes, second.links_up, second.links_down), (2, 2, 1));
        assert_eq!((second.reconnects, second.starts), (1, 1));
        // The hub took the connections, and closed them.
        assert!(second.handshakes_failed > 1, "{second:?}");
        assert!(second.dials_failed >= second.handshakes_failed, "{second:?}");

        world.network.plug(false);
        Timer::after_secs(60).await;
        world.network.plug(true);
        leaf.linked().await;
        Timer::after_millis(100).await;
        let third = counters(world, leaf).await;
        assert_eq!((third.handshakes, third.links_up, third.links_down, third.reconnects), (3, 3, 2, 2));
        // Nobody answered: those dials failed before a handshake.
        assert!(third.dials_failed > second.dials_failed, "{third:?}");
        assert_eq!(third.handshakes_failed, second.handshakes_failed);
    });
}

#[test]
fn requests_to_the_firmware_are_counted_and_built_in_methods_are_not() {
    with_board(async |world, leaf| {
        for path in ["/echo", "/nothing", "/fails"] {
            world.http(leaf, path, b"x").await.unwrap();
        }
        world.rpc(leaf, ECHO, b"back").await;
        world.rpc(leaf, Method::Ping.number(), b"").await;
        assert!(world.http(leaf, "/short", b"").await.is_err());
        let counted = counters(world, leaf).await;
        assert_eq!((counted.requests, counted.requests_failed), (4, 1));
    });
}

#[test]
fn starts_and_erases_are_counted_over_the_life_of_the_board() {
    let (world, tasks) = world();
    let flash = Flash::new();
    run(tasks, async {
        for start in 1..=3 {
            let before = flash.erased();
            let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
            let test = async {
                leaf.linked().await;
                for _ in 0..16 {
                    Timer::after_secs(3).await;
                    let next = bundle(&[&world.board_identity], &[&world.hub_identity, &Identity::new()]);
                    world.push(leaf, &next).await.unwrap();
                }
                let counted = counters(&world, leaf).await;
                assert!(flash.erased() > before, "the keyrings filled a page");
                assert_eq!((counted.starts, counted.pages_erased, counted.pages), (start, flash.erased(), 4));
            };
            select(test, task).await;
            // The hub sees that the link is gone.
            Timer::after_secs(30).await;
        }
    });
}
