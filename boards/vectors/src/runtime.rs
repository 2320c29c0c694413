//! What the tests need of a machine: memory from a heap, a start, and an end.

use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use defmt::{Display2Format, error};
use defmt_semihosting as _;
use embedded_alloc::LlffHeap;
#[cfg(target_arch = "riscv32")]
use riscv as _;
use semihosting::process;

/// Bytes of the heap. What the tests leak is in it, too.
const HEAP_SIZE: usize = 1 << 20;

static mut MEMORY: [MaybeUninit<u8>; HEAP_SIZE] = [MaybeUninit::uninit(); HEAP_SIZE];

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    // SAFETY: this is the only use of the memory, and happens once.
    unsafe { HEAP.init(&raw mut MEMORY as usize, HEAP_SIZE) };
    #[cfg(target_arch = "arm")]
    if let Some(parts) = cortex_m::Peripherals::take() {
        crate::cost::log(parts.SYST);
    }
    crate::run();
    process::exit(0)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    error!("{}", Display2Format(info));
    process::exit(1)
}
