//! Memory that held keys is wiped when its use ends, on whichever way.

use zeroize::Zeroize;

/// A lent buffer that is wiped at the end of this loan: after an error and in a dropped future, too.
pub(crate) struct Wiped<'b, const N: usize>(pub(crate) &'b mut [u8; N]);

impl<const N: usize> Drop for Wiped<'_, N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
