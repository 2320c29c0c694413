//! Devices that sign and never give their key away, behind a bus.

use core::fmt;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_time::{Duration, Instant};
use node_core::crypto::{Digest, Sign, SignError, Signature, Software};

/// Longest time for one signature: below the 5 s in which a hub waits for the proof, two signatures and their handshake fit.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A device that holds a P-256 key and signs with it, for example a secure element on I2C.
pub trait SignDigest {
    /// An ECDSA signature of this SHA-256.
    ///
    /// The future is polled again and again until it is done, and never woken: it may wait for an interrupt or a DMA of a driver that
    /// checks its own state. It MUST NOT wait for a `Timer` of embassy-time, whose queue takes wakers of the executor only; a device
    /// that needs time is asked again, or given it with `Instant`.
    ///
    /// # Errors
    /// [`SignError`]: the device does not answer, or does not sign.
    fn sign_digest(&mut self, digest: &[u8; 32]) -> impl Future<Output = Result<Signature, SignError>>;
}

/// Signs for a node with a device behind a bus, whose driver is asynchronous.
///
/// TLS and the protocol sign in the middle of a step, so **the executor waits for the device**: no other task on it runs meanwhile,
/// nor does the network. Interrupts, and executors of a higher priority, run on. A secure element takes some 50 to 120 ms for a
/// signature. There are two for each link (one in the handshake when the TLS key is in the device, one in the proof of identity when the
/// identity key is), one at the start for each key, and one for each change of what the node says of itself. Give tasks that cannot
/// wait so long an executor of their own, and a watchdog more time than this. A device that takes longer than a second counts as one that
/// failed; then there is no link, and a later dial asks it again.
///
/// ```
/// use node_core::crypto::{PublicKey, SignError, Signature};
/// use node_embedded::{BlockingSigner, IdentitySigner, Settings, SignDigest, TlsSigner};
///
/// /// One key of a secure element.
/// struct Slot(u8);
///
/// impl SignDigest for Slot {
///     async fn sign_digest(&mut self, digest: &[u8; 32]) -> Result<Signature, SignError> {
///         # let _ = digest;
///         // Write the digest to the device, ask until it is done, and read 64 bytes.
///         Ok(Signature::from_bytes([self.0; 64]))
///     }
/// }
///
/// fn keys<'d>(
///     settings: Settings<'d>,
///     identity: (PublicKey, &'d BlockingSigner<Slot>),
///     tls: (PublicKey, &'d BlockingSigner<Slot>),
/// ) -> Settings<'d> {
///     Settings {
///         identity: Some(IdentitySigner { key: identity.0, signer: identity.1, unseal: None }),
///         tls: Some(TlsSigner { key: tls.0, signer: tls.1 }),
///         ..settings
///     }
/// }
/// ```
pub struct BlockingSigner<D> {
    device: Mutex<CriticalSectionRawMutex, D>,
}

impl<D: SignDigest> BlockingSigner<D> {
    /// Signs with this device. Two keys on one bus share the bus, not this.
    pub const fn new(device: D) -> Self {
        Self { device: Mutex::new(device) }
    }
}

impl<D> fmt::Debug for BlockingSigner<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingSigner").finish_non_exhaustive()
    }
}

impl<D: SignDigest> Sign for BlockingSigner<D> {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        // Locked only if another executor signs with it at this moment.
        let mut device = self.device.try_lock().map_err(|_| SignError)?;
        let until = Instant::now() + TIMEOUT;
        let digest = Software.sha256(&[message]);
        wait(device.sign_digest(&digest), || Instant::now() < until).unwrap_or(Err(SignError))
    }
}

/// Polls a future until it is done. `None` when there is no more time.
fn wait<T>(future: impl Future<Output = T>, mut has_time: impl FnMut() -> bool) -> Option<T> {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return Some(done);
        }
        if !has_time() {
            return None;
        }
        core::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;

    use super::wait;

    #[test]
    fn a_device_that_does_not_answer_is_given_up() {
        let mut turns = 0;
        let has_time = || {
            turns += 1;
            turns < 1000
        };
        assert_eq!(wait(pending::<()>(), has_time), None);
        assert_eq!(turns, 1000);
        assert_eq!(wait(async { 7 }, || false), Some(7));
    }
}
