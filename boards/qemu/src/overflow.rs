//! Overflows the stack, for the test of what guards it.

use core::hint::black_box;

/// Words of each frame: more than what is left of the stack when a fault counts as its overflow.
const FRAME: usize = 512;

/// Calls itself until the stack is used up.
#[inline(never)]
pub fn descend(depth: u32) -> u32 {
    let frame = black_box([depth; FRAME]);
    // The compiler must not see that this never ends.
    let deeper = black_box(descend as fn(u32) -> u32);
    deeper(depth.wrapping_add(1)).wrapping_add(black_box(frame).iter().sum())
}
