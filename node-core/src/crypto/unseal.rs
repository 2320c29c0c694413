//! Decryption by HPKE (RFC 9180) in software: base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
//!
//! The crate hpke needs memory from a heap, which boards do not have. So this half is here, and is tested against that crate and
//! the vectors of the RFC.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use hkdf::{Hkdf, HkdfExtract};
use p256::PublicKey as Point;
use p256::ecdh::diffie_hellman;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::p256::{BadSeal, P256Point};
use super::software::SoftwareSigner;
use super::traits::Unseal;

const TAG: usize = 16;

impl Unseal for SoftwareSigner {
    fn unseal<'c>(
        &self,
        encapsulated: &[u8; P256Point::LEN],
        info: &[u8],
        bound: &[u8],
        sealed: &'c mut [u8],
    ) -> Result<&'c mut [u8], BadSeal> {
        let (text, tag) = sealed.split_last_chunk_mut::<TAG>().ok_or(BadSeal)?;
        let shared = decapsulate(self, encapsulated)?;
        let Keys { key, nonce } = schedule(&shared, info)?;
        let cipher = Aes128Gcm::new_from_slice(&*key).map_err(|_| BadSeal)?;
        cipher
            .decrypt_in_place_detached((&*nonce).into(), bound, text, (&*tag).into())
            .map_err(|_| BadSeal)?;
        Ok(text)
    }
}

/// `Decap` of section 4.1.
fn decapsulate(
    key: &SoftwareSigner,
    encapsulated: &[u8; P256Point::LEN],
) -> Result<Zeroizing<[u8; 32]>, BadSeal> {
    let theirs = Point::from_sec1_bytes(encapsulated).map_err(|_| BadSeal)?;
    let ours = key.key().verifying_key().to_encoded_point(false);
    let dh = diffie_hellman(key.key().as_nonzero_scalar(), theirs.as_affine());
    let prk = KEM.extract(&[], "eae_prk", dh.raw_secret_bytes());
    let mut shared = Zeroizing::new([0; 32]);
    KEM.expand(&prk, "shared_secret", &[encapsulated, ours.as_bytes()], &mut *shared)?;
    Ok(shared)
}

/// The key of the first message, and its nonce.
struct Keys {
    key: Zeroizing<[u8; 16]>,
    nonce: Zeroizing<[u8; 12]>,
}

/// `KeySchedule` of section 5.1, in the mode without a key that both know.
fn schedule(shared: &[u8; 32], info: &[u8]) -> Result<Keys, BadSeal> {
    const BASE: u8 = 0;
    let psk_id_hash = HPKE.hash("psk_id_hash", &[]);
    let info_hash = HPKE.hash("info_hash", info);
    let context = [&[BASE][..], &psk_id_hash, &info_hash];
    let secret = HPKE.extract(shared, "secret", &[]);
    let mut keys = Keys { key: Zeroizing::new([0; 16]), nonce: Zeroizing::new([0; 12]) };
    HPKE.expand(&secret, "key", &context, &mut *keys.key)?;
    HPKE.expand(&secret, "base_nonce", &context, &mut *keys.nonce)?;
    Ok(keys)
}

/// The algorithms that a derived value is for.
struct Suite(&'static [u8]);

const KEM: Suite = Suite(b"KEM\x00\x10");
const HPKE: Suite = Suite(b"HPKE\x00\x10\x00\x01\x00\x01");
const VERSION: &[u8] = b"HPKE-v1";

impl Suite {
    /// `LabeledExtract` of section 4.
    fn extract(&self, salt: &[u8], label: &str, material: &[u8]) -> Hkdf<Sha256> {
        self.begin(salt, label, material).finalize().1
    }

    /// `LabeledExtract` of something that is no secret.
    fn hash(&self, label: &str, material: &[u8]) -> [u8; 32] {
        self.begin(&[], label, material).finalize().0.into()
    }

    fn begin(&self, salt: &[u8], label: &str, material: &[u8]) -> HkdfExtract<Sha256> {
        let mut extract = HkdfExtract::new(Some(salt));
        for part in [VERSION, self.0, label.as_bytes(), material] {
            extract.input_ikm(part);
        }
        extract
    }

    /// `LabeledExpand` of section 4.
    fn expand(&self, from: &Hkdf<Sha256>, label: &str, info: &[&[u8]], to: &mut [u8]) -> Result<(), BadSeal> {
        let [a, b, c] =
            [info.first(), info.get(1), info.get(2)].map(|part| part.copied().unwrap_or_default());
        let length = u16::try_from(to.len()).map_err(|_| BadSeal)?.to_be_bytes();
        from.expand_multi_info(&[&length, VERSION, self.0, label.as_bytes(), a, b, c], to)
            .map_err(|_| BadSeal)
    }
}
