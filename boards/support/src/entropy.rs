//! Makes a generator from what a chip's source of entropy delivers.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Bytes to draw from the source: eight times as many as the seed has, so that a source which delivers one good bit in eight is
/// good enough.
pub const RAW: usize = 256;

/// A generator seeded from a source of entropy.
///
/// # Errors
///
/// [`NoEntropy`] when the source repeats itself: it stands still. There is no weaker fallback: the board must not start.
pub fn generator(raw: &[u8; RAW]) -> Result<ChaCha20Rng, NoEntropy> {
    let (words, _) = raw.as_chunks::<8>();
    // Chance repeats 8 bytes once in 2^64 times.
    if words.iter().zip(words.iter().skip(1)).any(|(word, next)| word == next) {
        return Err(NoEntropy);
    }
    Ok(ChaCha20Rng::from_seed(Sha256::digest(raw).into()))
}

/// The chip's source of entropy does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no entropy: the chip's source stands still")]
pub struct NoEntropy;
