//! The heap of a firmware that has no other one.

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering};

use embedded_alloc::LlffHeap;

use super::SIZE;

static mut MEMORY: [MaybeUninit<u8>; SIZE] = [MaybeUninit::uninit(); SIZE];

#[global_allocator]
static HEAP: Counted =
    Counted { heap: LlffHeap::empty(), used: AtomicUsize::new(0), most: AtomicUsize::new(0) };

/// A heap, and how much of it is and was in use.
struct Counted {
    heap: LlffHeap,
    used: AtomicUsize,
    most: AtomicUsize,
}

/// Lends the heap its memory. Call it once, before the node starts.
pub fn init() {
    // SAFETY: this is the only use of the memory, and the node starts once.
    unsafe { HEAP.heap.init(&raw mut MEMORY as usize, SIZE) };
}

/// Most bytes that have been in use at the same time since start.
pub fn high_water() -> usize {
    HEAP.most.load(Ordering::Relaxed)
}

// SAFETY: `LlffHeap` is an allocator, and each call goes to it as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the rules of `alloc`.
        let place = unsafe { self.heap.alloc(layout) };
        if !place.is_null() {
            let used = self.used.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
            self.most.fetch_max(used, Ordering::Relaxed);
        }
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        self.used.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `dealloc`.
        unsafe { self.heap.dealloc(place, layout) };
    }
}
