//! One keyring, made from what its settings name: keys, grounds of trust, and the configurations of the TLS library.

use core::sync::atomic::AtomicU64;
use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use node_core::crypto::{Digest, Software};
use node_core::keys::{Keyring as Rules, KeyringError, SlotInfo};
use node_core::time::UnixTime;
use node_core::trust::{Certificate, Fingerprint};
use rustls::pki_types::{CertificateDer, ServerName};

use super::crl::{Distribution, Sources};
use super::directory::LoadedSlot;
use super::endpoint::Endpoint;
use super::error::{DirectoryProblem, TlsError};
use super::expiry::Dependence;
use super::hook::Hook;
use super::material::{self, Material, Stamps};
use super::settings::TlsSettings;
use super::trust::{Side, Trust};
use super::verifier::Verifier;

/// A keyring as its files were at one moment.
pub(super) struct Current {
    pub(super) stamps: Stamps,
    /// What differs from another keyring, if anything does.
    pub(super) content: Content,
    pub(super) active: SlotInfo,
    pub(super) digest: Fingerprint,
    pub(super) trust: Arc<Trust>,
    /// Where lists of revoked certificates come from by HTTP.
    pub(super) sources: Sources,
    pub(super) endpoint: Endpoint,
    /// SHA-256 of the certificate that is shown when this node dials.
    pub(super) client: Fingerprint,
    pub(super) server_name: Option<ServerName<'static>>,
    pub(super) timeout: Option<Duration>,
    pub(super) rate: Option<u32>,
    pub(super) map: bool,
    /// What this node shows when it dials.
    pub(super) own_chain: Vec<CertificateDer<'static>>,
    pub(super) dependences: Vec<Dependence>,
    pub(super) usable_until: (UnixTime, &'static str),
    pub(super) warnings: Vec<&'static str>,
    /// What the keyring is made from, for the log.
    pub(super) place: String,
}

/// What decides whether a keyring is another one: keys, and grounds of trust.
#[derive(PartialEq, Eq)]
pub(super) struct Content {
    pub(super) slots: Vec<SlotInfo>,
    pub(super) authorities: Vec<Fingerprint>,
    pub(super) settings: TlsSettings,
    /// SHA-256 over the lists of revoked certificates.
    pub(super) lists: Fingerprint,
}

impl Current {
    /// Reads everything that `settings` name. Returns what is wrong with slots that are left out, with `usable`.
    ///
    /// # Errors
    /// All that is wrong.
    pub(super) fn read(
        settings: &TlsSettings,
        usable: bool,
        hook: Option<Hook>,
        rejections: &Arc<AtomicU64>,
        distribution: &Arc<Distribution>,
    ) -> Result<(Self, Vec<TlsError>), TlsError> {
        let Material { stamps, mut slots, own, client, trust, sources, excused } =
            material::open(settings, usable, distribution)?;
        let infos: Vec<SlotInfo> = slots.iter().map(|slot| slot.info.clone()).collect();
        let place = place(settings);
        let broken =
            |error| DirectoryProblem::Keyring(error).of(settings.dir.as_deref().unwrap_or(Path::new("tls")));
        let rules = Rules::new(&infos).map_err(broken)?;
        // The first own pair is active; without one it is the first of the directory by name.
        let active = infos.first().filter(|_| own > 0).unwrap_or_else(|| rules.active()).clone();
        let digest = rules.digest(&Software);
        warn_about(&slots);

        // All own pairs may be shown; of a directory, the active one alone.
        let may_be_shown = |slot: &LoadedSlot| own > 0 || slot.info.name == active.name;
        let own_slots = slots.iter_mut().take(if own > 0 { own } else { usize::MAX });
        let mut pairs = own_slots
            .filter(|slot| may_be_shown(slot))
            .filter_map(|slot| slot.pair.take())
            .map(|pair| pair.signer);
        let shown = pairs.next().ok_or_else(|| broken(KeyringError::NoPair))?;
        let others = pairs.collect();
        let client_ends = client.as_ref().map(|slot| (slot.info.certificate, slot.info.not_after));
        let other = client.and_then(|slot| Some((slot.info.certificate, slot.pair?.signer)));
        let (client, dialler) = other.unwrap_or_else(|| (active.certificate, shown.clone()));
        let own_chain = dialler.cert.clone();
        let dependences = dependences(&slots, client_ends, &trust);
        let usable_until = usable_until(&active, client_ends, &trust);
        let authorities = [&trust.listening, &trust.dialling].into_iter().flat_map(|side| &side.authorities);
        let content = Content {
            slots: infos,
            authorities: authorities.map(|authority| authority.fingerprint).collect(),
            settings: settings.clone(),
            lists: trust.lists_digest,
        };
        let trust = Arc::new(Trust { hook, ..trust });
        let verifier = Verifier::new(Arc::clone(&trust), Arc::clone(rejections));
        let endpoint = Endpoint::new(shown, others, dialler, &settings.protocol, &trust, verifier)?;
        let current = Self {
            stamps,
            content,
            active,
            digest,
            trust,
            sources,
            endpoint,
            client,
            server_name: settings.server_name.clone(),
            timeout: settings.timeout,
            rate: settings.connection_rate_limit,
            map: settings.map,
            own_chain,
            dependences,
            usable_until,
            warnings: settings.warnings(),
            place,
        };
        Ok((current, excused))
    }

    /// What the keyring holds, for the log.
    pub(super) fn summary(&self) -> String {
        let SlotInfo { name, certificate, .. } = &self.active;
        let cas = match self.content.authorities.len() {
            0 => String::new(),
            _ => format!(
                "; CAs: {} for those who dial, {} for those who are dialled",
                self.trust.listening.authorities.len(),
                self.trust.dialling.authorities.len()
            ),
        };
        let trusted = self.trust.listening.anchors.len();
        format!("active is {name}, {certificate}; slots trusted: {trusted}{cas}")
    }
}

/// The certificates beside slots that this node or its peers depend on.
fn dependences(
    slots: &[LoadedSlot],
    client: Option<(Fingerprint, UnixTime)>,
    trust: &Trust,
) -> Vec<Dependence> {
    let mut all: Vec<Dependence> = Vec::new();
    let mut add = |what, certificate, not_after| {
        if all.iter().all(|known| known.certificate != certificate) {
            all.push(Dependence { what, certificate, not_after });
        }
    };
    for authority in [&trust.listening, &trust.dialling].into_iter().flat_map(|side| &side.authorities) {
        add("a CA that is trusted here", authority.fingerprint, authority.not_after);
    }
    if let Some((certificate, not_after)) = client {
        add("the certificate that this node shows when it dials", certificate, not_after);
    }
    for der in slots.iter().filter(|slot| slot.info.has_key).flat_map(|slot| slot.chain.iter().skip(1)) {
        if let Ok(certificate) = Certificate::parse(der) {
            let fingerprint = Fingerprint(Software.sha256(&[der]));
            add("an intermediate that this node shows", fingerprint, certificate.not_after);
        }
    }
    all
}

/// When the first thing ends without which no new link comes up: what this node shows, or the last CA of a side that has nothing else
/// to go by.
fn usable_until(
    active: &SlotInfo,
    client: Option<(Fingerprint, UnixTime)>,
    trust: &Trust,
) -> (UnixTime, &'static str) {
    let own = (active.not_after, "the active certificate");
    let client =
        client.map(|(_, not_after)| (not_after, "the certificate that this node shows when it dials"));
    let last_ca = |side: &Side| {
        let last = side.authorities.iter().map(|authority| authority.not_after).max();
        last.filter(|_| side.anchors.is_empty()).map(|end| (end, "the last CA that is trusted here"))
    };
    let ends = [Some(own), client, last_ca(&trust.listening), last_ca(&trust.dialling)];
    ends.into_iter().flatten().min_by_key(|(end, _)| *end).unwrap_or(own)
}

/// Where the keys are, for the log.
fn place(settings: &TlsSettings) -> String {
    match (&settings.dir, settings.pairs.first()) {
        (_, Some(pair)) => format!("TLS certificate {}", pair.certificate.place().display()),
        (Some(dir), None) => format!("TLS directory {}", dir.display()),
        (None, None) => "TLS".to_owned(),
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
