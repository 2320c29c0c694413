//! embassy-time on the core-local interruptor's timer, which counts up at 10 MHz.

use core::task::Waker;

use board_qemu::alarms::Alarms;
use board_qemu::register::Register;
use embassy_time_driver::{Driver, TICK_HZ};
use riscv::interrupt::Interrupt;

const COUNTS_PER_TICK: u64 = 10_000_000 / TICK_HZ;

const fn register(offset: usize) -> Register {
    // SAFETY: the machine maps the core-local interruptor here; it touches no memory.
    unsafe { Register::at(0x0200_0000 + offset) }
}

const COMPARE_LOW: Register = register(0x4000);
const COMPARE_HIGH: Register = register(0x4004);
const TIME_LOW: Register = register(0xbff8);
const TIME_HIGH: Register = register(0xbffc);

struct Clock {
    alarms: Alarms,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock { alarms: Alarms::new(set_alarm) });

/// Starts the alarms.
pub fn start() {
    CLOCK.alarms.ring();
    // SAFETY: no critical section relies on this interrupt being off: each turns off all of them.
    unsafe { riscv::register::mie::set_mtimer() };
}

fn counts() -> u64 {
    loop {
        let high = TIME_HIGH.read();
        let low = TIME_LOW.read();
        if TIME_HIGH.read() == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
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
    // From the start of this tick, so that the alarm does not come before its time.
    let at = (counts() / COUNTS_PER_TICK + u64::from(ticks)) * COUNTS_PER_TICK;
    // In this order no value in between lies in the past (privileged architecture, section 3.2.1).
    COMPARE_LOW.write(u32::MAX);
    COMPARE_HIGH.write((at >> 32) as u32);
    COMPARE_LOW.write(at as u32);
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn timer() {
    CLOCK.alarms.ring();
}
