//! Runs tasks, and sleeps when none can run.
//!
//! embassy's own thread executor sleeps with WFE. QEMU treats that as "do nothing" and takes 88 % of a host core, with this loop
//! 4 %. An RP2350 does not sleep on it either.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use critical_section::Mutex;
use embassy_executor::{Spawner, raw};
use embassy_time::{Duration, Instant};
use static_cell::StaticCell;

static WOKEN: AtomicBool = AtomicBool::new(false);
static SLEPT: Mutex<Cell<Duration>> = Mutex::new(Cell::new(Duration::MIN));

/// Runs `init`, then the tasks that it spawned, for ever. A second call panics.
pub fn run(init: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor: &'static raw::Executor = EXECUTOR.init_with(|| raw::Executor::new(core::ptr::null_mut()));
    init(executor.spawner());
    loop {
        // SAFETY: this is the only place that polls, in thread mode, and it does not call itself.
        unsafe { executor.poll() };
        // With interrupts held back, a wake-up cannot slip in between the test and the sleep: a pending interrupt ends
        // the sleep, and its handler runs when the critical section ends.
        critical_section::with(|cs| {
            // Not swapped: some processors have no such instruction, and nothing runs in between.
            if WOKEN.load(Ordering::Relaxed) {
                WOKEN.store(false, Ordering::Relaxed);
                return;
            }
            let before = Instant::now();
            wait_for_interrupt();
            let slept = SLEPT.borrow(cs);
            slept.set(slept.get() + before.elapsed());
        });
    }
}

/// Microseconds since start in which the processor was not asleep. With QEMU's `-icount shift=0` one microsecond is a
/// thousand instructions.
pub fn busy_micros() -> u64 {
    let slept = critical_section::with(|cs| SLEPT.borrow(cs).get());
    Instant::now().as_micros() - slept.as_micros()
}

#[cfg(target_arch = "arm")]
fn wait_for_interrupt() {
    cortex_m::asm::wfi();
}

#[cfg(target_arch = "riscv32")]
fn wait_for_interrupt() {
    riscv::asm::wfi();
}

/// Called by the executor, in any context, when a task has become ready.
// SAFETY: the executor declares this symbol with this signature, and nobody else defines it.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    WOKEN.store(true, Ordering::Relaxed);
}
