//! Measures the stack. It is painted before `main`: a word that has lost its paint was used.

/// What each word of the stack holds until it is used. cortex-m-rt paints with it.
const PAINT: u32 = 0xcccc_cccc;

// SAFETY: the linker script of each board defines both symbols. They mark addresses: `_stack_end` the lowest word of the stack,
// `_stack_start` the word behind its highest.
unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The lowest address of the stack.
pub fn end() -> usize {
    &raw const _stack_end as usize
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
    let painted = |word: &usize| unsafe { end.add(*word).read_volatile() } == PAINT;
    let untouched = (0..words).take_while(painted).count();
    (words - untouched) * 4
}

/// The words of the stack in use, from `from` on, an address in it.
pub(crate) fn words(from: usize) -> impl Iterator<Item = u32> {
    let (end, start) = (&raw const _stack_end as usize, &raw const _stack_start as usize);
    let from = if (end..start).contains(&from) { from.next_multiple_of(4) } else { start };
    (from..start).step_by(4).map(|address| {
        // SAFETY: as in `used`.
        unsafe { core::ptr::with_exposed_provenance::<u32>(address).read_volatile() }
    })
}

#[cfg(target_arch = "arm")]
const _: () = assert!(PAINT == cortex_m_rt::STACK_PAINT_VALUE);

/// Paints the stack below the caller. Call it first of all: cortex-m-rt does so by itself, riscv-rt does not.
///
/// Not inlined, so that its own frame is the lowest one.
#[cfg(all(feature = "runtime", target_arch = "riscv32"))]
#[inline(never)]
pub fn paint() {
    /// Bytes below this function's locals that it may use itself.
    const OWN: usize = 256;
    let here = 0_u32;
    let top = (&raw const here as usize).saturating_sub(OWN);
    for address in (&raw const _stack_end as usize..top).step_by(4) {
        // SAFETY: the words below this frame are memory of the stack that nothing uses yet.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(PAINT) };
    }
}
