//! The TLS key that a board holds itself, and the request for a certificate of it.

use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::crypto::{SignError, Software};
use node_core::id::{Hex, NodeId};
use node_core::provision::{CertificateRequest, certificate_request};
use zeroize::Zeroizing;

use super::{Installer, ProvisionError, Provisioner};
use crate::entropy::NoEntropy;
use crate::flash::HeldKey;
use crate::leaf::{draw_key, keep};
use crate::log::information;

impl<G: CryptoRngCore, F: NorFlash> Provisioner<'_, G, F> {
    /// A request for a certificate of the TLS key that the board holds itself. The first one makes the key and stores it in flash, unless
    /// a device holds it. A keyring then needs no private key, but a certificate that was made from the request.
    ///
    /// On a serial line [`serve`](Self::serve) answers with it. Firmware that is provisioned by a partition alone calls this, and says
    /// the request in its log.
    ///
    /// # Errors
    /// There are no random numbers, the flash cannot be written, or the device does not sign. The board is as before.
    pub async fn certificate_request(&mut self) -> Result<CertificateRequest, ProvisionError<F::Error>> {
        self.installer.certificate_request().await
    }
}

impl<G: CryptoRngCore, F: NorFlash> Installer<'_, G, F> {
    pub(super) async fn certificate_request(
        &mut self,
    ) -> Result<CertificateRequest, ProvisionError<F::Error>> {
        if self.held().is_none() {
            self.make_tls_key().await?;
        }
        sign(self.id(), self.held()).map_err(ProvisionError::Sign)
    }

    /// Makes a key, and stores it.
    async fn make_tls_key(&mut self) -> Result<(), ProvisionError<F::Error>> {
        let mut secret = Zeroizing::new([0; 32]);
        draw_key(&mut self.own.tls, &mut secret, &mut self.rng)?;
        // Out of its place again while the flash is written: that may fail, and this future may be dropped.
        self.own.tls.clear();
        self.store.set_tls_key(&secret).await?;
        keep(&mut self.own.tls, &secret).map_err(|_| NoEntropy)?;
        if let Some(key) = self.held().map(|held| held.public_key()) {
            information!("this board made its TLS key, whose public key is {}", Hex(&key.to_sec1()));
        }
        Ok(())
    }
}

/// Signs a request. Not inlined, so that the stack of a signature is given back.
#[inline(never)]
fn sign(id: NodeId, held: Option<HeldKey<'_>>) -> Result<CertificateRequest, SignError> {
    let held = held.ok_or(SignError)?;
    let key = Software.decompress(held.public_key()).ok_or(SignError)?;
    certificate_request(id, &key, &held)
}
