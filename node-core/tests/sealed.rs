//! Keyrings sealed for a board: only that board opens them, only an operator makes them, and none comes back.

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use node_core::crypto::{P256Secret, PublicKey, Sign, Software, SoftwareSigner};
use node_core::id::NodeId;
use node_core::identity::Identity;
use node_core::keys::{MAX_BUNDLE, MAX_SEALED, Recipient, SealedError, Sealer, addressee};
use node_core::trust::Fingerprint;
use rand_core::{CryptoRng, RngCore};

const OPERATOR: Fingerprint = Fingerprint([7; 32]);
const BUNDLE: &[u8] = b"a keyring with private keys";

/// Gives numbers that look random.
struct Counter(u8);

impl RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        0
    }

    fn next_u64(&mut self) -> u64 {
        0
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| {
            self.0 = self.0.wrapping_mul(5).wrapping_add(3);
            self.0
        });
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Counter {}

#[expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]
mod make {
    use super::*;

    pub fn key(number: u8) -> SoftwareSigner {
        SoftwareSigner::new(P256Secret(&[number; 32])).unwrap()
    }

    pub fn id(key: &SoftwareSigner) -> NodeId {
        Identity::new("home", key.public_key(), key, &Software).id
    }

    pub fn sealed_by(operator: &dyn Sign, board: PublicKey, epoch: u64, bundle: &[u8]) -> Vec<u8> {
        let sealer = Sealer { cluster: "home", board, epoch, certificate: OPERATOR, signer: operator };
        let mut buffer = [0; MAX_SEALED];
        sealer.seal(bundle, &mut Counter(1), &mut buffer).unwrap().to_vec()
    }

    /// What a board makes of it that had a bundle of epoch 5, and accepts key 9 as an operator's.
    pub fn open_as(
        board: &SoftwareSigner,
        cluster: &str,
        sealed: &[u8],
    ) -> Result<(u64, Vec<u8>), SealedError> {
        let identity = Identity::new(cluster, board.public_key(), board, &Software);
        let recipient = Recipient { identity, unseal: board, epoch: 5 };
        let operator = node_core::crypto::Derive::public_key(&Software, P256Secret(&[9; 32])).unwrap();
        let mut sealed = sealed.to_vec();
        let opened =
            recipient.open(&mut sealed, |certificate| (certificate == OPERATOR).then_some(operator))?;
        Ok((opened.epoch, opened.bundle.to_vec()))
    }
}
use make::{id, key, open_as, sealed_by};

#[cfg_attr(test, test)]
pub(crate) fn the_board_opens_what_an_operator_sealed_for_it() {
    let board = key(1);
    let sealed = sealed_by(&key(9), board.public_key(), 6, BUNDLE);
    assert_eq!(open_as(&board, "home", &sealed), Ok((6, BUNDLE.to_vec())));
    assert_eq!(addressee(&sealed), Ok((id(&board), 6)));
    let hidden = |text: &[u8]| !sealed.windows(text.len()).any(|part| part == text);
    assert!(hidden(BUNDLE) && hidden(b"private"), "nobody on the way reads it");
}

#[cfg_attr(test, test)]
pub(crate) fn replayed_foreign_and_forged_keyrings_are_refused() {
    let (board, other, operator) = (key(1), key(2), key(9));
    for epoch in [0, 4, 5] {
        let replayed = sealed_by(&operator, board.public_key(), epoch, BUNDLE);
        assert_eq!(open_as(&board, "home", &replayed), Err(SealedError::Old { epoch, last: 5 }));
    }
    let sealed = sealed_by(&operator, board.public_key(), 6, BUNDLE);
    assert_eq!(open_as(&other, "home", &sealed), Err(SealedError::OtherBoard(id(&board))));
    assert_eq!(open_as(&board, "away", &sealed), Err(SealedError::Forged(OPERATOR)), "of another cluster");
    let forged = sealed_by(&key(8), board.public_key(), 6, BUNDLE);
    assert_eq!(open_as(&board, "home", &forged), Err(SealedError::Forged(OPERATOR)));
    // Encrypted to another board, and said to be for this one.
    let mut foreign = sealed_by(&operator, other.public_key(), 6, BUNDLE);
    foreign[1..17].copy_from_slice(&id(&board).0);
    assert_eq!(open_as(&board, "home", &foreign), Err(SealedError::Forged(OPERATOR)));
    let stranger = Fingerprint([8; 32]);
    let sealer = Sealer {
        cluster: "home",
        board: board.public_key(),
        epoch: 6,
        certificate: stranger,
        signer: &operator,
    };
    let mut buffer = [0; MAX_SEALED];
    let unknown = sealer.seal(BUNDLE, &mut Counter(1), &mut buffer).unwrap();
    assert_eq!(open_as(&board, "home", unknown), Err(SealedError::NoOperator(stranger)));
}

#[test]
fn no_changed_byte_goes_unnoticed() {
    let board = key(1);
    let sealed = sealed_by(&key(9), board.public_key(), 6, BUNDLE);
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open_as(&board, "home", &changed).is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(open_as(&board, "home", &sealed[..length]).is_err(), "{length} bytes");
    }
    assert!(open_as(&board, "home", &[&sealed[..], b"x"].concat()).is_err());
    assert_eq!(open_as(&board, "home", &[&[1][..], &sealed[1..]].concat()), Err(SealedError::Version(1)));
}

#[cfg_attr(test, test)]
pub(crate) fn the_largest_keyring_can_be_sealed() {
    let board = key(1);
    let bundle = vec![0x55; MAX_BUNDLE];
    let sealed = sealed_by(&key(9), board.public_key(), u64::MAX, &bundle);
    assert_eq!(open_as(&board, "home", &sealed).unwrap().1, bundle);
    let sealer = Sealer {
        cluster: "home",
        board: board.public_key(),
        epoch: 6,
        certificate: OPERATOR,
        signer: &key(9),
    };
    let too_long = vec![0; MAX_BUNDLE + 1];
    assert!(sealer.seal(&too_long, &mut Counter(1), &mut [0; MAX_SEALED]).is_err());
}

#[cfg(test)]
mod random {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let versioned = [&[2][..], &bytes].concat();
            prop_assert!(open_as(&key(1), "home", &versioned).is_err());
            let _ = addressee(&bytes);
        }
    }
}
