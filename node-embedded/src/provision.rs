//! Provisioning: what a board does before its node starts. It makes its identity, takes a blob out of a partition of its flash or
//! over a serial line, asks for a certificate of the TLS key that it holds itself, and lends its settings to the firmware (R-105 to R-109).

mod error;
#[cfg(feature = "tls-key")]
mod request;
mod serial;

use core::ops::Range;

use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::crypto::{PublicKey, Software};
use node_core::id::{Hex, NodeId};
use node_core::identity::node_id;
use node_core::keys::BundleError;
use node_core::provision::{Blob, BlobError, Recipient, Settings, SettingsError};
use zeroize::Zeroizing;

use crate::entropy;
use crate::flash::{BlobRecords, HeldKey, Keys, Record, Store, Wiped};
#[cfg(feature = "tls-key")]
use crate::leaf::load_tls_key;
use crate::leaf::{LeafResources, OwnKeys, StartError, check_device, draw_key, own_identity};
use crate::log::information;
use crate::settings::{IdentitySigner, TlsSigner};
use crate::sizes::SCRATCH;

pub use error::ProvisionError;

/// A board that can be provisioned: what its firmware knows and has.
pub struct Board<'b, G, F> {
    /// The kind of board, at most 63 bytes. Blobs for other kinds are refused.
    pub kind: &'b str,
    /// The provisioning key: when there is one, it alone signs the first blob. With `None` that is an operator whom the blob names.
    pub key: Option<PublicKey>,
    /// The device that holds the identity key, as in [`Settings::identity`](crate::Settings::identity).
    pub identity: Option<IdentitySigner<'b>>,
    /// The device that holds the TLS key, as in [`Settings::tls`](crate::Settings::tls). With `None` a board with the
    /// feature `tls-key` makes a key when it is asked for one.
    pub tls: Option<TlsSigner<'b>>,
    /// Random numbers that are good enough for keys.
    pub rng: G,
    /// Flash, as in [`Parts`](crate::Parts). [`Provisioner::close`] gives it back: to lend it by `&mut` here and by value there would
    /// double the code for it.
    pub flash: F,
    /// The range of the node's records, as in [`Parts`](crate::Parts).
    pub flash_range: Range<u32>,
}

/// Provisions a board, before its node starts. It works in the node's memory, which is free until then.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use embedded_storage_async::nor_flash::NorFlash;
/// use node_core::provision::Settings;
/// use node_embedded::{Board, LeafResources, Provisioner};
/// use rand_core::CryptoRngCore;
///
/// /// The settings of this board; it waits for them if need be.
/// async fn settings<'b>(
///     resources: &mut LeafResources<'static>,
///     board: Board<'_, impl CryptoRngCore, impl NorFlash>,
///     partition: &[u8],
///     uart: &mut (impl Read + Write),
///     buffer: &'b mut [u8],
/// ) -> Option<Settings<'b>> {
///     let mut provisioner = Provisioner::open(resources, board).await.ok()?;
///     // A blob that cannot be taken: log why, and go on with what there is.
///     let _ = provisioner.take_new(partition).await;
///     while !provisioner.is_provisioned() {
///         provisioner.serve(uart).await.ok()?;
///     }
///     // The node starts with `node_embedded::Settings::of` these.
///     provisioner.settings(buffer).await.ok()?
/// }
/// ```
pub struct Provisioner<'r, G, F: NorFlash> {
    installer: Installer<'r, G, F>,
    /// Where a blob arrives.
    buffer: &'r mut [u8; SCRATCH],
}

/// Judges blobs and stores them.
struct Installer<'r, G, F: NorFlash> {
    kind: &'r str,
    first: Option<PublicKey>,
    device: bool,
    tls_device: Option<TlsSigner<'r>>,
    identity: PublicKey,
    rng: G,
    store: Store<'r, F>,
    own: &'r mut OwnKeys,
}

impl<'r, G: CryptoRngCore, F: NorFlash> Provisioner<'r, G, F> {
    /// Opens the records in flash, and makes the identity key of a board that has none.
    ///
    /// # Errors
    /// [`StartError`]: flash, entropy or the device of the identity key cannot be used.
    pub async fn open(
        resources: &'r mut LeafResources<'_>,
        board: Board<'r, G, F>,
    ) -> Result<Self, StartError<F::Error>> {
        let Board { kind, key: first, identity: device, tls: tls_device, mut rng, flash, flash_range } =
            board;
        let (own, item, buffer) = resources.lend();
        entropy::test(&mut rng)?;
        let store = Store::open(flash, flash_range, item).await;
        let mut store = store.map_err(|(error, _)| StartError::Flash(error))?;
        let identity = match &device {
            Some(device) => {
                check_device(device.key, device.signer)?;
                device.key
            }
            None => own_identity(own, &mut store, &mut rng).await?,
        };
        #[cfg(feature = "tls-key")]
        load_tls_key(own, &mut store).await.map_err(StartError::Flash)?;
        let device = device.is_some();
        let installer = Installer { kind, first, device, tls_device, identity, rng, store, own };
        Ok(Self { installer, buffer })
    }

    /// Gives back the generator and the flash.
    pub fn close(self) -> (G, F) {
        (self.installer.rng, self.installer.store.detach().flash())
    }

    /// The id that the node has.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.installer.id()
    }

    /// The public key of its identity.
    #[must_use]
    pub const fn identity(&self) -> PublicKey {
        self.installer.identity
    }

    /// Whether a blob was taken. Then there are settings and a keyring.
    #[must_use]
    pub const fn is_provisioned(&self) -> bool {
        self.installer.store.has_settings()
    }

    /// The settings of the last blob, in `buffer`; `None` before the first one.
    /// [`MAX_SETTINGS`](node_core::provision::MAX_SETTINGS) bytes are always enough.
    ///
    /// # Errors
    /// The flash cannot be read, the settings are damaged or of another version, or `buffer` is too short.
    pub async fn settings<'b>(
        &mut self,
        buffer: &'b mut [u8],
    ) -> Result<Option<Settings<'b>>, ProvisionError<F::Error>> {
        let Some(record) = self.installer.store.settings().await? else { return Ok(None) };
        let length = record.len();
        let place = buffer.get_mut(..length).ok_or(BlobError::Settings(SettingsError::TooLong))?;
        place.copy_from_slice(&record);
        Ok(Some(Settings::decode(place).map_err(BlobError::Settings)?))
    }

    /// Takes the blob at the start of `partition`. Returns false when there is none, or when it is no newer than the last one, as
    /// at each start after the first.
    ///
    /// # Errors
    /// [`ProvisionError`]: the board is as before.
    pub async fn take_new(&mut self, partition: &[u8]) -> Result<bool, ProvisionError<F::Error>> {
        match Blob::read(partition) {
            Err(BlobError::Missing) => Ok(false),
            Err(error) => Err(error.into()),
            Ok(blob) if blob.epoch <= self.installer.store.epoch() => Ok(false),
            Ok(blob) => self.installer.take(&blob).await.map(|()| true),
        }
    }

    /// As [`take_new`](Self::take_new), with a partition in the flash of the node's records, of which `range` is read.
    ///
    /// # Errors
    /// As [`take_new`](Self::take_new).
    pub async fn take_new_at(&mut self, range: Range<u32>) -> Result<bool, ProvisionError<F::Error>> {
        let Self { installer, buffer } = self;
        let buffer = Wiped(buffer);
        let length = range.len().min(SCRATCH) / F::READ_SIZE * F::READ_SIZE;
        let place = buffer.0.get_mut(..length).unwrap_or_default();
        installer.store.read(range.start, place).await?;
        match Blob::read(place) {
            Err(BlobError::Missing) => Ok(false),
            Err(BlobError::Truncated { need, .. }) if range.len() >= need => {
                Err(BlobError::TooLong(need).into())
            }
            Err(error) => Err(error.into()),
            Ok(blob) if blob.epoch <= installer.store.epoch() => Ok(false),
            Ok(blob) => installer.take(&blob).await.map(|()| true),
        }
    }

    /// Takes a blob.
    ///
    /// # Errors
    /// [`ProvisionError`]: the board is as before, but for a keyring on trial, which may have been dropped.
    pub async fn take(&mut self, blob: &[u8]) -> Result<(), ProvisionError<F::Error>> {
        self.installer.take(&Blob::read(blob)?).await
    }
}

impl<G: CryptoRngCore, F: NorFlash> Installer<'_, G, F> {
    fn id(&self) -> NodeId {
        node_id(self.identity, &Software)
    }

    /// The TLS key that the board holds itself.
    fn held(&self) -> Option<HeldKey<'_>> {
        HeldKey::find(self.tls_device, &self.own.tls)
    }

    async fn take(&mut self, blob: &Blob<'_>) -> Result<(), ProvisionError<F::Error>> {
        if blob.new_identity && self.device {
            return Err(ProvisionError::NewIdentity);
        }
        let recipient = Recipient {
            kind: self.kind,
            id: self.id(),
            epoch: self.store.epoch(),
            keyring: None,
            key: self.first,
        };
        let held = self.held().map(|held| held.public_key());
        check(blob, &recipient, self.store.confirmed_keyring().await?, held)?;
        let mut secret = Zeroizing::new([0; 32]);
        if blob.new_identity {
            draw_key(&mut self.own.identity, &mut secret, &mut self.rng)?;
        }
        let identity = blob.new_identity.then_some(&*secret);
        let Blob { epoch, settings, keyring, .. } = *blob;
        self.store.install(&BlobRecords { epoch, settings, keyring, identity }).await?;
        if let Some(signer) = self.own.identity.first().filter(|_| blob.new_identity) {
            self.identity = signer.public_key();
        }
        information!(
            "provisioned by {}: this board is the node {}, its public key {}",
            blob.signer,
            self.id(),
            Hex(&self.identity.to_sec1())
        );
        Ok(())
    }
}

/// Checks all of a blob against a board with this keyring.
///
/// Not inlined, so that the stack of a signature's check is given back, and no future keeps a copy of keys.
#[inline(never)]
fn check(
    blob: &Blob<'_>,
    recipient: &Recipient<'_>,
    keyring: Option<Record<'_>>,
    held: Option<PublicKey>,
) -> Result<(), BlobError> {
    let recipient = Recipient { keyring: keyring.as_deref(), ..*recipient };
    blob.check(&recipient, &Software)?;
    blob.keyring.map_or(Ok(()), |bundle| usable(bundle, held)).map_err(BlobError::Keyring)
}

/// Checks a keyring by its own rules.
#[inline(never)]
fn usable(bundle: &[u8], held: Option<PublicKey>) -> Result<(), BundleError> {
    Keys::check(bundle, held).map(drop)
}
