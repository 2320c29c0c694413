//! The keyring of a running node: always the last good one.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use node_core::crypto::Software;
use node_core::keys::{Keyring as Rules, SlotInfo};
use node_core::trust::{Fingerprint, Rejection};
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::watch;

use super::directory::{self, LoadedSlot, Usable};
use super::endpoint::Endpoint;
use super::error::{DirectoryProblem, TlsError};
use super::listing::Listing;
use super::password::KeyPassword;
use super::provider::provider;
use super::trust::{Shown, Trust, holds_for};
use super::verifier::Verifier;
use crate::clock::unix_time;

/// The keyring of a TLS directory: as the directory is now, or as it was when it was last usable.
///
/// Getters never block, and each answers from one keyring. A connection asks for its configuration when it begins, so a
/// reload takes effect with the next connection. [`reload`](Self::reload) reads the directory again, and
/// [`watch`](Self::watch) does so whenever it changes.
pub struct Keyring {
    directory: PathBuf,
    password: Option<KeyPassword>,
    current: ArcSwap<Current>,
    rejections: Arc<AtomicU64>,
    generation: watch::Sender<u64>,
    health: watch::Sender<Health>,
    /// Locked while the directory is read, so that an older reading never replaces a newer one.
    reading: Mutex<()>,
}

/// A configuration, and the certificate that a connection with it shows. They belong together also while the keyring changes.
#[derive(Clone, Debug)]
pub struct Shows<C> {
    /// The configuration.
    pub config: Arc<C>,
    /// SHA-256 of the certificate.
    pub certificate: Fingerprint,
}

/// The state of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can be used, and the keyring is the one that it holds.
    Ok,
    /// It cannot be used, and the keyring is the last good one.
    Degraded {
        /// The problem. The text names the file.
        message: String,
        /// Since when it cannot be used.
        since: SystemTime,
    },
}

struct Current {
    listing: Listing,
    slots: Vec<SlotInfo>,
    active: SlotInfo,
    digest: Fingerprint,
    trust: Arc<Trust>,
    endpoint: Endpoint,
}

impl Keyring {
    /// Reads `directory`, with the password in the environment of this process if there is one. Blocks while it reads.
    ///
    /// # Errors
    /// The directory cannot be used. There is no last good keyring yet, so the node must not start.
    pub fn open(directory: impl AsRef<Path>) -> Result<Arc<Self>, TlsError> {
        Self::open_with(directory, KeyPassword::of_process())
    }

    /// The same with the password of the encrypted keys that have no `.password` file. It is kept for reloads.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        directory: impl AsRef<Path>,
        password: Option<KeyPassword>,
    ) -> Result<Arc<Self>, TlsError> {
        let directory = directory.as_ref();
        let directory = std::path::absolute(directory)
            .map_err(|error| DirectoryProblem::Unreadable(error).of(directory))?;
        let rejections = Arc::new(AtomicU64::new(0));
        let current = Current::read(&directory, password.as_ref(), &rejections)?;
        tracing::info!("TLS directory {}: {}", directory.display(), current.summary());
        Ok(Arc::new(Self::new(directory, password, current, rejections)))
    }

    /// Reads `directory` for one who needs its active pair alone. Returns what is wrong with other slots, which are left out.
    ///
    /// # Errors
    /// The active pair cannot be used.
    pub fn open_usable(directory: impl AsRef<Path>) -> Result<(Arc<Self>, Vec<TlsError>), TlsError> {
        let directory = directory.as_ref();
        let password = KeyPassword::of_process();
        let Usable { listing, slots, problems } = directory::read_usable(directory, password.as_ref())?;
        let rejections = Arc::default();
        let current = Current::of(directory, listing, slots, &rejections)?;
        Ok((Arc::new(Self::new(directory.to_owned(), password, current, rejections)), problems))
    }

    fn new(
        directory: PathBuf,
        password: Option<KeyPassword>,
        current: Current,
        rejections: Arc<AtomicU64>,
    ) -> Self {
        Self {
            directory,
            password,
            current: ArcSwap::from_pointee(current),
            rejections,
            generation: watch::Sender::new(1),
            health: watch::Sender::new(Health::Ok),
            reading: Mutex::new(()),
        }
    }

    /// The directory, as an absolute path.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The configuration for accepting on the private port. The client must show a certificate.
    #[must_use]
    pub fn server_config(&self) -> Shows<ServerConfig> {
        let current = self.current.load();
        Shows { config: Arc::clone(&current.endpoint.server), certificate: current.active.certificate }
    }

    /// The configuration for dialling a link. Pass [`server_name`](super::server_name) to the connector.
    #[must_use]
    pub fn link_client_config(&self) -> Shows<ClientConfig> {
        let current = self.current.load();
        Shows { config: Arc::clone(&current.endpoint.link_client), certificate: current.active.certificate }
    }

    /// The configuration for dialling with HTTP/1.1, as maelctl does.
    #[must_use]
    pub fn http_client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.current.load().endpoint.http_client)
    }

    /// The slot that signs.
    #[must_use]
    pub fn active(&self) -> SlotInfo {
        self.current.load().active.clone()
    }

    /// All slots, sorted by name.
    #[must_use]
    pub fn slots(&self) -> Vec<SlotInfo> {
        self.current.load().slots.clone()
    }

    /// Reads the slots, sorted by name, without copying them.
    #[must_use]
    pub fn read_slots<T>(&self, read: impl FnOnce(&[SlotInfo]) -> T) -> T {
        read(&self.current.load().slots)
    }

    /// The digest of all certificates that are trusted (PROTOCOL.md).
    #[must_use]
    pub fn digest(&self) -> Fingerprint {
        self.current.load().digest
    }

    /// Judges a peer again whose connection is up. Returns how long the decision holds: it has to be made anew then, and whenever
    /// the keyring [changes](Self::subscribe).
    ///
    /// # Errors
    /// [`Rejection`]: the connection MUST end.
    pub fn judge(&self, shown: &Shown) -> Result<Duration, Rejection> {
        let now = unix_time();
        let accepted = self.current.load().trust.judge(&shown.chain(), now)?;
        Ok(holds_for(accepted.until, now))
    }

    /// Counts the keyrings since the start; changes after a new one is in force.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// The state of the directory when it was last read.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// The same as [`health`](Self::health), for waiting until it changes.
    #[must_use]
    pub fn subscribe_health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Peers refused for their certificates since the start.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }

    /// Reads the directory again. Blocks while it reads. Returns whether the keyring changed.
    ///
    /// # Errors
    /// The directory cannot be used. The last good keyring stays in use, and the health is degraded until a reading succeeds.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = Current::read(&self.directory, self.password.as_ref(), &self.rejections);
        self.note_health(outcome.as_ref().err());
        let next = outcome?;
        let changed = next.slots != self.current.load().slots;
        if changed {
            tracing::info!("TLS directory {}: {}", self.directory.display(), next.summary());
        }
        // Stored in any case, because the chain beside an unchanged certificate may have changed.
        self.current.store(Arc::new(next));
        if changed {
            self.generation.send_modify(|generation| *generation += 1);
        }
        Ok(changed)
    }

    /// Whether the directory has changed since it was last read, or could not be used then.
    pub(super) fn is_stale(&self) -> bool {
        self.health() != Health::Ok
            || Listing::read(&self.directory).ok().as_ref() != Some(&self.current.load().listing)
    }

    fn note_health(&self, error: Option<&TlsError>) {
        self.health.send_if_modified(|health| {
            let next = match (error, &*health) {
                (None, _) => Health::Ok,
                (Some(error), Health::Degraded { since, .. }) => {
                    Health::Degraded { message: error.to_string(), since: *since }
                }
                (Some(error), Health::Ok) => {
                    Health::Degraded { message: error.to_string(), since: SystemTime::now() }
                }
            };
            if next == *health {
                return false;
            }
            match &next {
                Health::Ok => tracing::info!("TLS directory {}: in order again", self.directory.display()),
                Health::Degraded { message, .. } => {
                    tracing::error!("{message}; the last good keyring stays in force");
                }
            }
            *health = next;
            true
        });
    }
}

impl Current {
    fn read(
        directory: &Path,
        password: Option<&KeyPassword>,
        rejections: &Arc<AtomicU64>,
    ) -> Result<Self, TlsError> {
        let (listing, slots) = directory::read(directory, password)?;
        Self::of(directory, listing, slots, rejections)
    }

    fn of(
        directory: &Path,
        listing: Listing,
        mut slots: Vec<LoadedSlot>,
        rejections: &Arc<AtomicU64>,
    ) -> Result<Self, TlsError> {
        let infos: Vec<SlotInfo> = slots.iter().map(|slot| slot.info.clone()).collect();
        let broken = |error| DirectoryProblem::Keyring(error).of(directory);
        let rules = Rules::new(&infos).map_err(broken)?;
        let (active, digest) = (rules.active().clone(), rules.digest(&Software));
        warn_about(&slots);

        let trust = Arc::new(Trust::new(infos.iter().map(SlotInfo::anchor).collect()));
        let verifier = Verifier::new(Arc::clone(&trust), provider(), Arc::clone(rejections));
        let signer = slots.iter_mut().find(|slot| slot.info.name == active.name);
        let signer = signer
            .and_then(|slot| slot.pair.take())
            .ok_or_else(|| broken(node_core::keys::KeyringError::NoPair))?;
        let endpoint = Endpoint::new(signer.signer, verifier)?;
        Ok(Self { listing, slots: infos, active, digest, trust, endpoint })
    }

    fn summary(&self) -> String {
        let SlotInfo { name, certificate, .. } = &self.active;
        format!("active is {name}, {certificate}; slots trusted: {}", self.slots.len())
    }
}

/// Logs a warning for each thing that works but needs a correction.
fn warn_about(slots: &[LoadedSlot]) {
    for path in slots.iter().flat_map(|slot| &slot.exposed) {
        tracing::warn!(
            "every user of this machine can read {}, which is secret: chmod 600 it",
            path.display()
        );
    }
}
