//! embassy-time on the two CMSDK timers: timer 0 counts, timer 1 is the alarm.
//!
//! Both run down from their reload value with the machine's clock. Source: Arm Cortex-M System Design Kit, "APB timer".

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m_rt::interrupt;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;

use crate::interrupts::{self, Interrupt, Interrupt as interrupt};
use crate::machine;
use crate::register::Register;

const COUNTS_PER_TICK: u64 = machine::CLOCK_HZ / TICK_HZ;

/// Longest sleep, in ticks: 5 ms. QEMU serves its user-mode network only when its main loop wakes: a longer
/// sleep would delay the guest's connections by up to a second.
const LONGEST_SLEEP: u64 = TICK_HZ / 200;

const RUN: u32 = 1 | 1 << 3; // enabled, interrupt at zero

struct Timer {
    control: Register,
    value: Register,
    reload: Register,
    interrupt: Register, // reads 1 when it is pending, cleared by writing 1
}

impl Timer {
    const fn at(base: usize) -> Self {
        assert!(base == 0x4000_0000 || base == 0x4000_1000);
        // SAFETY: the machine has a CMSDK timer at both addresses; it touches no memory.
        unsafe {
            Self {
                control: Register::at(base),
                value: Register::at(base + 4),
                reload: Register::at(base + 8),
                interrupt: Register::at(base + 12),
            }
        }
    }

    fn start(&self, counts: u32) {
        self.control.write(0);
        self.interrupt.write(1);
        self.reload.write(counts);
        self.value.write(counts);
        self.control.write(RUN);
    }
}

const COUNTER: Timer = Timer::at(0x4000_0000);
const ALARM: Timer = Timer::at(0x4000_1000);

struct Clock {
    /// Times that the counter passed zero, which it does about every three minutes.
    wraps: Mutex<Cell<u32>>,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    wraps: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Starts the clock. Until then the time is zero.
pub fn start() {
    COUNTER.start(u32::MAX);
    interrupts::enable(Interrupt::TIMER0);
    interrupts::enable(Interrupt::TIMER1);
    critical_section::with(|cs| CLOCK.set_alarm(cs));
}

/// Counts since [`start`].
fn counts() -> u64 {
    critical_section::with(|cs| {
        let wraps = CLOCK.wraps.borrow(cs).get();
        let low = !COUNTER.value.read();
        if COUNTER.interrupt.read() == 0 {
            return u64::from(wraps) << 32 | u64::from(low);
        }
        // It passed zero and the handler has not run: `low` may be from before or after, so read it again.
        let low = !COUNTER.value.read();
        (u64::from(wraps) + 1) << 32 | u64::from(low)
    })
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        counts() / COUNTS_PER_TICK
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            if self.queue.borrow_ref_mut(cs).schedule_wake(at, waker) {
                self.set_alarm(cs);
            }
        });
    }
}

impl Clock {
    /// Wakes the tasks whose time has come, and sets the alarm for the next one.
    fn set_alarm(&self, cs: CriticalSection<'_>) {
        let mut queue = self.queue.borrow_ref_mut(cs);
        loop {
            let next = queue.next_expiration(self.now());
            let sleep = next.saturating_sub(self.now()).min(LONGEST_SLEEP);
            if sleep > 0 {
                // At most 5 ms, which fits in 32 bits.
                return ALARM.start((sleep * COUNTS_PER_TICK) as u32);
            }
        }
    }
}

#[interrupt]
fn TIMER0() {
    critical_section::with(|cs| {
        COUNTER.interrupt.write(1);
        let wraps = CLOCK.wraps.borrow(cs);
        wraps.set(wraps.get().wrapping_add(1));
    });
}

#[interrupt]
fn TIMER1() {
    critical_section::with(|cs| CLOCK.set_alarm(cs));
}
