//! The TLS directory as one snapshot.
//!
//! A slot is a file stem: `NAME.crt` with `NAME.key` is a pair, `NAME.crt` alone is trusted only. The recipe
//! for rotation moves files one by one. So a reading counts only if no file moved meanwhile and every pair matches.

use core::time::Duration;
use std::path::Path;

use node_core::crypto::Software;
use node_core::id::Name;
use node_core::keys::SlotInfo;
use node_core::trust::Certificate;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys};

use super::error::{DirectoryProblem, FileProblem, TlsError};
use super::file;
use super::listing::{Listing, Stem};
use super::provider::signing_key;
use super::secret_key::SecretKeyDer;
use crate::stack;

/// How often a directory that changes while it is read is read again, and the pause before that.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// A slot of a TLS directory, with its key if it has one.
pub(super) struct LoadedSlot {
    /// Its public part.
    pub(super) info: SlotInfo,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) pair: Option<Pair>,
    pub(super) is_key_world_readable: bool,
}

/// The key of a slot, as read from the file and as rustls signs with it.
pub(super) struct Pair {
    pub(super) key: SecretKeyDer,
    pub(super) signer: CertifiedKey,
}

/// Reads all slots of `directory`, sorted by name, as they were at one moment.
pub(super) fn read(directory: &Path) -> Result<(Listing, Vec<LoadedSlot>), TlsError> {
    read_with(directory, |_| false).map(|Usable { listing, slots, .. }| (listing, slots))
}

/// The same for one who needs the active pair alone: slots that cannot be used are left out, unless one of them may be the active
/// pair.
pub(super) fn read_usable(directory: &Path) -> Result<Usable, TlsError> {
    read_with(directory, |maybe_active| !maybe_active)
}

/// The slots of a directory that can be used.
pub(super) struct Usable {
    pub(super) listing: Listing,
    pub(super) slots: Vec<LoadedSlot>,
    /// What is wrong with the others.
    pub(super) problems: Vec<TlsError>,
}

/// Reads all slots. `excuse` is asked about each that cannot be used, and told whether it may be the active pair.
fn read_with(directory: &Path, excuse: impl Fn(bool) -> bool) -> Result<Usable, TlsError> {
    for _ in 0..ATTEMPTS {
        let before = Listing::read(directory)?;
        let (mut slots, mut problems) = (Vec::<LoadedSlot>::new(), Vec::new());
        let read = before.stems().try_for_each(|(stem, files)| {
            match read_slot(directory, stem, files) {
                Ok(slot) => slots.push(slot),
                Err(error) => {
                    let maybe_active = files.key.is_some() && slots.iter().all(|slot| slot.pair.is_none());
                    if !excuse(maybe_active) {
                        return Err(error);
                    }
                    problems.push(error);
                }
            }
            Ok(())
        });
        if Listing::read(directory)? == before {
            return read.map(|()| Usable { listing: before, slots, problems });
        }
        std::thread::sleep(PAUSE);
    }
    Err(DirectoryProblem::Changing.of(directory))
}

fn read_slot(directory: &Path, stem: &str, files: &Stem) -> Result<LoadedSlot, TlsError> {
    let crt = directory.join(format!("{stem}.crt"));
    let key = directory.join(format!("{stem}.key"));
    if files.certificate.is_none() {
        return Err(FileProblem::KeyWithoutCertificate.of(&key));
    }
    let name = Name::new(stem).map_err(|error| FileProblem::BadName(error).of(&crt))?;
    let chain = file::read_chain(&crt)?;
    let info = describe(name, &chain).map_err(|problem| problem.of(&crt))?;
    let Some(key_stamp) = &files.key else {
        return Ok(LoadedSlot { info, chain, pair: None, is_key_world_readable: false });
    };
    let pair = stack::wiped(|| read_pair(&key, &chain))?;
    let is_key_world_readable = key_stamp.is_world_readable();
    Ok(LoadedSlot { info: info.with_key(), chain, pair: Some(pair), is_key_world_readable })
}

/// Both the core and the TLS library must be able to read a certificate. The core decides on trust, the library verifies
/// signatures.
fn describe(name: Name, chain: &[CertificateDer<'_>]) -> Result<SlotInfo, FileProblem> {
    let leaf = chain.first().ok_or(FileProblem::Missing("certificate"))?;
    let unusable = |error: &dyn core::fmt::Display| FileProblem::BadCertificate(error.to_string());
    let certificate = Certificate::parse(leaf).map_err(|error| unusable(&error))?;
    ParsedCertificate::try_from(leaf).map_err(|error| match error {
        Error::InvalidCertificate(CertificateError::Other(reason)) => unusable(&reason),
        error => unusable(&error),
    })?;
    Ok(SlotInfo::new(name, leaf, &certificate, &Software))
}

fn read_pair(path: &Path, chain: &[CertificateDer<'static>]) -> Result<Pair, TlsError> {
    let key = file::read_key(path)?;
    let bad_key = |error: Error| FileProblem::BadKey(error.to_string()).of(path);
    let signer = CertifiedKey::new(chain.to_vec(), signing_key(&key.as_der()).map_err(bad_key)?);
    match signer.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Pair { key, signer }),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(FileProblem::KeyMismatch.of(path)),
        Err(error) => Err(bad_key(error)),
    }
}
