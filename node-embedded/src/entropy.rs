//! Random bytes, or none at all: weak ones would give keys away.
//!
//! The generators of most chips cannot say that they do not work: a clock that is off, or a driver that forgets to wait, gives
//! numbers that are not random, and no error. So the first numbers of each start are tested, in the spirit of the health tests of
//! NIST SP 800-90B section 4.4. A good generator fails at less than one start in 2^30.
//!
//! The test sees broken generators, not weak ones: what comes out of a cipher with a known seed passes.

use rand_core::CryptoRngCore;
use thiserror::Error;

/// Bytes that are drawn at once.
const DRAW: usize = 32;
/// Draws that are tested.
const DRAWS: usize = 16;
/// Bytes that are tested.
const SAMPLE: usize = DRAW * DRAWS;
/// So many equal bytes in a row are no chance: 2^-31 (repetition count).
const RUN: usize = 6;
/// So many bytes of one value among all are no chance: 2^-39, two are usual (adaptive proportion).
const SHARE: u8 = 21;
/// Further bits than that above or below one half are no chance: 2^-38, seven standard deviations. A generator passes whose bits are 1
/// in 45 to 55 of 100 cases.
const BIAS: u32 = 7 * 32;

/// Fills `bytes`, eight of them at least, with fresh random bytes.
///
/// # Errors
/// [`NoEntropy`] when the generator fails, or is stuck so that it gives the same byte or word again and again.
pub(crate) fn fill(rng: &mut impl CryptoRngCore, bytes: &mut [u8]) -> Result<(), NoEntropy> {
    rng.try_fill_bytes(bytes).map_err(|_| NoEntropy)?;
    let mut words = bytes.chunks_exact(4);
    let first = words.next();
    if words.all(|word| Some(word) == first) { Err(NoEntropy) } else { Ok(()) }
}

/// Tests the first numbers of a generator. It draws 512 bytes, and takes some 20,000 instructions.
///
/// Not inlined, so that the stack that this takes is given back.
///
/// # Errors
/// [`NoEntropy`] when the generator fails, or gives what no chance gives: the same draw, value or bits too often, numbers that
/// count on by a step, or a sequence that begins again.
#[inline(never)]
pub(crate) fn test(rng: &mut impl CryptoRngCore) -> Result<(), NoEntropy> {
    let mut sample = [0; SAMPLE];
    for draw in sample.chunks_exact_mut(DRAW) {
        fill(rng, draw)?;
    }
    let mut draws = sample.chunks_exact(DRAW).zip(sample.chunks_exact(DRAW).skip(1));
    let is_broken = draws.any(|(draw, next)| draw == next)
        || sample.windows(RUN).any(|run| run.iter().all(|byte| Some(byte) == run.first()))
        || is_frequent(&sample)
        || is_biased(&sample)
        || counts(&sample)
        || begins_again(&sample);
    if is_broken { Err(NoEntropy) } else { Ok(()) }
}

/// Whether one value is there too often.
fn is_frequent(sample: &[u8; SAMPLE]) -> bool {
    let mut counts = [0u8; 256];
    for byte in sample {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    counts.iter().any(|count| *count >= SHARE)
}

/// Whether there are too many ones, or too few.
fn is_biased(sample: &[u8; SAMPLE]) -> bool {
    const HALF: u32 = SAMPLE as u32 * 4;
    let ones: u32 = sample.iter().map(|byte| byte.count_ones()).sum();
    ones.abs_diff(HALF) > BIAS
}

/// Whether four words in a row are equally far apart, or four that have another one between them, as the halves of longer words have.
fn counts(sample: &[u8; SAMPLE]) -> bool {
    is_even(sample, u32::from_le_bytes) || is_even(sample, u32::from_be_bytes)
}

fn is_even(sample: &[u8; SAMPLE], word: impl Fn([u8; 4]) -> u32) -> bool {
    let word = |at: usize| sample.get(4 * at..)?.first_chunk().map(|bytes| word(*bytes));
    let step = |at: usize, stride: usize| Some(word(at + stride)?.wrapping_sub(word(at)?));
    let is_even = |at: usize, stride: usize| {
        let first = step(at, stride)?;
        Some(first == step(at + stride, stride)? && first == step(at + 2 * stride, stride)?)
    };
    (0..SAMPLE / 4).any(|at| [1, 2].iter().any(|stride| is_even(at, *stride) == Some(true)))
}

/// Whether the last eight bytes were there before.
fn begins_again(sample: &[u8; SAMPLE]) -> bool {
    let last = sample.last_chunk::<8>();
    let before = sample.split_last().map_or(&[][..], |(_, before)| before);
    before.windows(8).any(|bytes| last.is_some_and(|last| last == bytes))
}

/// The random number generator does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the random number generator gives no random numbers: check its driver, and its clock")]
pub(crate) struct NoEntropy;

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec::Vec;

    use rand_core::{CryptoRng, OsRng, RngCore};

    use super::{NoEntropy, test};

    /// A generator that gives the bytes of this sequence and, as those of most chips, never an error.
    struct Bytes(Box<dyn Iterator<Item = u8>>);

    impl Bytes {
        fn new(bytes: impl Iterator<Item = u8> + 'static) -> Self {
            Self(Box::new(bytes))
        }

        /// One word after the other.
        fn words(words: impl Iterator<Item = u32> + 'static) -> Self {
            Self::new(words.flat_map(u32::to_le_bytes))
        }

        /// The same again and again.
        fn of_period(length: usize) -> Self {
            let mut period = std::vec![0; length];
            OsRng.fill_bytes(&mut period);
            Self::new(period.into_iter().cycle())
        }

        /// Bits that are 1 in so many of 100 cases.
        fn biased(percent: u32) -> Self {
            let bit = move || u8::from(OsRng.next_u32() % 100 < percent);
            Self::new(core::iter::repeat_with(move || (0..8).fold(0, |byte, _| byte << 1 | bit())))
        }
    }

    impl RngCore for Bytes {
        fn next_u32(&mut self) -> u32 {
            unreachable!("a fault would not be seen")
        }

        fn next_u64(&mut self) -> u64 {
            unreachable!("a fault would not be seen")
        }

        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(&mut self.0).for_each(|(to, byte)| *to = byte);
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
            self.fill_bytes(bytes);
            Ok(())
        }
    }

    impl CryptoRng for Bytes {}

    #[track_caller]
    fn fails(mut generator: Bytes) {
        assert_eq!(test(&mut generator), Err(NoEntropy));
    }

    #[test]
    fn a_stuck_generator_is_found() {
        for byte in 0..=255 {
            fails(Bytes::new(core::iter::repeat(byte)));
        }
        fails(Bytes::words(core::iter::repeat(0xdead_beef)));
        // As when nobody waits for the next number: each one comes several times.
        let often = |times| {
            core::iter::repeat_with(|| OsRng.next_u32())
                .flat_map(move |word| core::iter::repeat_n(word, times))
        };
        fails(Bytes::words(often(4)));
        fails(Bytes::words(often(128)));
    }

    #[test]
    fn a_generator_that_gets_stuck_during_the_test_is_found() {
        let good = core::iter::repeat_with(|| OsRng.next_u32() as u8);
        fails(Bytes::new(good.take(400).chain(core::iter::repeat(0x5a))));
        // For a moment: six bytes, one draw.
        let good = |length| core::iter::repeat_with(|| OsRng.next_u32() as u8).take(length);
        fails(Bytes::new(good(200).chain([0x5a; 6]).chain(good(400))));
        let draw: Vec<u8> = good(32).collect();
        fails(Bytes::new(good(64).chain(draw.clone()).chain(draw).chain(good(400))));
    }

    #[test]
    fn a_counter_is_found() {
        fails(Bytes::new((0..=255).cycle()));
        fails(Bytes::new((0..=255).rev().cycle()));
        for step in [1, 2, 1000, 0x9e37_79b9] {
            let words = |from: u32| (0..).map(move |count: u32| from.wrapping_add(count.wrapping_mul(step)));
            fails(Bytes::words(words(0)));
            fails(Bytes::words(words(OsRng.next_u32())));
            fails(Bytes::new(words(7).flat_map(u32::to_be_bytes)));
        }
        for step in [1, 0x9e37_79b9_7f4a_7c15] {
            let start = OsRng.next_u64();
            let long = (0..).map(move |count: u64| start.wrapping_add(count.wrapping_mul(step)));
            fails(Bytes::new(long.flat_map(u64::to_le_bytes)));
        }
        // A cycle counter that is read at irregular times.
        let mut cycles = OsRng.next_u32();
        fails(Bytes::words(core::iter::repeat_with(move || {
            cycles = cycles.wrapping_add(200 + OsRng.next_u32() % 64);
            cycles
        })));
    }

    #[test]
    fn a_short_period_is_found() {
        for length in (1..=500).filter(|length| *length < 40 || length % 23 == 0) {
            fails(Bytes::of_period(length));
        }
        // Random at first.
        let first: Vec<u8> = core::iter::repeat_with(|| OsRng.next_u32() as u8).take(300).collect();
        let again = first[100..180].to_vec();
        fails(Bytes::new(first.into_iter().chain(again.into_iter().cycle())));
    }

    #[test]
    fn a_biased_generator_is_found() {
        for percent in [0, 10, 25, 40, 60, 75, 90, 100] {
            fails(Bytes::biased(percent));
        }
        // Every second byte is always the same; as many ones as zeros.
        let half = core::iter::repeat_with(|| [0x55, OsRng.next_u32() as u8]);
        fails(Bytes::new(half.flatten()));
        // Letters only.
        fails(Bytes::new(core::iter::repeat_with(|| b'a' + (OsRng.next_u32() % 16) as u8)));
    }

    #[test]
    fn a_good_generator_passes() {
        for _ in 0..3000 {
            assert_eq!(test(&mut OsRng), Ok(()));
        }
    }
}
