//! The rules of keyrings and bundles, and their vectors in PROTOCOL.md.

extern crate alloc;

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use node_core::crypto::{P256Secret, Software};
use node_core::id::{Hex, Name};
use node_core::keys::{
    Bundle, BundleError, BundleSlot, Keyring, KeyringError, MAX_BUNDLE, MAX_BUNDLE_SLOTS, MAX_SLOTS,
    SlotInfo, SlotProblem,
};
use node_core::time::UnixTime;
use node_core::trust::{Fingerprint, KeyAlgorithm};

const RSA: &[u8] = include_bytes!("fixtures/rsa.der");
const P256_A: &[u8] = include_bytes!("fixtures/p256_a.der");
const LONG: &[u8] = include_bytes!("fixtures/long.der");
const P256_B: &[u8] = include_bytes!("fixtures/p256_b.der");
const SECRET_A: P256Secret<'_> = P256Secret(include_bytes!("fixtures/p256_a.secret"));
const SECRET_B: P256Secret<'_> = P256Secret(include_bytes!("fixtures/p256_b.secret"));

#[expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]
mod make {
    use super::*;

    pub fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    pub fn slot(text: &str, certificate: u8, has_key: bool) -> SlotInfo {
        SlotInfo {
            name: name(text),
            certificate: Fingerprint([certificate; 32]),
            spki: Fingerprint([0; 32]),
            not_before: UnixTime(0),
            not_after: UnixTime(0),
            has_key,
            algorithm: KeyAlgorithm::P256,
        }
    }

    pub fn bundle<'a, const N: usize>(slots: [BundleSlot<'a>; N]) -> Bundle<'a> {
        let mut bundle = Bundle::default();
        slots.into_iter().for_each(|slot| bundle.push(slot).unwrap());
        bundle
    }
}
use make::{bundle, name, slot};

#[cfg_attr(test, test)]
pub(crate) fn the_smallest_pair_is_active() {
    let slots = [slot("server_b", 2, true), slot("server_a", 1, false), slot("server_c", 3, true)];
    assert_eq!(Keyring::new(&slots).unwrap().active().name, name("server_b"));
    let slots = [slot("b", 2, true), slot("a10", 3, true), slot("a9", 1, true), slot("B", 4, true)];
    assert_eq!(Keyring::new(&slots).unwrap().active().name, name("B"));
}

#[cfg_attr(test, test)]
pub(crate) fn a_keyring_needs_a_pair_and_distinct_names() {
    assert_eq!(Keyring::new(&[]).unwrap_err(), KeyringError::NoPair);
    assert_eq!(Keyring::new(&[slot("a", 1, false)]).unwrap_err(), KeyringError::NoPair);
    let twice = [slot("a", 1, true), slot("a", 2, true)];
    assert_eq!(Keyring::new(&twice).unwrap_err(), KeyringError::DuplicateName(name("a")));
    let many: Vec<_> = (0..=MAX_SLOTS).map(|n| slot(&format!("s{n}"), 0, true)).collect();
    assert_eq!(Keyring::new(&many).unwrap_err(), KeyringError::TooManySlots);
    assert!(Keyring::new(&many[1..]).is_ok());
}

/// The vector of PROTOCOL.md.
#[cfg_attr(test, test)]
pub(crate) fn the_digest_covers_each_trusted_certificate_once() {
    let one = [slot("a", 0x11, true), slot("b", 0x22, true), slot("c", 0x33, false)];
    let same = [slot("c", 0x11, false), slot("x", 0x33, true), slot("b", 0x22, true), slot("d", 0x33, true)];
    let digest = Keyring::new(&one).unwrap().digest(&Software);
    assert_eq!(digest.to_string(), "sha256:8cfa0e55b092114ec1d274d633d317f8dbce497239ae76722c0add142278ff5e");
    assert_eq!(Keyring::new(&same).unwrap().digest(&Software), digest);
    assert_ne!(Keyring::new(&one[..2]).unwrap().digest(&Software), digest);
}

#[cfg_attr(test, test)]
pub(crate) fn a_rotation_shows_as_one_added_one_removed_and_another_active() {
    let before = [slot("a", 1, true), slot("b", 2, true), slot("c", 3, true)];
    let after = [slot("a", 2, true), slot("b", 4, true), slot("c", 1, true)];
    let (before, after) = (Keyring::new(&before).unwrap(), Keyring::new(&after).unwrap());
    let certificates =
        |slots: Vec<&SlotInfo>| slots.iter().map(|slot| slot.certificate.0[0]).collect::<Vec<_>>();
    assert_eq!(certificates(after.not_in(&before).collect()), [4]);
    assert_eq!(certificates(before.not_in(&after).collect()), [3]);
    assert!(!after.same_active(&before));
    assert!(after.same_active(&after));
    assert!(after.trusts(Fingerprint([1; 32])) && !after.trusts(Fingerprint([3; 32])));
}

/// The vector of PROTOCOL.md.
#[cfg_attr(test, test)]
pub(crate) fn a_bundle_is_encoded_as_documented() {
    let original = bundle([
        BundleSlot::pair(name("a"), &[0x30, 0x00], P256Secret(&[0x11; 32])),
        BundleSlot::trusted(name("b"), &[0x30, 0x01, 0x05]),
    ]);
    let mut buffer = [0; MAX_BUNDLE];
    let encoded = original.encode(&mut buffer).unwrap();
    assert_eq!(
        Hex(encoded).to_string(),
        "010201610230000120111111111111111111111111111111111111111111111111111111111111111101620330010500"
    );

    let decoded = Bundle::decode(encoded).unwrap_or_default();
    let [a, b] = decoded.slots() else { panic!("two slots") };
    assert_eq!((a.name.as_str(), a.certificate), ("a", [0x30, 0x00].as_slice()));
    assert!(a.key().is_some_and(|key| *key.0 == [0x11; 32]));
    assert_eq!((b.name.as_str(), b.certificate), ("b", [0x30, 0x01, 0x05].as_slice()));
    assert!(b.key().is_none());
}

#[cfg_attr(test, test)]
pub(crate) fn a_good_bundle_survives_the_way_to_a_board() {
    let original = bundle([
        BundleSlot::pair(name("server_b"), P256_B, SECRET_B),
        BundleSlot::pair(name("server_a"), P256_A, SECRET_A),
    ]);
    let mut buffer = [0; MAX_BUNDLE];
    let encoded = original.encode(&mut buffer).unwrap();
    let Ok(decoded) = Bundle::decode(encoded) else { panic!("it decodes") };
    let infos = decoded.validate(&Software).unwrap();
    assert_eq!(infos.len(), 2);
    let active = Keyring::new(&infos).unwrap().active();
    assert_eq!((&active.name, active.algorithm), (&name("server_a"), KeyAlgorithm::P256));
    assert!(decoded.slot(&active.name).is_some_and(|slot| slot.certificate == P256_A));
}

#[cfg_attr(test, test)]
pub(crate) fn an_rsa_certificate_is_refused_with_the_command_that_helps() {
    for slot in [BundleSlot::trusted(name("r"), RSA), BundleSlot::pair(name("r"), RSA, SECRET_A)] {
        let error =
            bundle([BundleSlot::pair(name("a"), P256_A, SECRET_A), slot]).validate(&Software).unwrap_err();
        let problem = SlotProblem::NotP256(KeyAlgorithm::Rsa(2048));
        assert_eq!(error, BundleError::Slot { name: name("r"), problem });
        let text = error.to_string();
        assert!(text.contains("slot r: the key is RSA-2048, but boards need P-256 keys"), "{text}");
        assert!(text.contains("openssl req -x509 -newkey ec"), "{text}");
    }
}

#[cfg_attr(test, test)]
pub(crate) fn each_problem_names_its_slot() {
    let zero = [0; 32];
    let cases = [
        (BundleSlot::pair(name("a"), P256_A, SECRET_B), SlotProblem::KeyMismatch),
        (BundleSlot::pair(name("a"), P256_A, P256Secret(&zero)), SlotProblem::BadKey),
        (BundleSlot::trusted(name("a"), &P256_A[1..]), SlotProblem::Malformed),
        (BundleSlot::trusted(name("a"), LONG), SlotProblem::CertificateTooLong(LONG.len())),
    ];
    for (slot, problem) in cases {
        let error = bundle([slot]).validate(&Software).unwrap_err();
        assert_eq!(error, BundleError::Slot { name: name("a"), problem });
    }
}

#[cfg_attr(test, test)]
pub(crate) fn the_rules_of_keyrings_hold_for_bundles() {
    let error = bundle([BundleSlot::trusted(name("a"), P256_A)]).validate(&Software).unwrap_err();
    assert_eq!(error, BundleError::Keyring(KeyringError::NoPair));
    let twice = [BundleSlot::pair(name("a"), P256_A, SECRET_A), BundleSlot::trusted(name("a"), P256_B)];
    let error = bundle(twice).validate(&Software).unwrap_err();
    assert_eq!(error, BundleError::Keyring(KeyringError::DuplicateName(name("a"))));
}

#[cfg_attr(test, test)]
pub(crate) fn a_bundle_stays_within_its_limits() {
    let mut full = Bundle::default();
    for n in 0..MAX_BUNDLE_SLOTS {
        assert!(full.push(BundleSlot::trusted(name(&format!("s{n}")), P256_A)).is_ok());
    }
    assert_eq!(full.push(BundleSlot::trusted(name("s"), P256_A)), Err(BundleError::TooManySlots));
    let mut buffer = [0; MAX_BUNDLE];
    assert_eq!(full.encode(&mut buffer), Err(BundleError::TooLong));
    assert_eq!(Bundle::decode(&[1; MAX_BUNDLE + 1]).err(), Some(BundleError::TooLong));
    assert_eq!(Bundle::decode(&[1, 9, 1, b'a', 0, 0]).err(), Some(BundleError::Malformed));
}

#[cfg_attr(test, test)]
pub(crate) fn other_versions_and_left_over_bytes_are_refused() {
    assert_eq!(Bundle::decode(&[]).err(), Some(BundleError::Malformed));
    assert_eq!(Bundle::decode(&[2, 0]).err(), Some(BundleError::Version(2)));
    assert!(Bundle::decode(&[1, 0]).is_ok());
    assert_eq!(Bundle::decode(&[1, 0, 0]).err(), Some(BundleError::Malformed));
}

#[cfg_attr(test, test)]
pub(crate) fn a_key_of_another_length_is_no_key() {
    let encoded = [&[1, 1, 1, b'a', 0xd0, 0x04], P256_A, &[1, 2, 5, 5]].concat();
    let Ok(decoded) = Bundle::decode(&encoded) else { panic!("it decodes") };
    let problem = SlotProblem::BadKey;
    assert_eq!(decoded.validate(&Software), Err(BundleError::Slot { name: name("a"), problem }));
    assert_eq!(Bundle::decode(&encoded[..encoded.len() - 1]).err(), Some(BundleError::Malformed));
}

#[cfg(test)]
mod random {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damaged_bundles_never_panic(
            edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let original = bundle([BundleSlot::pair(name("a"), P256_A, SECRET_A), BundleSlot::trusted(name("b"), P256_B)]);
            let mut buffer = [0; MAX_BUNDLE];
            let mut encoded = original.encode(&mut buffer).unwrap().to_vec();
            for (at, byte) in edits {
                let at = at.index(encoded.len());
                encoded[at] = byte;
            }
            encoded.truncate(cut.index(encoded.len() + 1));
            if let Ok(bundle) = Bundle::decode(&encoded) {
                let _ = bundle.validate(&Software);
            }
        }
    }
}
