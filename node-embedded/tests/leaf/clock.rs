//! Virtual time: when all tasks wait, it jumps to the next timer. No test sleeps.
//!
//! Every test runs in its own thread, and every thread has its own time.

use core::cell::RefCell;
use core::future::Future;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;
use std::thread_local;
use std::vec::Vec;

use embassy_time_driver::Driver;

#[derive(Default)]
struct Clock {
    micros: u64,
    timers: Vec<(u64, Waker)>,
}

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

struct Virtual;

embassy_time_driver::time_driver_impl!(static DRIVER: Virtual = Virtual);

impl Driver for Virtual {
    fn now(&self) -> u64 {
        CLOCK.with_borrow(|clock| clock.micros)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        CLOCK.with_borrow_mut(|clock| {
            match clock.timers.iter_mut().find(|(_, other)| other.will_wake(waker)) {
                Some((earlier, _)) => *earlier = at.min(*earlier),
                None => clock.timers.push((at, waker.clone())),
            }
        });
    }
}

/// Lets time jump to the next timer.
fn advance() {
    let due = CLOCK.with_borrow_mut(|clock| {
        let next = clock.timers.iter().map(|(at, _)| *at).min().expect("everybody waits for ever");
        clock.micros = clock.micros.max(next);
        let now = clock.micros;
        let (due, later) = core::mem::take(&mut clock.timers).into_iter().partition(|(at, _)| *at <= now);
        clock.timers = later;
        due
    });
    due.into_iter().for_each(|(_, waker): (u64, Waker)| waker.wake());
}

/// Whether a task wants to be polled.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A future with a waker of its own. Waking one future does not wake the others.
struct Woken<F> {
    future: F,
    flag: Arc<Flag>,
}

impl<F> Woken<F> {
    fn new(future: F) -> Self {
        Self { future, flag: Arc::new(Flag(AtomicBool::new(true))) }
    }

    /// Polls the future if it was woken. Returns whether it was, and its result.
    fn poll<T>(&mut self, poll: impl FnOnce(&mut F, &mut Context<'_>) -> Poll<T>) -> (bool, Poll<T>) {
        if !self.flag.0.swap(false, Ordering::Relaxed) {
            return (false, Poll::Pending);
        }
        let waker = Waker::from(self.flag.clone());
        (true, poll(&mut self.future, &mut Context::from_waker(&waker)))
    }
}

/// Runs `test` to its end, and `tasks` beside it.
///
/// # Panics
/// After an hour, or when time does not pass.
pub fn run<T>(tasks: Vec<Pin<Box<dyn Future<Output = ()>>>>, test: impl Future<Output = T>) -> T {
    let mut tasks: Vec<_> = tasks.into_iter().map(Woken::new).collect();
    let test = pin!(test);
    let mut test = Woken::new(test);
    let mut turns = 0;
    loop {
        let mut busy = false;
        tasks.retain_mut(|task| {
            let (woken, result) = task.poll(|task, cx| task.as_mut().poll(cx));
            busy |= woken;
            result.is_pending()
        });
        let (woken, result) = test.poll(|test, cx| test.as_mut().poll(cx));
        if let Poll::Ready(result) = result {
            return result;
        }
        turns += 1;
        assert!(turns < 10_000, "everybody is busy for ever");
        if !busy && !woken {
            turns = 0;
            advance();
            assert!(CLOCK.with_borrow(|clock| clock.micros) < 3_600_000_000, "the test never ends");
        }
    }
}
