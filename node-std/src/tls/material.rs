//! Everything that the settings name, opened at one moment: keys, certificates, CAs and lists.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use node_core::crypto::{Digest, Software};
use node_core::id::Name;
use node_core::keys::MAX_SLOTS;
use node_core::trust::{AcceptedKeys, Anchor, Authority, Certificate, Fingerprint, KeyAlgorithm};
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::crl::{Distribution, Listed, Sources, ders};
use super::directory::{self, LoadedSlot, Pair, Usable, describe_any, pair};
use super::error::{DirectoryProblem, FileProblem, TlsError};
use super::file;
use super::listing::{Listing, Stamp};
use super::password::KeyPassword;
use super::pem;
use super::provider::provider_for;
use super::secret_key::SecretKeyDer;
use super::settings::{PairSource, PasswordSource, Pem, Rules, TlsSettings};
use super::trust::{Side, Trust};
use super::verify_command::VerifyCommand;
use crate::stack;

/// How often files that change while they are read are read again, and the pause before that.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// Most CAs of one side, and most lists.
const MAX_AUTHORITIES: usize = 256;

/// The files of the settings at one moment, without their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamps {
    directory: Option<Listing>,
    files: Vec<(PathBuf, Stamp)>,
}

impl Stamps {
    /// # Errors
    /// The directory cannot be listed.
    pub(super) fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let directory = settings.dir.as_deref().map(Listing::read).transpose()?;
        let files = settings.files().into_iter().map(|path| (path.to_owned(), Stamp::of(path))).collect();
        Ok(Self { directory, files })
    }
}

/// What was opened.
pub(super) struct Material {
    pub(super) stamps: Stamps,
    /// All slots: those of own pairs, in their order, then those of the directory, then certificates that are trusted alone.
    pub(super) slots: Vec<LoadedSlot>,
    /// How many of the slots are own pairs.
    pub(super) own: usize,
    /// The pair that is shown when this node dials, if it is another one.
    pub(super) client: Option<LoadedSlot>,
    pub(super) trust: Trust,
    /// Where lists come from by HTTP.
    pub(super) sources: Sources,
    /// What is wrong with slots that are left out.
    pub(super) excused: Vec<TlsError>,
}

/// Opens everything. With `usable`, slots of the directory that are not needed may be unusable.
///
/// # Errors
/// All that is wrong.
pub(super) fn open(
    settings: &TlsSettings,
    usable: bool,
    distribution: &Arc<Distribution>,
) -> Result<Material, TlsError> {
    for _ in 0..ATTEMPTS {
        let stamps = Stamps::read(settings)?;
        let read = Opener { settings, distribution, sources: Sources::default(), errors: Vec::new() }
            .open(stamps.clone(), usable);
        // What is wrong counts only if nothing changed meanwhile, as what is good does.
        if Stamps::read(settings)? == stamps {
            return read;
        }
        std::thread::sleep(PAUSE);
    }
    let place = settings.dir.clone().or_else(|| settings.files().first().map(|path| (*path).to_owned()));
    Err(DirectoryProblem::Changing.of(&place.unwrap_or_default()))
}

/// Opens one thing after the other, and keeps what is wrong.
struct Opener<'s> {
    settings: &'s TlsSettings,
    distribution: &'s Arc<Distribution>,
    sources: Sources,
    errors: Vec<TlsError>,
}

impl Opener<'_> {
    fn open(mut self, stamps: Stamps, usable: bool) -> Result<Material, TlsError> {
        let settings = self.settings;
        // Who writes any of them decides whom this node trusts.
        for path in settings.files() {
            let checked = check_mode(path);
            self.keep(checked);
        }
        let mut slots = Vec::new();
        for source in &settings.pairs {
            let loaded = self.pair(source, &slots);
            slots.extend(self.keep(loaded));
        }
        let own = slots.len();
        let client = settings.client_pair.as_ref().map(|source| self.pair(source, &slots));
        let client = client.and_then(|loaded| self.keep(loaded));
        let mut excused = Vec::new();
        if let Some(dir) = &settings.dir {
            let password = settings.password.as_ref();
            let read = if usable {
                directory::read_usable(dir, password)
            } else {
                directory::read(dir, password).map(|(listing, slots)| Usable {
                    listing,
                    slots,
                    problems: Vec::new(),
                })
            };
            if let Some(read) = self.keep(read) {
                slots.extend(read.slots);
                excused = read.problems;
            }
        }
        for source in &settings.trusted {
            for certificate in self.certificates(source) {
                let slot = self.trusted(source, certificate, &slots);
                slots.extend(self.keep(slot));
            }
        }
        let (lists, lists_digest) = self.lists();
        self.name_sources(&slots, client.as_ref());
        for rules in [&settings.listening, &settings.dialling] {
            let checked = rules.verify_command.as_ref().map_or(Ok(()), VerifyCommand::check);
            let _ = self.keep(checked);
        }
        let (listening, dialling) = (self.side(&settings.listening), self.side(&settings.dialling));
        let provider = provider_for(&settings.protocol).map_err(TlsError::from);
        let (Some(provider), true) = (self.keep(provider), self.errors.is_empty()) else {
            return Err(TlsError::of(self.errors));
        };
        let anchors = |rules: &Rules, authorities: &[Authority<'_>]| {
            let exact = slots.iter().skip(own).map(|slot| slot.info.anchor());
            let mut anchors: Vec<Anchor> = exact.collect();
            if authorities.is_empty() {
                anchors.extend(&rules.pinned);
            }
            // With nothing else to go by, nodes that share a pair know each other by it, as in Maelstrom.
            if anchors.is_empty() && authorities.is_empty() {
                anchors.extend(slots.iter().map(|slot| slot.info.anchor()));
            }
            anchors
        };
        let side = |rules: &Rules, authorities: Vec<Authority<'static>>| Side {
            anchors: anchors(rules, &authorities),
            rules: rules.clone(),
            authorities,
        };
        let trust = Trust {
            hook: None,
            listening: side(&settings.listening, listening),
            dialling: side(&settings.dialling, dialling),
            lists,
            lists_digest,
            distribution: Arc::clone(self.distribution),
            learns: settings.list_fetch.distribution_points,
            provider,
        };
        Ok(Material { stamps, slots, own, client, trust, sources: self.sources, excused })
    }

    fn keep<T>(&mut self, result: Result<T, TlsError>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    fn pair(&self, source: &PairSource, others: &[LoadedSlot]) -> Result<LoadedSlot, TlsError> {
        let place = source.certificate.place();
        let (chain, loaded) = read_pair(source, self.settings.password.as_ref())?;
        let name = slot_name(&source.certificate, others)?;
        let info = describe_any(name, &chain).map_err(|problem| problem.of(&place))?;
        let TlsSettings { listening, dialling, .. } = self.settings;
        // Peers with the same rules would refuse it.
        if listening.keys == dialling.keys {
            check_key(listening, info.algorithm).map_err(|problem| problem.of(&place))?;
        }
        Ok(LoadedSlot { info: info.with_key(), chain, pair: Some(loaded), exposed: exposed(source) })
    }

    fn trusted(
        &self,
        source: &Pem,
        certificate: CertificateDer<'static>,
        others: &[LoadedSlot],
    ) -> Result<LoadedSlot, TlsError> {
        let chain = vec![certificate];
        let info = describe_any(slot_name(source, others)?, &chain)
            .map_err(|problem| problem.of(&source.place()))?;
        Ok(LoadedSlot { info, chain, pair: None, exposed: Vec::new() })
    }

    /// All certificates in a text.
    fn certificates(&mut self, source: &Pem) -> Vec<CertificateDer<'static>> {
        let place = source.place();
        let blocks = read(source).and_then(|text| certificates(&text).map_err(|problem| problem.of(&place)));
        let blocks = self.keep(blocks).unwrap_or_default();
        blocks.into_iter().map(CertificateDer::from).collect()
    }

    /// Where lists come from by HTTP, as the settings and this node's own certificates say.
    fn name_sources(&mut self, slots: &[LoadedSlot], client: Option<&LoadedSlot>) {
        let fetch = &self.settings.list_fetch;
        fetch.urls.iter().cloned().for_each(|url| self.sources.name(url));
        for slot in slots.iter().chain(client).filter(|slot| slot.pair.is_some()) {
            for (index, der) in slot.chain.iter().enumerate() {
                let Ok(certificate) = Certificate::parse(der) else { continue };
                if index > 0 {
                    self.sources.trust(&certificate);
                }
                if fetch.distribution_points {
                    self.sources.read(&certificate);
                }
            }
        }
    }

    /// The CAs of one side.
    fn side(&mut self, rules: &Rules) -> Vec<Authority<'static>> {
        let mut authorities = Vec::new();
        for source in &rules.authorities {
            for certificate in self.certificates(source) {
                let authority = Authority::read(&certificate, &Software)
                    .map(|authority| Authority { anchor: authority.anchor.to_owned(), ..authority });
                if let Ok(authority) = &authority {
                    self.sources.trust_authority(authority);
                    if self.settings.list_fetch.distribution_points
                        && let Ok(certificate) = Certificate::parse(&certificate)
                    {
                        self.sources.read(&certificate);
                    }
                }
                let authority = authority.map_err(FileProblem::BadAuthority).and_then(|authority| {
                    let algorithm = Certificate::parse(&certificate).map(|parsed| parsed.algorithm);
                    check_key(rules, algorithm.unwrap_or(KeyAlgorithm::Other))?;
                    Ok(authority)
                });
                authorities.extend(self.keep(authority.map_err(|problem| problem.of(&source.place()))));
                if authorities.len() > MAX_AUTHORITIES {
                    self.errors.push(FileProblem::TooMany(MAX_AUTHORITIES).of(&source.place()));
                    return Vec::new();
                }
            }
        }
        authorities
    }

    /// The lists of revoked certificates, and SHA-256 over them.
    fn lists(&mut self) -> (Vec<Listed>, Fingerprint) {
        let mut lists: Vec<Listed> = Vec::new();
        for source in &self.settings.lists {
            let place = source.place();
            let text = match source {
                Pem::File(path) => file::read_list(path),
                Pem::Inline { .. } => read(source),
            };
            let found = text.and_then(|text| ders(&text).map_err(|problem| problem.of(&place)));
            for der in self.keep(found).unwrap_or_default() {
                let list = Listed::read(&der, place.display().to_string());
                lists.extend(self.keep(list.map_err(|error| FileProblem::BadList(error).of(&place))));
            }
            if lists.len() > MAX_AUTHORITIES {
                self.errors.push(FileProblem::TooMany(MAX_AUTHORITIES).of(&place));
                break;
            }
        }
        let digests: Vec<&[u8]> = lists.iter().map(|list| list.sha256.0.as_slice()).collect();
        let digest = Fingerprint(Software.sha256(&digests));
        (lists, digest)
    }
}

/// Reads a certificate with its intermediates, and the key that belongs to it. `password` is for a key that has none of its own.
///
/// # Errors
/// A file cannot be used, or the two do not belong together.
pub(super) fn read_pair(
    source: &PairSource,
    password: Option<&KeyPassword>,
) -> Result<(Vec<CertificateDer<'static>>, Pair), TlsError> {
    let place = source.certificate.place();
    let text = read(&source.certificate)?;
    let chain = file::chain_of(&text).map_err(|problem| problem.of(&place))?;
    let loaded = stack::wiped(|| {
        let own = match &source.password {
            Some(PasswordSource::File(path)) => Some(file::read_password(path)?),
            Some(PasswordSource::Inline(password)) => Some(password.clone()),
            None => None,
        };
        let password = own.as_ref().or(password).map(KeyPassword::as_bytes);
        let (key_text, key_place) = match &source.key {
            Some(key) => (read(key)?, key.place()),
            None => (text.clone(), place.clone()),
        };
        let key = SecretKeyDer::from_pem(&key_text, password);
        let key = key.map_err(|problem| FileProblem::from(problem).of(&key_place))?;
        pair(key, &chain, FileProblem::OtherKey(place.clone())).map_err(|problem| problem.of(&key_place))
    })?;
    Ok((chain, loaded))
}

/// All certificates of a text that decides whom this node trusts.
///
/// # Errors
/// It cannot be read, holds none, or others may write it.
pub(super) fn authority(source: &Pem) -> Result<Vec<Vec<u8>>, TlsError> {
    if let Pem::File(path) = source {
        check_mode(path)?;
    }
    certificates(&read(source)?).map_err(|problem| problem.of(&source.place()))
}

fn read(source: &Pem) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    match source {
        Pem::File(path) => file::read(path),
        Pem::Inline { text, .. } => Ok(Zeroizing::new(text.as_bytes().to_vec())),
    }
}

/// The certificates in a text.
fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, FileProblem> {
    let mut found = Vec::new();
    for block in pem::blocks(text) {
        let block = block.map_err(FileProblem::BadPem)?;
        if block.label == b"CERTIFICATE" {
            found.push(block.decode().map_err(FileProblem::BadPem)?.to_vec());
        }
    }
    if found.is_empty() { Err(FileProblem::Missing("certificate")) } else { Ok(found) }
}

/// With `ec_only`, the CAs and the node itself have keys on an elliptic curve too, as Muti Metroo has it.
fn check_key(rules: &Rules, algorithm: KeyAlgorithm) -> Result<(), FileProblem> {
    match rules.keys {
        AcceptedKeys::Ec if !algorithm.is_ec() => Err(FileProblem::NotEc(algorithm)),
        _ => Ok(()),
    }
}

pub(super) fn check_mode(path: &Path) -> Result<(), TlsError> {
    if Stamp::of(path).others_may_write(path) { Err(FileProblem::Writable.of(path)) } else { Ok(()) }
}

/// The files with a key or password that every user may read.
pub(super) fn exposed(source: &PairSource) -> Vec<PathBuf> {
    let password = match &source.password {
        Some(PasswordSource::File(path)) => Some(path.as_path()),
        _ => None,
    };
    let key = match source.key.as_ref().unwrap_or(&source.certificate) {
        Pem::File(path) => Some(path.as_path()),
        Pem::Inline { .. } => None,
    };
    let readable = |path: &&Path| Stamp::of(path).everyone_may_read();
    key.into_iter().chain(password).filter(readable).map(Path::to_owned).collect()
}

/// The name of a slot that is no file of a directory: the stem of its file where that can be one and is not taken.
fn slot_name(source: &Pem, others: &[LoadedSlot]) -> Result<Name, TlsError> {
    let stem = match source {
        Pem::File(path) => path.file_stem().and_then(|stem| stem.to_str()),
        Pem::Inline { .. } => None,
    };
    let is_free = |name: &Name| others.iter().all(|slot| slot.info.name != *name);
    let numbered = (1..=MAX_SLOTS).map(|number| format!("tls-{number}"));
    let mut names =
        stem.map(str::to_owned).into_iter().chain(numbered).filter_map(|name| Name::new(&name).ok());
    names.find(is_free).ok_or_else(|| FileProblem::TooMany(MAX_SLOTS).of(&source.place()))
}
