//! The key exchange with P-256, and the random numbers for it.
//!
//! rustls asks for both through statics. So the generator is one for all connections of the program, and each handshake stirs
//! fresh entropy of its board into it.

use alloc::boxed::Box;
use core::cell::RefCell;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use p256::ecdh::EphemeralSecret;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use zeroize::Zeroizing;

/// `None` before the first handshake.
static GENERATOR: Mutex<CriticalSectionRawMutex, RefCell<Option<ChaCha20Rng>>> =
    Mutex::new(RefCell::new(None));

/// Seeds the generator anew, with these fresh random bytes and what it gives itself.
pub(super) fn stir(entropy: [u8; 32]) {
    let mut seed = Zeroizing::new(entropy);
    GENERATOR.lock(|generator| {
        let mut generator = generator.borrow_mut();
        if let Some(before) = &mut *generator {
            let mut own = Zeroizing::new([0; 32]);
            before.fill_bytes(&mut *own);
            seed.iter_mut().zip(*own).for_each(|(seed, own)| *seed ^= own);
        }
        *generator = Some(ChaCha20Rng::from_seed(*seed));
    });
}

/// Random bytes.
#[derive(Debug)]
pub(super) struct Entropy;

impl SecureRandom for Entropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        GENERATOR.lock(|generator| {
            let mut generator = generator.borrow_mut();
            generator.as_mut().ok_or(GetRandomFailed)?.fill_bytes(bytes);
            Ok(())
        })
    }
}

/// The group `secp256r1`.
#[derive(Debug)]
pub(super) struct P256;

impl SupportedKxGroup for P256 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        Entropy.fill(&mut *seed).map_err(|_| Error::FailedToGetRandomBytes)?;
        let secret = EphemeralSecret::random(&mut ChaCha20Rng::from_seed(*seed));
        let point = secret.public_key().to_encoded_point(false);
        let share = point.as_bytes().try_into().map_err(|_| Error::FailedToGetRandomBytes)?;
        Ok(Box::new(Exchange { secret, share }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

struct Exchange {
    secret: EphemeralSecret,
    share: [u8; 65],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let invalid = |_| Error::from(PeerMisbehaved::InvalidKeyShare);
        // Only uncompressed points are shares (RFC 8446 section 4.2.8.2).
        let peer = Some(peer).filter(|peer| peer.first() == Some(&4)).unwrap_or_default();
        let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(invalid)?;
        let shared = self.secret.diffie_hellman(&peer);
        Ok(SharedSecret::from(&shared.raw_secret_bytes()[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}
