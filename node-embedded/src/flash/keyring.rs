//! The keyring in use: the parts of the bundle in flash that every handshake needs.

use core::cell::{Ref, RefCell};

#[cfg(feature = "accept")]
use node_core::crypto::SoftwareSigner;
use node_core::crypto::{Digest, P256Point, P256Secret, PublicKey, Sign, SignError, Signature, Software};
use node_core::keys::{
    Bundle, BundleError, Keyring, KeyringError, MAX_BUNDLE_CERTIFICATE, MAX_BUNDLE_SLOTS, SlotInfo, roles_in,
};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{Anchor, Certificate, Fingerprint, Role, Roles};
use zeroize::Zeroize as _;

use super::held::HeldKey;
use crate::settings::MAX_PINS;
#[cfg(feature = "accept")]
use crate::tls::Shown;
use crate::tls::{Credentials, Trust};

/// The slots of a bundle.
pub(crate) type KeySlots = heapless::Vec<SlotInfo, MAX_BUNDLE_SLOTS>;

/// A checked keyring.
pub(crate) struct Keys {
    trusted: heapless::Vec<Trusted, MAX_BUNDLE_SLOTS>,
    certificate: heapless::Vec<u8, MAX_BUNDLE_CERTIFICATE>,
    /// Without `Debug`, so that no log can hold it. Zeros when the board holds the key outside the keyring.
    secret: Secret,
    /// The board holds the private key of the active certificate outside the keyring.
    is_held: bool,
    active: Fingerprint,
    not_after: UnixTime,
    digest: Fingerprint,
    edition: Edition,
}

/// A private key, wiped when it is dropped.
struct Secret([u8; 32]);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A certificate in the keyring.
struct Trusted {
    certificate: Fingerprint,
    roles: Roles,
}

/// What a keyring is known by.
pub(crate) struct Summary {
    /// SHA-256 of the certificate that this node presents.
    pub(crate) active: Fingerprint,
    /// The digest of all certificates.
    pub(crate) digest: Fingerprint,
}

/// Counts the keyrings since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edition(u32);

impl Keys {
    /// Before the first keyring: nobody is trusted, and nothing is shown.
    pub(crate) const NONE: Self = Self {
        trusted: heapless::Vec::new(),
        certificate: heapless::Vec::new(),
        secret: Secret([0; 32]),
        is_held: false,
        active: Fingerprint([0; 32]),
        not_after: UnixTime(0),
        digest: Fingerprint([0; 32]),
        edition: Edition(0),
    };

    /// Checks an encoded bundle. The board holds the private key of `held` outside of it.
    ///
    /// # Errors
    /// Says what is wrong with which slot.
    pub(crate) fn check(bundle: &[u8], held: Option<PublicKey>) -> Result<Summary, BundleError> {
        Self::read(bundle, held, None)
    }

    /// Puts the keyring of an encoded bundle in the place of this one, as the next edition.
    ///
    /// # Errors
    /// As [`check`](Self::check); then nothing changed.
    pub(crate) fn load(&mut self, bundle: &[u8], held: Option<PublicKey>) -> Result<(), BundleError> {
        Self::read(bundle, held, Some(self)).map(drop)
    }

    /// Reads a bundle into its place, where it is large and holds a key: a copy on the stack would be neither short-lived nor wiped.
    #[inline(never)]
    fn read(
        bundle: &[u8],
        held: Option<PublicKey>,
        place: Option<&mut Self>,
    ) -> Result<Summary, BundleError> {
        let bundle = Bundle::decode(bundle)?;
        let slots = bundle.validate_with(&Software, held).map_err(|error| match error {
            BundleError::Keyring(KeyringError::NoPair) => BundleError::NoKey,
            error => error,
        })?;
        let keyring = Keyring::new(&slots).map_err(BundleError::Keyring)?;
        let active = keyring.active();
        let slot = bundle.slot(&active.name).ok_or(BundleError::NoKey)?;
        let key = slot.key();
        if key.is_none() && held.is_none() {
            return Err(BundleError::NoKey);
        }
        if slot.certificate.len() > MAX_BUNDLE_CERTIFICATE {
            return Err(BundleError::TooLong);
        }
        let summary = Summary { active: active.certificate, digest: keyring.digest(&Software) };
        let Some(place) = place else { return Ok(summary) };
        place.trusted.clear();
        place.trusted.extend(slots.iter().map(|slot| Trusted {
            certificate: slot.certificate,
            roles: roles_in(&slots, slot.certificate, &[], None).roles,
        }));
        place.certificate.clear();
        // It fits: its length was looked at above.
        let _ = place.certificate.extend_from_slice(slot.certificate);
        place.secret.0.zeroize();
        if let Some(P256Secret(secret)) = key {
            place.secret.0.copy_from_slice(secret);
        }
        place.is_held = key.is_none();
        place.active = summary.active;
        place.not_after = active.not_after;
        place.digest = summary.digest;
        place.edition = Edition(place.edition.0.wrapping_add(1));
        Ok(summary)
    }

    /// SHA-256 of the certificate that this node presents.
    pub(crate) const fn active(&self) -> Fingerprint {
        self.active
    }

    /// End of the validity of that certificate.
    pub(crate) const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The digest of all certificates.
    pub(crate) const fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// The number of this keyring.
    pub(crate) const fn edition(&self) -> Edition {
        self.edition
    }

    /// The public key of this certificate in `bundle`, from which the keyring was read, if it is an operator's.
    pub(crate) fn operator(&self, bundle: &[u8], certificate: Fingerprint) -> Option<P256Point> {
        if !self.roles(certificate).contains(Role::Operator) {
            return None;
        }
        let bundle = Bundle::decode(bundle).ok()?;
        let shown = bundle.slots().iter().map(|slot| slot.certificate);
        let der = shown.into_iter().find(|der| Software.sha256(&[der]) == certificate.0)?;
        Certificate::parse(der).ok()?.p256_key()
    }

    /// The roles of this certificate, none if it is not in the keyring.
    pub(crate) fn roles(&self, certificate: Fingerprint) -> Roles {
        let trusted = self.trusted.iter().find(|trusted| trusted.certificate == certificate);
        trusted.map_or(Roles::NONE, |trusted| trusted.roles)
    }

    /// The grounds to trust a hub at this time: this keyring and the pinned keys.
    pub(crate) fn trust<'h>(&self, pins: &[Fingerprint], clock: WallClock) -> Trust<'h> {
        let mut trust = Trust::new(Some(clock));
        let trusted = self.trusted.iter();
        let trusted = trusted.map(|slot| (Anchor::Certificate(slot.certificate), slot.roles));
        let pins = pins.iter().take(MAX_PINS).map(|pin| (Anchor::Spki(*pin), Roles::LINK_AS_HUB));
        trusted.chain(pins).for_each(|(anchor, roles)| trust.add(anchor, roles));
        trust
    }
}

/// The keyring as of the start of a handshake. It signs for that certificate alone, even when another keyring takes its
/// place during the handshake.
pub(crate) struct Presented<'k> {
    keys: &'k RefCell<&'k mut Keys>,
    edition: Edition,
    certificate: Fingerprint,
    held: Option<HeldKey<'k>>,
}

impl<'k> Presented<'k> {
    /// The keyring now. `held` is the key that the board holds outside of it.
    pub(crate) fn new(keys: &'k RefCell<&'k mut Keys>, held: Option<HeldKey<'k>>) -> Self {
        let current = keys.borrow();
        Self { keys, edition: current.edition, certificate: current.active, held }
    }

    /// SHA-256 of that certificate.
    pub(crate) const fn fingerprint(&self) -> Fingerprint {
        self.certificate
    }

    /// The number of this keyring.
    pub(crate) const fn edition(&self) -> Edition {
        self.edition
    }

    /// Whether this keyring is still in use.
    pub(crate) fn is_current(&self) -> bool {
        self.current().is_some()
    }

    /// Lends the certificate and its key; `None` when another keyring took its place, or a device holds the key: rustls keeps the key for
    /// as long as a handshake lasts, and no device is lent for that long.
    #[cfg(feature = "accept")]
    pub(crate) fn show<T>(&self, show: impl FnOnce(Shown<'_>) -> T) -> Option<T> {
        let keys = self.current()?;
        let signer = match keys.is_held {
            true => self.held?.copy()?,
            false => SoftwareSigner::new(P256Secret(&keys.secret.0)).ok()?,
        };
        Some(show(Shown { certificate: &keys.certificate, signer }))
    }

    fn current(&self) -> Option<Ref<'k, Keys>> {
        Some(Ref::map(self.keys.borrow(), |keys| &**keys)).filter(|keys| keys.edition == self.edition)
    }
}

impl Credentials for Presented<'_> {
    fn certificate(&self) -> Option<impl AsRef<[u8]>> {
        self.current().map(LentCertificate)
    }
}

impl Sign for Presented<'_> {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let keys = self.current().ok_or(SignError)?;
        if keys.is_held {
            // The device may take a while, in which the keyring is not lent.
            drop(keys);
            return self.held.ok_or(SignError)?.sign(message);
        }
        P256Secret(&keys.secret.0).sign(message)
    }
}

struct LentCertificate<'k>(Ref<'k, Keys>);

impl AsRef<[u8]> for LentCertificate<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.0.certificate
    }
}
