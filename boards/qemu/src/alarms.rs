//! The times at which tasks wait to be woken, for the clock of a machine.

use core::cell::RefCell;
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time::{Instant, TICK_HZ};
use embassy_time_queue_utils::Queue;

/// Longest sleep, in ticks: 5 ms. QEMU serves its user-mode network only when its main loop wakes: a longer
/// sleep would delay the guest's connections by up to a second.
const LONGEST_SLEEP: u64 = TICK_HZ / 200;

/// The alarms of a clock.
pub struct Alarms {
    queue: Mutex<RefCell<Queue>>,
    set: fn(u32),
}

impl Alarms {
    /// No alarms. `set` makes the clock call [`ring`](Self::ring) after so many ticks, at most 5 ms, and never sooner.
    pub const fn new(set: fn(u32)) -> Self {
        Self { queue: Mutex::new(RefCell::new(Queue::new())), set }
    }

    /// Wakes a task at this tick.
    pub fn schedule(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            if self.queue.borrow_ref_mut(cs).schedule_wake(at, waker) {
                self.set_next(cs);
            }
        });
    }

    /// Wakes the tasks whose time has come, and sets the next alarm. The first call starts the alarms.
    pub fn ring(&self) {
        critical_section::with(|cs| self.set_next(cs));
    }

    fn set_next(&self, cs: CriticalSection<'_>) {
        let mut queue = self.queue.borrow_ref_mut(cs);
        loop {
            let next = queue.next_expiration(Instant::now().as_ticks());
            let sleep = next.saturating_sub(Instant::now().as_ticks()).min(LONGEST_SLEEP);
            if let Ok(sleep @ 1..) = u32::try_from(sleep) {
                return (self.set)(sleep);
            }
        }
    }
}
