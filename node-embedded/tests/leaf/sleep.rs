//! What a board costs that is linked, and one that sleeps; and deep sleep, with all state in flash.

use core::cell::RefCell;
use core::future::poll_fn;
use std::collections::BTreeSet;
use std::rc::Rc;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use node_core::gossip::State;
use node_embedded::Leaf;

use crate::board::board;
use crate::cable::CARRIED;
use crate::clock::run;
use crate::flash::Flash;
use crate::task::Task;
use crate::world::world;

/// The moments at which a board's processor ran.
type Moments = Rc<RefCell<BTreeSet<u64>>>;

/// A task of the board: it notes when it runs.
fn noted(mut task: Task, moments: &Moments) -> Task {
    let moments = moments.clone();
    Box::pin(poll_fn(move |cx| {
        moments.borrow_mut().insert(Instant::now().as_micros());
        task.as_mut().poll(cx)
    }))
}

/// Bytes on the cable, and wake-ups of the board, that 20 minutes cost in which it does `life`.
fn twenty_minutes(life: impl AsyncFn(Leaf<'static>)) -> (u64, usize) {
    let (world, mut tasks) = world();
    let moments = Moments::default();
    // The first task is the board's network.
    let network = tasks.remove(0);
    tasks.push(noted(network, &moments));
    run(tasks, async {
        let (leaf, task) = board(&world.network, Flash::new(), &world.keyring()).await;
        let test = async {
            leaf.linked().await;
            Timer::after_secs(60).await;
            moments.borrow_mut().clear();
            let before = CARRIED.get();
            let forever = async {
                loop {
                    life(leaf).await;
                }
            };
            let over = with_timeout(Duration::from_secs(1200), forever).await;
            assert!(over.is_err(), "{over:?}");
            (CARRIED.get() - before, moments.borrow().len())
        };
        match select(test, noted(task, &moments)).await {
            Either::First(cost) => cost,
            Either::Second(()) => unreachable!("a board runs for ever"),
        }
    })
}

/// The figures of `boards/README.md`.
#[test]
fn sleep_saves_bytes_and_wake_ups() {
    let (idle_bytes, idle_wakes) = twenty_minutes(async |_| core::future::pending().await);
    let (asleep_bytes, asleep_wakes) = twenty_minutes(async |leaf| {
        leaf.sleep(310).await.unwrap();
        Timer::after_secs(300).await;
        leaf.wake().unwrap();
        leaf.linked().await;
    });
    println!("an hour linked: {} bytes, {} wake-ups", 3 * idle_bytes, 3 * idle_wakes);
    println!(
        "an hour, asleep for 5 minutes at a time: {} bytes, {} wake-ups",
        3 * asleep_bytes,
        3 * asleep_wakes
    );
    assert!(asleep_bytes < idle_bytes / 2, "{asleep_bytes} {idle_bytes}");
    assert!(asleep_wakes < idle_wakes / 2, "{asleep_wakes} {idle_wakes}");
}

#[test]
fn a_board_in_deep_sleep_is_not_suspected_and_comes_back_from_flash() {
    let (world, tasks) = world();
    let flash = Flash::new();
    run(tasks, async {
        let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
        let id = leaf.id();
        let known = || world.hub.member(id, |member| (member.record.state, member.asleep));
        let fall_asleep = async {
            leaf.linked().await;
            Timer::after_secs(1).await;
            leaf.sleep(600).await.unwrap();
        };
        // The power of all but the flash is off from here on.
        select(fall_asleep, task).await;
        for _ in 0..5 {
            Timer::after_secs(100).await;
            assert_eq!(known(), Some((State::Alive, true)));
        }
        let (leaf, task) = board(&world.network, flash.copy(), &[]).await;
        let test = async {
            let linked = with_timeout(Duration::from_secs(1), leaf.linked()).await;
            assert!(linked.is_ok(), "it links at once");
            Timer::after_secs(1).await;
            assert_eq!((leaf.id(), known()), (id, Some((State::Alive, false))));
            assert_eq!(world.http(leaf, "/echo", b"awake").await, Ok((200, b"awake".to_vec())));
            assert_eq!(world.hub.shown().len(), 2, "one handshake for each start");
        };
        select(test, task).await;
    });
}
