//! Hubs with real TLS and the wrong certificate, boards without the right one, and the board's idea of the time.

use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::time::{Duration, TimeSource, UnixTime};

use crate::board::{BUILT, board};
use crate::clock::run;
use crate::flash::Flash;
use crate::identity::{Identity, bundle};
use crate::world::{with_board, world};

/// Links that came up in 20 seconds with a hub that shows `shown` and a board that trusts `trusted`.
fn links(shown: &Identity, trusted: &Identity) -> usize {
    let (world, tasks) = world();
    world.hub.configure(shown, world.trusted.clone());
    let keyring = bundle(&[&world.board_identity], &[trusted]);
    run(tasks, async {
        let (_leaf, task) = board(&world.network, Flash::new(), &keyring).await;
        select(Timer::after_secs(20), task).await;
    });
    world.hub.shown().len()
}

#[test]
fn a_trusted_hub_gets_a_link() {
    let hub = Identity::new();
    assert_eq!(links(&hub, &hub), 1);
}

#[test]
fn an_unknown_hub_gets_no_link() {
    assert_eq!(links(&Identity::new(), &Identity::new()), 0);
}

#[test]
fn a_certificate_signed_by_a_trusted_one_is_not_trusted() {
    let trusted = Identity::new();
    assert_eq!(links(&trusted.issue(), &trusted), 0);
}

#[test]
fn a_hub_whose_certificate_expired_before_the_build_gets_no_link() {
    let hub = Identity::until(2021);
    assert_eq!(links(&hub, &hub), 0);
}

#[test]
fn a_hub_that_does_not_trust_the_board_gets_no_link() {
    let (world, tasks) = world();
    world.trusted.lock().unwrap().clear();
    run(tasks, async {
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        select(Timer::after_secs(20), task).await;
        assert_eq!((leaf.links(), world.hub.shown().len()), (0, 0));
    });
}

#[test]
fn the_board_learns_the_time_from_hubs_that_it_trusts() {
    let brief = Identity::until(2030);
    with_board(async |world, leaf| {
        // To the board both certificates are valid; the next hello brings a later time.
        world.hub.tell_time(BUILT + 5 * 365 * 24 * 3600);
        let keyring = bundle(&[&world.board_identity], &[&world.hub_identity, &brief]);
        world.push(leaf, &keyring).await.unwrap();
        // One more link tells the later time.
        world.hub.switch(false);
        Timer::after_secs(1).await;
        world.hub.switch(true);
        leaf.linked().await;
        // Now the board knows that it is 2031.
        world.hub.configure(&brief, world.trusted.clone());
        world.hub.switch(false);
        Timer::after_secs(1).await;
        world.hub.switch(true);
        Timer::after_secs(30).await;
        assert_eq!(leaf.links(), 0);
    });
}

#[test]
fn the_firmware_reads_the_time_and_where_it_comes_from() {
    const YEAR: u64 = 365 * 24 * 3600;
    let (world, tasks) = world();
    world.hub.tell_time(BUILT + YEAR);
    run(tasks, async {
        world.hub.switch(false);
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let test = async {
            Timer::after_secs(100).await;
            let floor = leaf.clock();
            assert_eq!((floor.time, floor.source), (UnixTime(BUILT + 100), TimeSource::Floor));
            world.hub.switch(true);
            leaf.linked().await;
            let heard = leaf.clock();
            let age = Duration::ZERO;
            assert_eq!((heard.time, heard.source), (UnixTime(BUILT + YEAR), TimeSource::Peer { age }));
            world.hub.switch(false);
            Timer::after_secs(100).await;
            let later = leaf.clock();
            let age = Duration::from_secs(100);
            assert_eq!((later.time, later.source), (UnixTime(BUILT + YEAR + 100), TimeSource::Peer { age }));
        };
        select(test, task).await;
    });
}

#[test]
fn a_link_ends_when_the_certificate_of_its_hub_expires() {
    let (mut world, tasks) = world();
    world.hub_identity = Identity::until(2030);
    world.hub.configure(&world.hub_identity, world.trusted.clone());
    // 2029-12-31T23:59:00Z.
    world.hub.tell_time(1_893_455_940);
    run(tasks, async {
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let test = async {
            leaf.linked().await;
            Timer::after_secs(50).await;
            assert_eq!(leaf.links(), 1);
            Timer::after_secs(30).await;
            assert_eq!((leaf.links(), world.hub.links()), (0, 0));
        };
        select(test, task).await;
    });
}

#[test]
fn no_hub_can_move_the_boards_clock_past_its_own_certificate() {
    with_board(async |world, leaf| {
        world.hub.tell_time(u64::MAX);
        world.hub.switch(false);
        Timer::after_secs(1).await;
        world.hub.switch(true);
        leaf.linked().await;
        world.hub.switch(false);
        Timer::after_secs(1).await;
        world.hub.switch(true);
        leaf.linked().await;
    });
}
