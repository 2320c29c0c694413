//! Boards that lose their hub at the same moment do not come back at the same moments.

use core::pin::pin;

use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_time::{Instant, Timer};
use node_embedded::{Leaf, LinkEvent};

use crate::board::board;
use crate::clock::run;
use crate::flash::Flash;
use crate::world::world;

/// The times of the dials to the hub in the next seconds, in milliseconds.
async fn dials(leaf: Leaf<'_>, seconds: u64) -> Vec<u64> {
    let mut times = Vec::new();
    let mut time = pin!(Timer::after_secs(seconds));
    while let Either::First(event) = select(leaf.next_event(), time.as_mut()).await {
        if let LinkEvent::DialFailed { address, .. } = event
            && address == "10.0.0.2:8374"
        {
            times.push(Instant::now().as_millis());
        }
    }
    times
}

#[test]
fn two_boards_do_not_redial_in_step() {
    let (world, tasks) = world();
    run(tasks, async {
        let keyring = world.keyring();
        let (first, first_task) = board(&world.network, Flash::new(), &keyring).await;
        let (second, second_task) = board(&world.network, Flash::new(), &keyring).await;
        let test = async {
            join(first.linked(), second.linked()).await;
            Timer::after_secs(1).await;
            world.hub.switch(false);
            let (first, second) = join(dials(first, 200), dials(second, 200)).await;
            // Both dial at once when the link is lost, and half a second later. By then their ways part.
            let late = |time: &&u64| **time > 4000;
            let in_step = |time: &&u64| second.iter().any(|other| other.abs_diff(**time) < 20);
            let (dials, in_step) =
                (first.iter().filter(late).count(), first.iter().filter(late).filter(in_step).count());
            assert!(dials >= 8 && in_step <= dials / 3, "{in_step} of {dials}: {first:?} {second:?}");
        };
        select(test, join(first_task, second_task)).await;
    });
}
