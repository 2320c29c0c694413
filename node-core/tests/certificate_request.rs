//! The request of a board for a certificate of its TLS key.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Reader};
use node_core::crypto::{
    P256Secret, PublicKey, Sign, SignError, Signature, Software, SoftwareSigner, Verify,
};
use node_core::id::NodeId;
use node_core::provision::{MAX_REQUEST, certificate_request};
use proptest::prelude::*;

#[cfg(test)]
mod make {
    use super::*;

    pub fn signer(secret: &[u8; 32]) -> SoftwareSigner {
        SoftwareSigner::new(P256Secret(secret)).unwrap()
    }

    /// The parts of a certificate request: what is signed, the algorithm, and the signature.
    pub fn parts(request: &[u8]) -> (&[u8], &[u8], Signature) {
        let parts = AnyRef::from_der(request)
            .unwrap()
            .sequence(|reader| Ok((reader.tlv_bytes()?, reader.tlv_bytes()?, BitStringRef::decode(reader)?)));
        let (info, algorithm, signature) = parts.unwrap();
        (info, algorithm, Signature::from_der(signature.as_bytes().unwrap()).unwrap())
    }
}

proptest! {
    #[test]
    fn a_certificate_request_is_whole_der_that_its_own_key_signed(secret in 1..u128::MAX, id: [u8; 16]) {
        let mut scalar = [0; 32];
        scalar[16..].copy_from_slice(&secret.to_be_bytes());
        let (key, id) = (make::signer(&scalar), NodeId(id));
        let point = Software.decompress(key.public_key()).unwrap();
        let request = certificate_request(id, &point, &key).unwrap();
        prop_assert!(request.len() <= MAX_REQUEST);
        let (info, algorithm, signature) = make::parts(&request);
        prop_assert_eq!(Software.verify(point.as_bytes(), info, &signature), Ok(()));
        prop_assert_eq!(algorithm, [&[0x30, 0x0a, 0x06, 8][..], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]].concat());
        // Version, subject, key and attributes, and nothing behind them.
        let parts = AnyRef::from_der(info).unwrap().sequence(|reader| {
            Ok((reader.tlv_bytes()?, reader.tlv_bytes()?, reader.tlv_bytes()?, reader.tlv_bytes()?))
        });
        let (version, subject, spki, attributes) = parts.unwrap();
        prop_assert_eq!((version, attributes), (&[2, 1, 0][..], &[0xa0, 0][..]));
        prop_assert!(subject.ends_with(id.to_string().as_bytes()) && spki.ends_with(point.as_bytes()));
    }
}

#[test]
fn a_device_that_does_not_sign_makes_no_request() {
    struct Broken;
    impl Sign for Broken {
        fn sign(&self, _: &[u8]) -> Result<Signature, SignError> {
            Err(SignError)
        }
    }
    let point = Software.decompress(make::signer(&[5; 32]).public_key()).unwrap();
    assert_eq!(certificate_request(NodeId([7; 16]), &point, &Broken), Err(SignError));
    assert!(Software.decompress(PublicKey::NONE).is_none());
}
