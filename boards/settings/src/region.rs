//! The region of memory that the host fills: the partition, then the length of the extras and the extras as postcard.

use core::fmt::Write as _;
use core::net::SocketAddrV4;

use heapless::{String, Vec};
use node_core::crypto::{Digest, P256Secret, Software, SoftwareSigner};
use node_core::keys::{Bundle, BundleError};
use node_core::provision::{self, Draft, DraftError, MAX_BLOB, MAX_SETTINGS, SettingsError};
use node_core::time::UnixTime;
use node_core::trust::Fingerprint;
use thiserror::Error;

use crate::{Extras, Ip, Settings};

/// Length of the region in bytes.
pub const REGION: usize = 8192;
/// Bytes before the extras: their length, little-endian.
const LENGTH: usize = 2;
/// An `ADDRESS:PORT`.
type Address = String<{ "255.255.255.255:65535".len() }>;
/// A port on which nothing listens, on the host.
const NOBODY: &str = "10.0.2.2:9";

/// The partition in a region: the bytes in which a blob lies.
#[must_use]
pub fn partition(region: &[u8; REGION]) -> &[u8] {
    region.get(..MAX_BLOB).unwrap_or_default()
}

impl Settings<'_> {
    /// Writes the region for a board: a blob of this epoch for any board, and the extras.
    ///
    /// # Errors
    ///
    /// [`enum@Error`] says what does not fit.
    pub fn encode(&self, epoch: u64, region: &mut [u8; REGION]) -> Result<(), Error> {
        region.fill(0xff);
        let Some((blob, extras)) = region.split_first_chunk_mut::<MAX_BLOB>() else {
            return Err(Error::TooLong);
        };
        let Self { authority, crl, request, overflow, .. } = *self;
        let (length, rest) = extras.split_first_chunk_mut::<LENGTH>().ok_or(Error::TooLong)?;
        let written = postcard::to_slice(&Extras { authority, crl, request, overflow }, rest);
        let written = written.map_err(|_| Error::TooLong)?.len();
        *length = u16::try_from(written).map_err(|_| Error::TooLong)?.to_le_bytes();
        let Some(keyring) = self.keyring else { return Ok(()) };
        let mut buffer = [0; MAX_SETTINGS];
        let hubs: Vec<Address, { crate::MAX_HUB_ADDRESSES }> = self.hubs.iter().map(text).collect();
        let listen = self.listen.as_ref().map(text);
        let settings = self.translate(&hubs, listen.as_ref()).encode(&mut buffer)?;
        let bundle = Bundle::decode(keyring).map_err(Error::Keyring)?;
        let pair = bundle.slots().iter().filter(|slot| slot.key().is_some());
        let pair = pair.min_by(|one, other| one.name.cmp(&other.name)).ok_or(Error::NoPair)?;
        let secret = pair.key().unwrap_or(P256Secret(&[0; 32]));
        let signer = SoftwareSigner::new(secret).map_err(|_| Error::NoPair)?;
        let certificate = Fingerprint(Software.sha256(&[pair.certificate]));
        let keyring = Some(keyring);
        let draft = Draft { epoch, kind: "", board: None, new_identity: false, settings, keyring };
        // What is not blob stays as it is in an erased flash.
        let length = draft.sign(certificate, &signer, &Software, blob)?.len();
        blob.get_mut(length..).unwrap_or_default().fill(0xff);
        Ok(())
    }

    fn translate<'s>(&'s self, hubs: &'s [Address], listen: Option<&'s Address>) -> provision::Settings<'s> {
        let mut settings = provision::Settings::new(self.name, self.cluster);
        settings.hubs.extend(hubs.iter().map(String::as_str));
        settings.listen.extend(listen.map(String::as_str));
        if hubs.is_empty() && listen.is_none() {
            settings.hubs.extend([NOBODY]);
        }
        settings.uses.extend(self.uses.iter().copied());
        settings.not_before = UnixTime(self.unix_floor);
        if let Ip::Static { address, prefix, gateway } = self.ip {
            settings.ip = provision::Ip::Static { address, prefix, gateway, name_servers: Vec::new() };
        }
        settings
    }
}

fn text(address: &SocketAddrV4) -> Address {
    let mut text = Address::new();
    // Every address fits.
    let _ = write!(text, "{address}");
    text
}

impl<'a> Extras<'a> {
    /// Reads the extras of a region; there are none in one that nobody filled.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`].
    pub fn decode(region: &'a [u8; REGION]) -> Result<Self, Error> {
        let extras = region.get(MAX_BLOB..).unwrap_or_default();
        let (length, rest) = extras.split_first_chunk::<LENGTH>().ok_or(Error::Damaged)?;
        match u16::from_le_bytes(*length) {
            0 | 0xffff => Ok(Self::default()),
            length => {
                let bytes = rest.get(..usize::from(length)).ok_or(Error::Damaged)?;
                postcard::from_bytes(bytes).map_err(|_| Error::Damaged)
            }
        }
    }
}

/// Why a region cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The extras cannot be read.
    #[error("what the test gave the board beside its blob is damaged")]
    Damaged,
    /// The blob cannot be made.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The keyring cannot be read.
    #[error(transparent)]
    Keyring(BundleError),
    /// The keyring has no pair that signs.
    #[error("the keyring has no pair, so nobody signs the blob")]
    NoPair,
    /// A setting is out of range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It does not fit.
    #[error("the settings are too long")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use node_core::id::NodeId;
    use node_core::provision::{Blob, BlobError, Recipient};

    use super::*;
    use crate::Request;

    #[test]
    fn a_board_finds_what_the_host_wrote() {
        let mut settings = Settings::new("kettle", "kitchen");
        settings.request = Some(Request { component: "clock", path: "/now", period_ms: 250 });
        settings.authority = Some(&[0x30; 600]);
        settings.crl = Some(&[0x31; 300]);
        let mut region = [0; REGION];
        settings.encode(1, &mut region).unwrap();
        let extras = Extras::decode(&region).unwrap();
        assert_eq!((extras.request, extras.authority), (settings.request, settings.authority));
        assert!(matches!(Blob::read(partition(&region)), Err(BlobError::Missing)), "without a keyring");
        settings.crl = Some(&[0; REGION]);
        assert_eq!(settings.encode(1, &mut region), Err(Error::TooLong));
    }

    #[test]
    fn a_board_takes_the_blob() {
        const A: &[u8] = include_bytes!("../../../node-core/tests/fixtures/p256_a.der");
        const SECRET: &[u8; 32] = include_bytes!("../../../node-core/tests/fixtures/p256_a.secret");
        let mut bundle = Bundle::default();
        let name = node_core::id::Name::new("a").unwrap();
        bundle.push(node_core::keys::BundleSlot::pair(name, A, P256Secret(SECRET))).unwrap();
        let mut buffer = [0; node_core::keys::MAX_BUNDLE];
        let mut settings = Settings::new("kettle", "kitchen");
        settings.keyring = Some(bundle.encode(&mut buffer).unwrap());
        settings.ip = Ip::Static { address: [10, 0, 2, 15].into(), prefix: 24, gateway: None };
        settings.hubs.push("10.0.2.2:8374".parse().unwrap()).unwrap();
        let mut region = [0; REGION];
        settings.encode(7, &mut region).unwrap();
        let blob = Blob::read(partition(&region)).unwrap();
        let board = Recipient { kind: "any", id: NodeId([1; 16]), epoch: 6, keyring: None, key: None };
        let taken = blob.check(&board, &Software).unwrap();
        assert_eq!((taken.name, &taken.hubs[..], blob.epoch), ("kettle", &["10.0.2.2:8374"][..], 7));
        assert_eq!(Extras::decode(&region), Ok(Extras::default()));
    }

    #[test]
    fn memory_that_nobody_filled_holds_nothing() {
        for byte in [0, 0xff] {
            let region = [byte; REGION];
            assert_eq!(Extras::decode(&region), Ok(Extras::default()));
            assert!(matches!(Blob::read(partition(&region)), Err(BlobError::Missing)));
        }
        let mut region = [0; REGION];
        region[MAX_BLOB..].fill(0x7f);
        assert_eq!(Extras::decode(&region), Err(Error::Damaged));
    }
}
