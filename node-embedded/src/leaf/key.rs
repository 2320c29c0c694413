//! The private keys of a board in their places in RAM, for as long as the node runs. They are wiped when it ends. The stack on which a key
//! was made may keep traces of it until it is used again.

use embedded_tls::CryptoRngCore;
use heapless::vec::VecView;
use node_core::crypto::{BadSecret, P256Secret, SoftwareSigner};

use crate::entropy::{self, NoEntropy};
use crate::sizes::TLS_KEYS;

/// Tries to make a key. One in 2^32 random numbers is no key, so a second failure is the generator's.
const TRIES: usize = 4;

/// The keys that a board makes itself.
pub(crate) struct OwnKeys {
    /// The identity key. Empty when a device holds it.
    pub(crate) identity: heapless::Vec<SoftwareSigner, 1>,
    /// The TLS key. Empty when the board was not asked for one.
    pub(crate) tls: heapless::Vec<SoftwareSigner, TLS_KEYS>,
}

impl OwnKeys {
    /// None yet.
    pub(crate) const NONE: Self = Self { identity: heapless::Vec::new(), tls: heapless::Vec::new() };
}

/// Makes a key.
///
/// # Errors
/// The generator gives no random numbers.
pub(crate) fn draw_key(
    memory: &mut VecView<SoftwareSigner>,
    secret: &mut [u8; 32],
    rng: &mut impl CryptoRngCore,
) -> Result<(), NoEntropy> {
    for _ in 0..TRIES {
        entropy::fill(rng, secret)?;
        if keep(memory, secret).is_ok() {
            return Ok(());
        }
    }
    Err(NoEntropy)
}

/// Puts a key in its place. Not inlined, so that the stack that this takes is given back.
#[inline(never)]
pub(crate) fn keep(memory: &mut VecView<SoftwareSigner>, secret: &[u8; 32]) -> Result<(), BadSecret> {
    memory.clear();
    memory.push(SoftwareSigner::new(P256Secret(secret))?).map_err(|_| BadSecret)
}
