//! Random bytes, or none at all: weak ones would give keys away.

use rand_core::CryptoRngCore;
use thiserror::Error;

/// Fills `bytes`, eight of them at least, with fresh random bytes.
///
/// # Errors
/// [`NoEntropy`] when the generator fails, or is stuck so that it gives the same byte again and again.
pub(crate) fn fill(rng: &mut impl CryptoRngCore, bytes: &mut [u8]) -> Result<(), NoEntropy> {
    rng.try_fill_bytes(bytes).map_err(|_| NoEntropy)?;
    let stuck = bytes.iter().all(|byte| Some(byte) == bytes.first());
    if stuck { Err(NoEntropy) } else { Ok(()) }
}

/// The random number generator does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the random number generator gives no random numbers: check its driver")]
pub(crate) struct NoEntropy;
