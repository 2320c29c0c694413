//! Randomness for keys: this machine has no source of its own, so the host's is read.

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use semihosting::fs::File;
use semihosting::io::Read;
use thiserror::Error;

/// A generator seeded with 32 bytes of the host's random device, and a number from it for the network.
///
/// # Errors
///
/// [`Unavailable`] when they cannot be read. There is no weaker fallback: the board must not start.
pub fn generator() -> Result<(ChaCha20Rng, u64), Unavailable> {
    let mut seed = [0; 32];
    File::open(c"/dev/urandom")
        .and_then(|mut device| device.read_exact(&mut seed))
        .map_err(|_| Unavailable)?;
    // A device that returns only zeros is not random: chance would do so once in 2^256 reads.
    if seed == [0; 32] {
        return Err(Unavailable);
    }
    let mut rng = ChaCha20Rng::from_seed(seed);
    let number = rng.next_u64();
    Ok((rng, number))
}

/// The host's random device cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no entropy: the host's random device cannot be read")]
pub struct Unavailable;
