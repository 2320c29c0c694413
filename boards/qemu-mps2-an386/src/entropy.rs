//! Randomness for keys: this machine has no source of its own, so the host's is read.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use semihosting::fs::File;
use semihosting::io::Read;
use thiserror::Error;

/// A generator seeded with 32 bytes of the host's random device.
///
/// # Errors
///
/// [`Unavailable`] when they cannot be read. There is no weaker fallback: the board must not start.
pub fn generator() -> Result<ChaCha20Rng, Unavailable> {
    let mut seed = [0; 32];
    File::open(c"/dev/urandom")
        .and_then(|mut device| device.read_exact(&mut seed))
        .map_err(|_| Unavailable)?;
    // A device that returns only zeros is not random: chance would do so once in 2^256 reads.
    if seed == [0; 32] {
        return Err(Unavailable);
    }
    Ok(ChaCha20Rng::from_seed(seed))
}

/// The host's random device cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no entropy: the host's random device cannot be read")]
pub struct Unavailable;
