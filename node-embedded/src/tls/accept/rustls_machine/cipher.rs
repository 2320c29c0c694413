//! AES-128-GCM for the records of TLS 1.3, and a look at each handshake message before rustls parses it.

use alloc::boxed::Box;

use aes_gcm::AeadInPlace;
use aes_gcm::aead::KeyInit;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter, Nonce,
    OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm,
    UnsupportedOperationError, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, InvalidMessage, ProtocolVersion};

const TAG: usize = 16;

const CERTIFICATE: u8 = 11;
const CERTIFICATE_VERIFY: u8 = 15;
const FINISHED: u8 = 20;
const KEY_UPDATE: u8 = 24;
/// Most messages in a record: a client sends three in its last flight.
const MAX_MESSAGES: usize = 4;
/// Most certificates of a peer.
pub(super) const MAX_CHAIN: usize = 4;

pub(super) struct Aes128Gcm;

impl Tls13AeadAlgorithm for Aes128Gcm {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Records::new(&key, iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Records::new(&key, iv))
    }

    fn key_len(&self) -> usize {
        16
    }

    fn extract_keys(&self, _: AeadKey, _: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

/// The records of one direction. Without a cipher none passes.
struct Records {
    cipher: Option<aes_gcm::Aes128Gcm>,
    iv: Iv,
}

impl Records {
    /// rustls gives a key of [`key_len`](Tls13AeadAlgorithm::key_len) bytes.
    fn new(key: &AeadKey, iv: Iv) -> Self {
        let key = key.as_ref().get(..16);
        Self { cipher: key.and_then(|key| aes_gcm::Aes128Gcm::new_from_slice(key).ok()), iv }
    }

    fn nonce(&self, sequence: u64) -> aes_gcm::Nonce<aes_gcm::aead::consts::U12> {
        Nonce::new(&self.iv, sequence).0.into()
    }
}

impl MessageEncrypter for Records {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let cipher = self.cipher.as_ref().ok_or(Error::EncryptError)?;
        let (nonce, header) = (self.nonce(sequence), make_tls13_aad(length));
        let tag = cipher.encrypt_in_place_detached(&nonce, &header, payload.as_mut());
        payload.extend_from_slice(&tag.map_err(|_| Error::EncryptError)?);
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, payload: usize) -> usize {
        payload + 1 + TAG
    }
}

impl MessageDecrypter for Records {
    fn decrypt<'m>(
        &mut self,
        mut message: InboundOpaqueMessage<'m>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'m>, Error> {
        let cipher = self.cipher.as_ref().ok_or(Error::DecryptError)?;
        let (nonce, header) = (self.nonce(sequence), make_tls13_aad(message.payload.len()));
        let length = message.payload.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
        let (body, tag) = message.payload.split_at_mut_checked(length).ok_or(Error::DecryptError)?;
        let tag: [u8; TAG] = tag.try_into().map_err(|_| Error::DecryptError)?;
        cipher
            .decrypt_in_place_detached(&nonce, &header, body, &tag.into())
            .map_err(|_| Error::DecryptError)?;
        message.payload.truncate(length);
        let message = message.into_tls13_unpadded_message()?;
        match message.typ {
            ContentType::Handshake if !may_pass(message.payload) => {
                Err(Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge))
            }
            _ => Ok(message),
        }
    }
}

/// Whether a record holds only messages that a client sends, whole and few: rustls keeps the places of all, and all certificates of
/// a chain, in memory from the heap.
fn may_pass(record: &[u8]) -> bool {
    let mut rest = record;
    for _ in 0..MAX_MESSAGES {
        let Some((&[kind, high, middle, low], behind)) = rest.split_first_chunk() else {
            return rest.is_empty();
        };
        let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap_or(usize::MAX);
        let Some((body, behind)) = behind.split_at_checked(length) else { return false };
        let fits = match kind {
            CERTIFICATE => count_certificates(body).is_some_and(|count| count <= MAX_CHAIN),
            CERTIFICATE_VERIFY | FINISHED | KEY_UPDATE => true,
            _ => false,
        };
        if !fits {
            return false;
        }
        rest = behind;
    }
    rest.is_empty()
}

/// The number of entries in a Certificate (RFC 8446 section 4.4.2); `None` when it cannot be read, or has extensions.
fn count_certificates(body: &[u8]) -> Option<usize> {
    let (&context, rest) = body.split_first()?;
    let rest = rest.get(usize::from(context)..)?;
    let (&[high, middle, low], mut list) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?;
    if length != list.len() {
        return None;
    }
    let mut count = 0;
    while !list.is_empty() {
        let (&[high, middle, low], behind) = list.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?;
        let (&[0, 0], behind) = behind.get(length..)?.split_first_chunk()? else { return None };
        list = behind;
        count += 1;
    }
    Some(count)
}
