//! The key schedule of TLS 1.3 (RFC 8446 section 7.1) for the one cipher suite, as a server has it.

use std::vec::Vec;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

type Secret = [u8; 32];

/// A secret of the schedule, from which the next one follows.
pub struct Stage(Hkdf<Sha256>);

impl Stage {
    /// The handshake secret, from the Diffie-Hellman secret.
    pub fn handshake(shared: &[u8]) -> Self {
        let early = Hkdf::<Sha256>::new(None, &[0; 32]);
        let derived = expand(&early, b"derived", &Sha256::digest(b""));
        Self(Hkdf::new(Some(&derived), shared))
    }

    /// The application's secret, from the handshake's.
    pub fn application(&self) -> Self {
        let derived = expand(&self.0, b"derived", &Sha256::digest(b""));
        Self(Hkdf::new(Some(&derived), &[0; 32]))
    }

    /// The traffic secret of one direction after `transcript`.
    pub fn direction(&self, label: &[u8], transcript: &[u8]) -> Direction {
        Direction::new(expand(&self.0, label, &Sha256::digest(transcript)))
    }
}

/// One direction's keys.
pub struct Direction {
    secret: Secret,
    cipher: Aes128Gcm,
    iv: [u8; 12],
    records: u64,
}

impl Direction {
    fn new(secret: Secret) -> Self {
        let prk = Hkdf::from_prk(&secret).unwrap();
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand_into(&prk, b"key", b"", &mut key);
        expand_into(&prk, b"iv", b"", &mut iv);
        Self { secret, cipher: Aes128Gcm::new(&key.into()), iv, records: 0 }
    }

    /// The contents of Finished after `transcript`.
    pub fn finished(&self, transcript: &[u8]) -> Vec<u8> {
        let key = expand(&Hkdf::from_prk(&self.secret).unwrap(), b"finished", b"");
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).unwrap();
        mac.update(&Sha256::digest(transcript));
        mac.finalize().into_bytes().to_vec()
    }

    /// Encrypts the next record: `inner` is content, content type and any padding.
    pub fn seal(&mut self, inner: &[u8]) -> Vec<u8> {
        let (header, nonce) = (header(inner.len() + 16), self.nonce());
        let sealed = self.cipher.encrypt(&nonce, Payload { msg: inner, aad: &header }).unwrap();
        [&header[..], &sealed].concat()
    }

    /// Decrypts the next record.
    pub fn open(&mut self, record: &[u8]) -> Vec<u8> {
        let (header, sealed) = record.split_at(5);
        let nonce = self.nonce();
        self.cipher.decrypt(&nonce, Payload { msg: sealed, aad: header }).unwrap()
    }

    fn nonce(&mut self) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = self.iv;
        let count = self.records.to_be_bytes();
        nonce[4..].iter_mut().zip(count).for_each(|(byte, count)| *byte ^= count);
        self.records += 1;
        nonce.into()
    }
}

/// The header of an encrypted record with so many bytes after it.
fn header(length: usize) -> [u8; 5] {
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    [23, 3, 3, high, low]
}

fn expand(secret: &Hkdf<Sha256>, label: &[u8], context: &[u8]) -> Secret {
    let mut out = [0; 32];
    expand_into(secret, label, context, &mut out);
    out
}

/// HKDF-Expand-Label.
fn expand_into(secret: &Hkdf<Sha256>, label: &[u8], context: &[u8], out: &mut [u8]) {
    let length = u16::try_from(out.len()).unwrap().to_be_bytes();
    let label_length = [u8::try_from(6 + label.len()).unwrap()];
    let context_length = [u8::try_from(context.len()).unwrap()];
    let info: [&[u8]; 6] = [&length, &label_length, b"tls13 ", label, &context_length, context];
    secret.expand_multi_info(&info, out).unwrap();
}
