//! The heartbeat by which a watchdog is fed.

use core::cell::Cell;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::rc::Rc;

use embassy_futures::block_on;
use embassy_futures::join::join_array;
use embassy_time::{Duration, Timer, with_timeout};
use node_core::link::Service;
use node_embedded::{Application, ExchangeError, Leaf, LeafResources, Parts, Reply, start};
use rand_core::OsRng;

use crate::board::settings;
use crate::clock::run;
use crate::flash::{self, Flash};
use crate::task::Task;
use crate::world::{World, world};

/// Asks for a heartbeat in the middle of a round of the runner.
#[derive(Clone, Default)]
struct Watch {
    leaf: Rc<Cell<Option<Leaf<'static>>>>,
    /// Rounds of the runner so far.
    rounds: Rc<Cell<usize>>,
    /// Rounds until the answer came.
    took: Rc<Cell<usize>>,
    /// The runner's task does not run.
    stands: Rc<Cell<bool>>,
    /// Wakes it when it runs again.
    waker: Rc<Cell<Option<Waker>>>,
}

impl Application for Watch {
    async fn call(&self, _: u16, _: &[u8], reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        let before = self.rounds.get();
        self.leaf.get().unwrap().heartbeat().await;
        self.took.set(self.rounds.get() - before);
        reply.ok(&()).await
    }
}

/// A board that counts the rounds of its runner.
fn board(world: &World, watch: &Watch) -> (Leaf<'static>, Task) {
    let parts = Parts {
        network: world.network.board,
        rng: OsRng,
        flash: Flash::new(),
        flash_range: flash::RANGE,
        application: watch.clone(),
    };
    let resources = Box::leak(Box::new(LeafResources::new()));
    let started = block_on(start(resources, settings(&world.keyring()), parts));
    let (leaf, mut runner) = started.unwrap_or_else(|error| panic!("{error}"));
    watch.leaf.set(Some(leaf));
    let mut task: Task = Box::pin(async move {
        runner.run().await;
    });
    let watch = watch.clone();
    let counted = poll_fn(move |cx| {
        if watch.stands.get() {
            watch.waker.set(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        watch.rounds.set(watch.rounds.get() + 1);
        task.as_mut().poll(cx)
    });
    (leaf, Box::pin(counted))
}

#[test]
fn a_node_answers_while_it_runs_and_only_then() {
    let (world, mut tasks) = world();
    let watch = Watch::default();
    let (leaf, task) = board(&world, &watch);
    tasks.push(task);
    run(tasks, async {
        leaf.linked().await;
        for _ in 0..10 {
            let beat = with_timeout(Duration::from_millis(1), leaf.heartbeat()).await;
            assert!(beat.is_ok(), "the node runs");
        }
        // As when a handler of the application keeps the processor.
        watch.stands.set(true);
        for _ in 0..3 {
            let beat = with_timeout(Duration::from_secs(5), leaf.heartbeat()).await;
            assert!(beat.is_err(), "the node stands still");
        }
        watch.stands.set(false);
        watch.waker.take().unwrap().wake();
        // Questions that were given up do no harm, and more tasks ask than have a place of their own.
        let beats: [_; 6] = core::array::from_fn(|_| leaf.heartbeat());
        assert!(with_timeout(Duration::from_millis(1), join_array(beats)).await.is_ok());
    });
}

#[test]
fn a_question_in_the_middle_of_a_round_is_answered_after_the_next_whole_one() {
    let (world, mut tasks) = world();
    let watch = Watch::default();
    let (leaf, task) = board(&world, &watch);
    tasks.push(task);
    run(tasks, async {
        leaf.linked().await;
        Timer::after_millis(100).await;
        world.hub.request(leaf.id(), Service::Rpc(0x1000), b"").await.unwrap();
        assert!(watch.took.get() >= 2, "{} rounds", watch.took.get());
    });
}
