//! Wipes the stack after work with private keys.
//!
//! A value that wipes itself wipes only the place where it ends. Each move and each spilled register leaves a copy
//! further up, and so do the crypto libraries: AWS-LC hashes the private key into a buffer on the stack for each signature.

use zeroize::Zeroize;

/// How deep the stack is wiped. Every key that a node takes is read and signed with in a part of this.
const DEPTH: usize = 64 << 10;

/// Runs `work`, then wipes the stack that it used.
#[inline(never)]
pub(crate) fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let result = run(work);
    wipe();
    result
}

/// A function of its own, so that its frame begins where that of [`wipe`] does.
#[inline(never)]
fn run<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn wipe() {
    let mut stack = [0_u64; DEPTH / size_of::<u64>()];
    stack.zeroize();
}

#[cfg(test)]
mod tests {
    use core::hint::black_box;

    use super::*;
    use crate::testing::Hidden;

    /// Leaves copies of the number on the stack.
    fn leave_copies(depth: usize, number: &Hidden) {
        let copy = [number.reveal(); 8];
        black_box(&copy);
        if depth > 0 {
            leave_copies(depth - 1, number);
            // Keeps this frame until here.
            black_box(&copy);
        }
    }

    #[test]
    fn the_stack_of_the_work_is_wiped() {
        let number = Hidden::numbered(1);
        // Fewer frames than the depth, and more than what the search itself overwrites.
        leave_copies(50, &number);
        assert!(number.copies() > 0);
        let number = Hidden::numbered(2);
        wiped(|| leave_copies(50, &number));
        assert_eq!(number.copies(), 0);
    }
}
