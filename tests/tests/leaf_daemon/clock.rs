//! Time for embassy that passes as it does for a daemon. The crate's own feature for that would give it to every test
//! that is built along with this one, virtual time or not.

use core::task::Waker;
use core::time::Duration;
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Instant;

use embassy_time_driver::{Driver, TICK_HZ};

const _: () = assert!(TICK_HZ == 1_000_000, "a tick is a microsecond");

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The wakers and their times.
type Alarm = (u64, Waker);

static ALARMS: LazyLock<Sender<Alarm>> = LazyLock::new(|| {
    let (sender, alarms) = mpsc::channel();
    thread::spawn(move || ring(&alarms));
    sender
});

struct Real;

embassy_time_driver::time_driver_impl!(static DRIVER: Real = Real);

impl Driver for Real {
    fn now(&self) -> u64 {
        u64::try_from(START.elapsed().as_micros()).unwrap()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        ALARMS.send((at, waker.clone())).unwrap();
    }
}

/// Wakes them all, each at its time.
fn ring(alarms: &Receiver<Alarm>) {
    let mut waiting: Vec<Alarm> = Vec::new();
    loop {
        let next = waiting.iter().map(|(at, _)| at.saturating_sub(DRIVER.now())).min();
        match alarms.recv_timeout(next.map_or(Duration::MAX, Duration::from_micros)) {
            Ok((at, waker)) => match waiting.iter_mut().find(|(_, other)| other.will_wake(&waker)) {
                Some((earlier, _)) => *earlier = at.min(*earlier),
                None => waiting.push((at, waker)),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = DRIVER.now();
        waiting.extract_if(.., |(at, _)| *at <= now).for_each(|(_, waker)| waker.wake());
    }
}
