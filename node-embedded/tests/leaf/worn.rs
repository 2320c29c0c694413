//! A flash that takes no more writes and erases while the node runs: the node goes on with what it has.

use embassy_futures::select::{Either, select};
use embassy_time::Timer;
use node_core::rpc::Code;
use node_embedded::StartError;
use rand_core::OsRng;

use crate::board::{board, settings, try_board};
use crate::clock::run;
use crate::faults::{apart, beats, is_back};
use crate::flash::Flash;
use crate::identity::{Identity, bundle};
use crate::world::world;

/// Sends a keyring to a board whose flash fails from an operation on. Returns whether all was written before.
fn takes_keys(is_trusted: bool, operation: usize) -> bool {
    let (world, tasks) = world();
    let (flash, next) = (Flash::new(), Identity::new());
    if is_trusted {
        world.trusted.lock().unwrap().push(next.certificate.clone());
    }
    let old = world.board_identity.fingerprint();
    run(tasks, async {
        let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            flash.fail_operations(operation..usize::MAX);
            let pushed = world.push(leaf, &bundle(&[&next], &[&world.hub_identity])).await;
            // Longer than a trial.
            Timer::after_secs(70).await;
            beats(leaf).await;
            is_back(&world, leaf).await;
            let is_taken = match pushed {
                Ok(_) => is_trusted,
                Err((code, message)) => {
                    assert_eq!(code, Code::Internal, "{message}");
                    false
                }
            };
            let active = leaf.active_key();
            assert_eq!(active, if is_taken { next.fingerprint() } else { old });
            active
        };
        let Either::First(active) = select(test, task).await else { unreachable!() };
        let wrote_all = flash.operations() <= operation;
        flash.fail_operations(0..usize::MAX);
        let refused = try_board(&world.network, flash.clone(), OsRng, settings(&[])).await.map(|_| ());
        assert!(matches!(refused, Err(StartError::Flash(_))), "{refused:?}");
        // The fault passes.
        let (leaf, task) = board(&world.network, flash.copy(), &[]).await;
        let test = async {
            // A trial that goes on ends.
            Timer::after_secs(if is_trusted { 5 } else { 70 }).await;
            is_back(&world, leaf).await;
            assert_eq!(leaf.active_key(), active, "the next start knows");
        };
        let Either::First(()) = select(test, task).await else { unreachable!() };
        wrote_all
    })
}

#[test]
fn a_flash_that_fails_at_any_operation_of_a_push_leaves_a_board_that_runs_and_starts_again() {
    for (is_trusted, step) in [(true, 1), (false, 4)] {
        let operations = (0..).step_by(step).find(|operation| {
            let operation = *operation;
            apart((is_trusted, operation), move || takes_keys(is_trusted, operation))
        });
        assert!(operations > Some(5), "{operations:?}");
    }
}
