//! Measures the stack. cortex-m-rt paints it before `main`: a word that has lost its paint was used.

use cortex_m_rt::STACK_PAINT_VALUE;

// SAFETY: memory.x defines both symbols. They mark addresses: `_stack_end` the lowest word of the stack,
// `_stack_start` the word behind its highest.
unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Size of the stack in bytes.
pub fn size() -> usize {
    (&raw const _stack_start as usize) - (&raw const _stack_end as usize)
}

/// Most bytes of it that have been in use at the same time since start.
pub fn used() -> usize {
    let words = size() / 4;
    let end = &raw const _stack_end;
    // SAFETY: every word from `_stack_end` up to `_stack_start` is memory of this machine, and holds a plain number,
    // painted or not.
    let painted = |word: &usize| unsafe { end.add(*word).read_volatile() } == STACK_PAINT_VALUE;
    let untouched = (0..words).take_while(painted).count();
    (words - untouched) * 4
}
