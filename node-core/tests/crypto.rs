//! The software crypto against the Wycheproof vectors and against itself.

use node_core::crypto::{
    BadSecret, BadSignature, Derive, Digest, P256Point, P256Secret, Sign, Software, SoftwareSigner, Verify,
};

#[cfg(test)]
mod vectors {
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    /// A file of test vectors made by others. The project does not carry them: `MAEL_VECTORS` names their
    /// folder, or it is `shared/vectors` beside the workspace or one level further up.
    pub fn read(name: &str) -> Option<Value> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folders = [
            std::env::var_os("MAEL_VECTORS").map(PathBuf::from),
            Some(root.join("../shared/vectors")),
            Some(root.join("../../shared/vectors")),
        ];
        let text =
            folders.iter().flatten().find_map(|folder| std::fs::read_to_string(folder.join(name)).ok());
        if text.is_none() {
            eprintln!("skipped: no {name}; set MAEL_VECTORS to the folder that holds it");
        }
        text.map(|text| serde_json::from_str(&text).unwrap())
    }

    pub fn bytes(hex: &Value) -> Vec<u8> {
        let hex = hex.as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }
}

#[test]
fn every_wycheproof_vector_is_judged_right() {
    let Some(file) = vectors::read("wycheproof-ecdsa-p256-sha256.json") else { return };
    let mut judged = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let key = P256Point::from_sec1(&vectors::bytes(&group["publicKey"]["uncompressed"])).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let verdict = Software.verify(&key, &vectors::bytes(&test["msg"]), &vectors::bytes(&test["sig"]));
            assert_eq!(verdict.is_ok(), test["result"] == "valid", "{test}");
            judged += 1;
        }
    }
    assert_eq!(file["numberOfTests"], judged);
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
