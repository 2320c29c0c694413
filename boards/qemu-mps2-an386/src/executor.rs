//! Runs tasks, and sleeps when none can run.
//!
//! embassy's own thread executor sleeps with WFE, which QEMU treats as "do nothing": it takes 88 % of a host core, this
//! loop 4 %.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use critical_section::Mutex;
use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

use crate::time_driver;

static WOKEN: AtomicBool = AtomicBool::new(false);
static SLEPT: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

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
            if WOKEN.swap(false, Ordering::Relaxed) {
                return;
            }
            let before = time_driver::counts();
            cortex_m::asm::wfi();
            let slept = SLEPT.borrow(cs);
            slept.set(slept.get() + (time_driver::counts() - before));
        });
    }
}

/// Microseconds since start in which the processor was not asleep. With QEMU's `-icount shift=0` one microsecond is a
/// thousand instructions.
pub fn busy_micros() -> u64 {
    critical_section::with(|cs| time_driver::counts() - SLEPT.borrow(cs).get()) / 25
}

/// Called by the executor, in any context, when a task has become ready.
// SAFETY: the executor declares this symbol with this signature, and nobody else defines it.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    WOKEN.store(true, Ordering::Relaxed);
}
