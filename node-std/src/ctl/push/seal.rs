//! Seals a keyring for a board.

use node_core::crypto::PublicKey;
use node_core::keys::{MAX_SEALED, Sealer};
use rand_core::{CryptoRng, RngCore};

use super::error::PushError;
use crate::clock::unix_millis;
use crate::tls::Operator;

/// What is sealed, for whom, and by whom.
pub struct Order<'o> {
    /// The cluster.
    pub cluster: &'o str,
    /// The identity of the board.
    pub board: PublicKey,
    /// Signs.
    pub operator: &'o Operator,
    /// The encoded bundle.
    pub bundle: &'o [u8],
}

/// The sealed keyring. Its epoch is the time.
pub fn seal(order: &Order<'_>) -> Result<Vec<u8>, PushError> {
    let sealer = Sealer {
        cluster: order.cluster,
        board: order.board,
        epoch: unix_millis(),
        certificate: order.operator.slot.certificate,
        signer: &order.operator.signer,
    };
    let mut random = SystemRandom(Ok(()));
    let mut buffer = Box::new([0; MAX_SEALED]);
    let sealed = sealer.seal(order.bundle, &mut random, &mut buffer)?.to_vec();
    random.0?;
    Ok(sealed)
}

/// Random numbers of the operating system, and whether it gave all that were asked for. If not, what was made with them is of no
/// use.
struct SystemRandom(Result<(), getrandom::Error>);

impl RngCore for SystemRandom {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0 = self.0.and(getrandom::fill(bytes));
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRandom {}
