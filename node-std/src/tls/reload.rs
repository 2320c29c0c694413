//! The keyring of a running node: always the last good one.

use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use node_core::crypto::{Digest, Software};
use node_core::id::NodeId;
use node_core::keys::{SlotInfo, roles_in};
use node_core::time::UnixTime;
use node_core::trust::{
    Certificate, Certified, Fingerprint, Granted, GrantedBy, Match, Rejection, RoleRule, Roles, VerifyHook,
    roles_of,
};
use rustls::pki_types::{ServerName, SignatureVerificationAlgorithm};
use rustls::{ClientConfig, ServerConfig, SignatureScheme};
use tokio::sync::watch;

use super::crl::{Distribution, Fetched, ListStatus, Sources};
use super::current::Current;
use super::endpoint::Shows;
use super::error::{DirectoryProblem, TlsError};
use super::expiry::Dependence;
use super::hook::{Asked, CommandAnswer, Hook};
use super::listing;
use super::material::Stamps;
use super::password::KeyPassword;
use super::question::question;
use super::refused::RefusedPeer;
use super::settings::{CrlFetch, TlsSettings};
use super::trust::{Judgement, Shown, Standing, holds_for};
use crate::clock::unix_time;
use crate::config::host_of;
use crate::file_watch::Watched;

/// The keyring of a node: as its files are now, or as they were when they were last usable.
///
/// Getters never block, and each answers from one keyring. A connection asks for its configuration when it begins, so a
/// reload takes effect with the next connection. [`reload`](Self::reload) reads the files again, and
/// [`watch`](Self::watch) does so whenever they change.
pub struct Keyring {
    /// What is to be read. Locked while it is, so that an older reading never replaces a newer one.
    settings: Mutex<TlsSettings>,
    current: ArcSwap<Current>,
    /// The application's own verifier.
    hook: Option<Hook>,
    rejections: Arc<AtomicU64>,
    distribution: Arc<Distribution>,
    generation: watch::Sender<u64>,
    health: watch::Sender<Health>,
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

impl Keyring {
    /// Reads `directory`, with the password in the environment of this process if there is one. Blocks while it reads.
    ///
    /// # Errors
    /// The directory cannot be used. There is no last good keyring yet, so the node must not start.
    pub fn open(directory: impl AsRef<Path>) -> Result<Arc<Self>, TlsError> {
        let settings = TlsSettings::directory(directory.as_ref());
        Self::open_with(TlsSettings { password: KeyPassword::of_process(), ..settings })
    }

    /// Reads everything that `settings` name. Blocks while it reads.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn open_with(settings: TlsSettings) -> Result<Arc<Self>, TlsError> {
        Self::open_and_say(settings, None)
    }

    /// The same, with a verifier that has the last word about each peer: in the handshake, whenever the keyring changes, and
    /// each minute while a connection is up. It MUST be quick, because nothing else runs on its thread meanwhile. When it
    /// panics, nobody is let in any more.
    ///
    /// ```no_run
    /// use std::collections::BTreeSet;
    /// use std::sync::{Arc, Mutex};
    ///
    /// use node_core::trust::{VerifyAnswer, VerifyEvent, VerifyHook};
    /// use node_std::tls::Keyring;
    /// use node_std::tls::settings::TlsSettings;
    ///
    /// /// Lets in certificates whose serial numbers are known.
    /// struct Inventory(BTreeSet<Vec<u8>>);
    ///
    /// impl VerifyHook for Inventory {
    ///     fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
    ///         match event {
    ///             VerifyEvent::Valid(_) => VerifyAnswer::Accept,
    ///             VerifyEvent::ValidPeer(peer) if self.0.contains(peer.serial) => VerifyAnswer::Accept,
    ///             _ => VerifyAnswer::Refuse("it is not in the inventory"),
    ///         }
    ///     }
    /// }
    ///
    /// let inventory = Arc::new(Mutex::new(Inventory(BTreeSet::from([vec![0x4d, 0x61]]))));
    /// let keyring = Keyring::open_with_hook(TlsSettings::directory("/etc/maelstrom/tls"), inventory)?;
    /// # Ok::<(), node_std::tls::TlsError>(())
    /// ```
    ///
    /// # Errors
    /// All that is wrong.
    pub fn open_with_hook(
        settings: TlsSettings,
        hook: Arc<Mutex<dyn VerifyHook + Send>>,
    ) -> Result<Arc<Self>, TlsError> {
        Self::open_and_say(settings, Some(Hook(hook)))
    }

    fn open_and_say(settings: TlsSettings, hook: Option<Hook>) -> Result<Arc<Self>, TlsError> {
        let (keyring, _) = Self::start(settings, false, hook)?;
        let current = keyring.current.load();
        tracing::info!("{}: {}", current.place, current.summary());
        for warning in &current.warnings {
            tracing::warn!("{warning}");
        }
        drop(current);
        Ok(keyring)
    }

    /// The same for one who needs the active pair alone. Returns what is wrong with other slots of the directory, which are left
    /// out.
    ///
    /// # Errors
    /// The active pair cannot be used.
    pub fn open_usable(settings: TlsSettings) -> Result<(Arc<Self>, Vec<TlsError>), TlsError> {
        Self::start(settings, true, None)
    }

    fn start(
        mut settings: TlsSettings,
        usable: bool,
        hook: Option<Hook>,
    ) -> Result<(Arc<Self>, Vec<TlsError>), TlsError> {
        if let Some(dir) = &mut settings.dir {
            // The process may change its working directory.
            *dir = std::path::absolute(&*dir).map_err(|error| DirectoryProblem::Unreadable(error).of(dir))?;
        }
        let rejections = Arc::new(AtomicU64::new(0));
        let distribution = Arc::<Distribution>::default();
        let (current, excused) = Current::read(&settings, usable, hook.clone(), &rejections, &distribution)?;
        let keyring = Self {
            settings: Mutex::new(settings),
            current: ArcSwap::from_pointee(current),
            hook,
            rejections,
            distribution,
            generation: watch::Sender::new(1),
            health: watch::Sender::new(Health::Ok),
        };
        Ok((Arc::new(keyring), excused))
    }

    /// What is to be watched, because its changes may change the keyring.
    pub(super) fn watched(&self) -> Vec<Watched> {
        // Not those that are locked while files are read.
        let current = self.current.load();
        let settings = &current.content.settings;
        let directory = settings.dir.clone().map(|path| Watched::directory(path, listing::is_part));
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let files = settings.files().into_iter().map(|path| Watched::file(absolute(path)));
        directory.into_iter().chain(files).collect()
    }

    /// The configuration for accepting on the private port, with the active pair.
    #[must_use]
    pub fn server_config(&self) -> Shows<ServerConfig> {
        self.current.load().endpoint.server()
    }

    /// The same for a peer that can verify signatures by these schemes: it may be shown another pair.
    #[must_use]
    pub fn server_config_for(&self, schemes: &[SignatureScheme]) -> Shows<ServerConfig> {
        self.current.load().endpoint.server_for(schemes)
    }

    /// The configuration for dialling a link. Pass [`server_name`](Self::server_name) to the connector.
    #[must_use]
    pub fn link_client_config(&self) -> Shows<ClientConfig> {
        let current = self.current.load();
        Shows { config: Arc::clone(&current.endpoint.link_client), certificate: current.client }
    }

    /// The configuration for dialling with HTTP/1.1, as maelctl does.
    #[must_use]
    pub fn http_client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.current.load().endpoint.http_client)
    }

    /// The name that the certificate of a peer must have which is dialled at `address`. A host that cannot be in a certificate
    /// matches none.
    #[must_use]
    pub fn server_name(&self, address: &str) -> ServerName<'static> {
        let nobody = || ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into());
        let host = || address.parse().ok().and_then(|address| host_of(&address));
        self.current.load().server_name.clone().or_else(host).unwrap_or_else(nobody)
    }

    /// How long a handshake may take, if the operator says so.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.current.load().timeout
    }

    /// Why a node with the same CAs and rules would refuse this one when it dials, as far as that can be told here.
    #[must_use]
    pub fn own_rejection(&self) -> Option<Rejection> {
        let current = self.current.load();
        let chain: Vec<&[u8]> = current.own_chain.iter().map(AsRef::as_ref).collect();
        current.trust.refuses_own(&chain, unix_time())
    }

    /// The certificates beside slots that this node or its peers depend on.
    pub(super) fn dependences(&self) -> Vec<Dependence> {
        self.current.load().dependences.clone()
    }

    /// What each of these is, its SHA-256, and when it ends.
    #[must_use]
    pub fn depends_on(&self) -> Vec<(&'static str, Fingerprint, UnixTime)> {
        let each = |other: Dependence| (other.what, other.certificate, other.not_after);
        self.dependences().into_iter().map(each).collect()
    }

    /// When this node can make new links no longer, as far as dates say it, and which certificate ends then.
    #[must_use]
    pub fn usable_until(&self) -> (UnixTime, &'static str) {
        self.current.load().usable_until
    }

    /// Most handshakes that may begin in a second, if there is a limit.
    #[must_use]
    pub fn rate(&self) -> Option<u32> {
        self.current.load().rate
    }

    /// What an operator is warned of.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        self.current.load().warnings.clone()
    }

    /// The slot that signs.
    #[must_use]
    pub fn active(&self) -> SlotInfo {
        self.current.load().active.clone()
    }

    /// All slots, sorted by name.
    #[must_use]
    pub fn slots(&self) -> Vec<SlotInfo> {
        self.current.load().content.slots.clone()
    }

    /// Reads the slots, sorted by name, without copying them.
    #[must_use]
    pub fn read_slots<T>(&self, read: impl FnOnce(&[SlotInfo]) -> T) -> T {
        read(&self.current.load().content.slots)
    }

    /// The lists of revoked certificates in force, and the URLs that should have more.
    #[must_use]
    pub fn lists(&self) -> Vec<ListStatus> {
        let current = self.current.load();
        let files = current.trust.lists.iter().map(|list| list.status(None));
        files.chain(self.distribution.fetched().iter().map(Fetched::status)).collect()
    }

    /// What is known of lists that come by HTTP.
    pub(super) fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// Changes when lists come by HTTP, and when they fail to.
    pub fn subscribe_lists(&self) -> watch::Receiver<impl Sized + use<>> {
        self.distribution.subscribe()
    }

    /// How lists come by HTTP.
    pub(super) fn list_fetch(&self) -> CrlFetch {
        self.current.load().content.settings.list_fetch.clone()
    }

    /// Where lists come from by HTTP: what the configuration says, and what certificates do if they are asked.
    pub(super) fn list_sources(&self) -> Sources {
        let current = self.current.load();
        let mut sources = current.sources.clone();
        if current.trust.learns {
            sources.merge(self.distribution.learned().borrow().clone());
        }
        sources
    }

    /// The algorithms by which CAs may sign.
    pub(super) fn signature_algorithms(&self) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
        self.current.load().trust.provider.signature_verification_algorithms.all
    }

    /// Puts lists in force that came by HTTP, in place of those before. They are used beside those of files, also while the files
    /// cannot be read.
    pub(super) fn set_lists(&self, fetched: Vec<Fetched>) {
        // Stored before the generation grows, so that what is judged by it is judged by them.
        if self.distribution.replace(fetched) {
            self.generation.send_modify(|generation| *generation += 1);
        }
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
        let judgement = self.judgement(shown, now)?;
        Ok(holds_for(judgement.until, now))
    }

    fn judgement(&self, shown: &Shown, now: UnixTime) -> Result<Judgement, Rejection> {
        // Read before the keyring: a newer one is judged by again.
        let generation = *self.generation.borrow();
        let known = shown.judgement().filter(|known| known.generation == generation && now < known.judge_at);
        if let Some(known) = known {
            return Ok(known);
        }
        let answer = shown.answer();
        let asked = Asked::Before(answer.as_ref());
        let (standing, until) =
            self.current.load().trust.judge(&shown.chain(), shown.dialled(), now, asked)?;
        let judge_at = UnixTime(now.0.saturating_add(holds_for(until, now).as_secs()));
        let judgement = Judgement { standing, generation, until, judge_at };
        shown.remember(judgement);
        Ok(judgement)
    }

    /// Asks the verify command about a peer whose handshake is over, if there is one, before anything is done for the peer. It is
    /// asked again when the keyring changes; until then its answer counts for the life of the connection.
    ///
    /// It runs here and not in the handshake, because the TLS library decides in one call, which would hold up a worker of the
    /// runtime. A connection on which nobody called this is refused by [`judge`](Self::judge) and has no roles.
    ///
    /// # Errors
    /// [`RefusedPeer`]: the connection MUST end.
    pub async fn confirm(&self, shown: &Shown) -> Result<(), RefusedPeer> {
        let trust = Arc::clone(&self.current.load().trust);
        let Some(command) = &trust.side(shown.dialled()).rules.verify_command else { return Ok(()) };
        let Some(leaf) = shown.leaf() else { return Ok(()) };
        let (chain, mut errors, mut said) = (shown.chain(), Vec::new(), None);
        let decision = trust.judge(&chain, shown.dialled(), unix_time(), Asked::Later(&mut errors));
        // Where no answer can let the peer in, there is nothing to ask.
        if !matches!(decision, Err(_) | Ok((Standing::Anonymous, _)))
            && let Some(question) = question(&chain, shown.dialled(), &errors)
        {
            let answer = command.ask(question.to_string().as_bytes(), !errors.is_empty()).await;
            let accepts = answer.is_ok().then_some(errors);
            said = answer.err();
            shown.answered(CommandAnswer { command: command.clone(), accepts });
        }
        self.judgement(shown, unix_time()).map(|_| ()).map_err(|rejection| {
            self.rejections.fetch_add(1, Ordering::Relaxed);
            RefusedPeer::new(rejection, leaf, shown.dialled()).saying(said)
        })
    }

    /// Returns true when the peer proved a certificate that is trusted here.
    #[must_use]
    pub fn has_proved(&self, shown: &Shown) -> bool {
        let judged = self.judgement(shown, unix_time());
        judged.is_ok_and(|judgement| judgement.standing != Standing::Anonymous)
    }

    /// Returns true when a verify command is asked about peers.
    #[must_use]
    pub fn asks(&self) -> bool {
        let current = self.current.load();
        [&current.trust.listening, &current.trust.dialling]
            .iter()
            .any(|side| side.rules.verify_command.is_some())
    }

    /// The roles of a peer that showed this in its handshake, and that proved the id `node`, if it is one. Who is not trusted has none.
    #[must_use]
    pub fn granted(&self, shown: &Shown, rules: &[RoleRule], node: Option<NodeId>) -> Granted {
        const NONE: Granted = Granted { roles: Roles::NONE, by: GrantedBy::Default };
        let Ok(Judgement { standing, .. }) = self.judgement(shown, unix_time()) else { return NONE };
        let current = self.current.load();
        let slots = &current.content.slots;
        match (standing, shown.certificate(), shown.leaf().map(Certificate::parse)) {
            (Standing::Anonymous, ..) => roles_of(rules, &Match { node, ..Match::default() }),
            // Where roles come from names alone, a CA's word counts more than that the pair is this node's own.
            (standing, Some(certificate), _)
                if !(current.map && standing == Standing::Certified)
                    && slots.iter().any(|slot| slot.certificate == certificate) =>
            {
                roles_in(slots, certificate, rules, node)
            }
            // Of a pinned key the peer itself writes the names: they count only where a CA signed them.
            (standing, Some(fingerprint), Some(Ok(certificate))) => {
                let spki = Fingerprint(Software.sha256(&[certificate.spki]));
                let signed = standing == Standing::Certified;
                let certified = Certified { signed, certificate: &certificate, fingerprint, spki };
                let granted = roles_of(rules, &Match { slot: None, certified: Some(certified), node });
                if current.map && granted.by == GrantedBy::Default { NONE } else { granted }
            }
            _ => NONE,
        }
    }

    /// The number of keyrings since the start.
    pub(crate) fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Counts the keyrings since the start; changes after a new one is in force.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Lets everybody judge again who waits for the keyring to [change](Self::subscribe): rules beside it changed.
    pub fn judge_again(&self) {
        self.generation.send_modify(|generation| *generation += 1);
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

    /// Reads the files again. Blocks while it reads. Returns whether the keyring changed.
    ///
    /// # Errors
    /// They cannot be used. The last good keyring stays in use, and the health is degraded until a reading succeeds.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        self.read(&settings)
    }

    /// Reads what other settings name, from now on.
    ///
    /// # Errors
    /// As [`reload`](Self::reload). The former settings stay in use.
    pub fn replace(&self, settings: TlsSettings) -> Result<bool, TlsError> {
        let mut former = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = self.read(&settings)?;
        *former = settings;
        Ok(changed)
    }

    fn read(&self, settings: &TlsSettings) -> Result<bool, TlsError> {
        let outcome = Current::read(settings, false, self.hook.clone(), &self.rejections, &self.distribution);
        self.note_health(outcome.as_ref().err());
        let (next, _) = outcome?;
        let changed = next.content != self.current.load().content;
        if changed {
            tracing::info!("{}: {}", next.place, next.summary());
            for warning in &next.warnings {
                tracing::warn!("{warning}");
            }
        }
        // Stored in any case, because the chain beside an unchanged certificate may have changed.
        self.current.store(Arc::new(next));
        if changed {
            self.generation.send_modify(|generation| *generation += 1);
        }
        Ok(changed)
    }

    /// Whether the files have changed since they were last read, or could not be used then.
    pub(super) fn is_stale(&self) -> bool {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        self.health() != Health::Ok
            || Stamps::read(&settings).ok().as_ref() != Some(&self.current.load().stamps)
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
                Health::Ok => tracing::info!("{}: in order again", self.current.load().place),
                Health::Degraded { message, .. } => {
                    tracing::error!("{message}; the last good keyring stays in force");
                }
            }
            *health = next;
            true
        });
    }
}
