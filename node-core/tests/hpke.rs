//! A vector of RFC 9180 (A.3.1): this node opens what others seal.

extern crate alloc;

use alloc::vec::Vec;
use core::num::ParseIntError;

use node_core::crypto::{P256Secret, SoftwareSigner, Unseal};

fn bytes(hex: &str) -> Result<Vec<u8>, ParseIntError> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16)).collect()
}

#[cfg_attr(test, test)]
pub(crate) fn the_first_message_of_the_rfc_is_opened() {
    let secret = bytes("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2").unwrap();
    let encapsulated = bytes(
        "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfc\
         b9382657222d18c4",
    )
    .unwrap();
    let mut sealed =
        bytes("5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434")
            .unwrap();
    let signer = SoftwareSigner::new(P256Secret(&secret.try_into().unwrap())).unwrap();
    let info = b"Ode on a Grecian Urn";
    let text = signer.unseal(&encapsulated.try_into().unwrap(), info, b"Count-0", &mut sealed).unwrap();
    assert_eq!(text, b"Beauty is truth, truth beauty");
}
