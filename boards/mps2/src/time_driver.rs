//! embassy-time on the two CMSDK timers: timer 0 counts, timer 1 is the alarm.
//!
//! Both run down from their reload value with the machine's clock. Source: Arm Cortex-M System Design Kit, "APB timer".

use core::cell::Cell;
use core::task::Waker;

use board_qemu::alarms::Alarms;
use board_qemu::register::Register;
use cortex_m_rt::interrupt;
use critical_section::Mutex;
use embassy_time_driver::{Driver, TICK_HZ};

use crate::interrupts::{self, Interrupt, Interrupt as interrupt};
use crate::machine;

const COUNTS_PER_TICK: u64 = machine::CLOCK_HZ / TICK_HZ;

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
    alarms: Alarms,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    wraps: Mutex::new(Cell::new(0)),
    alarms: Alarms::new(set_alarm),
});

/// Starts the clock. Until then the time is zero.
pub fn start() {
    COUNTER.start(u32::MAX);
    interrupts::enable(Interrupt::TIMER0);
    interrupts::enable(Interrupt::TIMER1);
    CLOCK.alarms.ring();
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
        self.alarms.schedule(at, waker);
    }
}

fn set_alarm(ticks: u32) {
    ALARM.start(ticks.saturating_mul(COUNTS_PER_TICK as u32));
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
    CLOCK.alarms.ring();
}
