//! The signatures of Wycheproof, which the host read for this program: its file is too long to be read here.

use alloc::vec;
use alloc::vec::Vec;

use semihosting::fs::File;
use semihosting::io::Read as _;

use crate::crypto;

/// A signature: the key, the message, the signature in DER, and whether it is good.
type Case<'c> = (&'c [u8], &'c [u8], &'c [u8], bool);

pub fn every_vector_gives_the_expected_result() {
    let bytes = read();
    let (count, mut rest) = postcard::take_from_bytes::<u32>(&bytes).unwrap();
    assert!(count > 0);
    for number in 0..count {
        let ((key, message, signature, is_good), left) = postcard::take_from_bytes::<Case<'_>>(rest).unwrap();
        assert_eq!(crypto::accepts(key, message, signature), is_good, "number {number}");
        rest = left;
    }
    assert!(rest.is_empty());
}

/// The host's file: as postcard, the cases.
fn read() -> Vec<u8> {
    let mut file = File::open(c"wycheproof.bin").unwrap();
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact(&mut bytes).unwrap();
    bytes
}
