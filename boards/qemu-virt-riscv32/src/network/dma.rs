//! Memory that the processor and a virtio device share.

use core::cell::Cell;
use core::ptr::NonNull;

use critical_section::Mutex;
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// Two queues, each with a part for the processor and one for the device.
const PAGES: usize = 4;

#[repr(align(4096))]
#[expect(dead_code, reason = "only its address is used")]
struct Memory([u8; PAGES * PAGE_SIZE]);

static mut MEMORY: Memory = Memory([0; PAGES * PAGE_SIZE]);
static TAKEN: Mutex<Cell<usize>> = Mutex::new(Cell::new(0));

/// The pages, each given out once. Addresses are the same for both sides.
pub struct Pool;

// SAFETY: each page is zeroed, aligned, static, and given out to one owner; the machine has no other addresses for devices.
unsafe impl Hal for Pool {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let first = critical_section::with(|cs| {
            let taken = TAKEN.borrow(cs);
            taken.replace(taken.get() + pages)
        });
        if first + pages > PAGES {
            // The driver takes this address as a failure.
            return (0, NonNull::dangling());
        }
        let start = (&raw mut MEMORY).cast::<u8>().wrapping_add(first * PAGE_SIZE);
        (start.expose_provenance() as PhysAddr, NonNull::new(start).unwrap_or(NonNull::dangling()))
    }

    // SAFETY: it gives the pages to nobody else. The driver lives as long as the board.
    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    // SAFETY: the driver asks for addresses of devices of this machine, which are mapped as they are.
    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        let pointer = core::ptr::with_exposed_provenance_mut(address as usize);
        NonNull::new(pointer).unwrap_or(NonNull::dangling())
    }

    // SAFETY: the device sees each buffer where the processor does.
    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr().expose_provenance() as PhysAddr
    }

    // SAFETY: nothing was copied for the device.
    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
