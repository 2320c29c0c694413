//! The TLS directory as one snapshot.
//!
//! A slot is a file stem. `NAME.crt` (or `NAME.pem`) with `NAME.key` is a pair, and so is a `NAME.crt` that holds the key as
//! well. A certificate without a key is trusted only. `NAME.password` holds the password of an encrypted key. The recipe for rotation
//! moves files one by one. So a reading counts only if no file moved meanwhile and every pair matches.

use core::time::Duration;
use std::path::{Path, PathBuf};

use node_core::crypto::Software;
use node_core::id::Name;
use node_core::keys::SlotInfo;
use node_core::trust::Certificate;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error};

use super::error::{DirectoryProblem, FileProblem, TlsError};
use super::file;
use super::listing::{Kind, Listing, Stem};
use super::password::KeyPassword;
use super::provider::signing_key;
use super::secret_key::{NoKey, SecretKeyDer};
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
    /// The files with its secrets that every user of the machine may read.
    pub(super) exposed: Vec<PathBuf>,
}

/// The key of a slot, as read from the file and as rustls signs with it.
pub(super) struct Pair {
    pub(super) key: SecretKeyDer,
    pub(super) signer: CertifiedKey,
}

/// Reads all slots of `directory`, sorted by name, as they were at one moment. The password is that of the keys that have none of
/// their own.
pub(super) fn read(
    directory: &Path,
    password: Option<&KeyPassword>,
) -> Result<(Listing, Vec<LoadedSlot>), TlsError> {
    read_with(directory, password, |_| false).map(|Usable { listing, slots, .. }| (listing, slots))
}

/// The same for one who needs the active pair alone: slots that cannot be used are left out, unless one of them may be the active
/// pair.
pub(super) fn read_usable(directory: &Path, password: Option<&KeyPassword>) -> Result<Usable, TlsError> {
    read_with(directory, password, |maybe_active| !maybe_active)
}

/// The slots of a directory that can be used.
pub(super) struct Usable {
    pub(super) listing: Listing,
    pub(super) slots: Vec<LoadedSlot>,
    /// What is wrong with the others.
    pub(super) problems: Vec<TlsError>,
}

/// Reads all slots. `excuse` is asked about each that cannot be used, and told whether it may be the active pair.
fn read_with(
    directory: &Path,
    password: Option<&KeyPassword>,
    excuse: impl Fn(bool) -> bool,
) -> Result<Usable, TlsError> {
    for _ in 0..ATTEMPTS {
        let before = Listing::read(directory)?;
        before.check_mode(directory)?;
        let (mut slots, mut problems) = (Vec::<LoadedSlot>::new(), Vec::new());
        let read = before.stems().try_for_each(|(stem, files)| {
            let files = SlotFiles { directory, stem, files };
            match files.check_modes().and_then(|()| files.read(password)) {
                Ok(slot) => slots.push(slot),
                Err(error) => {
                    let maybe_active = files.may_be_pair() && slots.iter().all(|slot| slot.pair.is_none());
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

/// The files of one slot in their directory.
#[derive(Clone, Copy)]
pub(super) struct SlotFiles<'f> {
    pub(super) directory: &'f Path,
    pub(super) stem: &'f str,
    pub(super) files: &'f Stem,
}

impl SlotFiles<'_> {
    /// Checks that nobody but their owner may write the files.
    pub(super) fn check_modes(&self) -> Result<(), TlsError> {
        self.writable().next().map_or(Ok(()), Err)
    }

    /// A problem for each file that others than its owner may write.
    pub(super) fn writable(&self) -> impl Iterator<Item = TlsError> {
        self.files.files().filter_map(|(kind, stamp)| {
            let path = self.path(kind);
            stamp.others_may_write(&path).then(|| FileProblem::Writable.of(&path))
        })
    }

    /// The file with the certificate.
    pub(super) fn certificate(&self) -> Result<PathBuf, TlsError> {
        match (&self.files.crt, &self.files.pem) {
            (Some(_), None) => Ok(self.path(Kind::Crt)),
            (None, Some(_)) => Ok(self.path(Kind::Pem)),
            (Some(_), Some(_)) => {
                Err(FileProblem::SameSlot(format!("{}.crt", self.stem)).of(&self.path(Kind::Pem)))
            }
            (None, None) => Err(FileProblem::KeyWithoutCertificate.of(&self.path(Kind::Key))),
        }
    }

    pub(super) fn path(&self, kind: Kind) -> PathBuf {
        kind.path(self.directory, self.stem)
    }

    /// Reads the slot. The password is that of its key, unless it has one of its own.
    pub(super) fn read(&self, password: Option<&KeyPassword>) -> Result<LoadedSlot, TlsError> {
        let path = self.certificate()?;
        let name = Name::new(self.stem).map_err(|error| FileProblem::BadName(error).of(&path))?;
        let text = file::read(&path)?;
        let chain = file::chain_of(&text).map_err(|problem| problem.of(&path))?;
        let info = describe(name, &chain).map_err(|problem| problem.of(&path))?;
        let pair = stack::wiped(|| {
            let own = self.files.password.as_ref().map(|_| file::read_password(&self.path(Kind::Password)));
            let own = own.transpose()?;
            let password = own.as_ref().or(password).map(KeyPassword::as_bytes);
            self.read_pair(&path, &text, password, &chain)
        })?;
        let exposed = if pair.is_some() { self.exposed() } else { Vec::new() };
        Ok(LoadedSlot { info: if pair.is_some() { info.with_key() } else { info }, chain, pair, exposed })
    }

    /// Reads the key: that of the `.key`, else the one in the file of the certificate, which has this text.
    fn read_pair(
        &self,
        certificate: &Path,
        text: &[u8],
        password: Option<&[u8]>,
        chain: &[CertificateDer<'static>],
    ) -> Result<Option<Pair>, TlsError> {
        if self.files.key.is_some() {
            let path = self.path(Kind::Key);
            let key = file::read_key(&path, password)?;
            return pair(key, chain, FileProblem::KeyMismatch).map(Some).map_err(|problem| problem.of(&path));
        }
        let found = match SecretKeyDer::from_pem(text, password) {
            Ok(key) => pair(key, chain, FileProblem::KeyMismatchWithin).map(Some),
            Err(NoKey::Missing) => Ok(None),
            Err(problem) => Err(problem.into()),
        };
        found.map_err(|problem| problem.of(certificate))
    }

    /// The files with the key and its password that every user may read.
    pub(super) fn exposed(&self) -> Vec<PathBuf> {
        let is_secret = |kind| match kind {
            Kind::Key | Kind::Password => true,
            Kind::Crt | Kind::Pem => self.files.key.is_none(),
        };
        let readable =
            self.files.files().filter(|(kind, stamp)| is_secret(*kind) && stamp.everyone_may_read());
        readable.map(|(kind, _)| self.path(kind)).collect()
    }

    /// Whether the slot may have a key. A file of a certificate that cannot be read may hold one.
    pub(super) fn may_be_pair(&self) -> bool {
        if self.files.key.is_some() {
            return true;
        }
        let text = self.certificate().and_then(|path| file::read(&path));
        text.is_ok_and(|text| !matches!(SecretKeyDer::from_pem(&text, None), Err(NoKey::Missing)))
    }
}

/// Both the core and the TLS library must be able to read a certificate. The core decides on trust, the library verifies
/// signatures.
fn describe(name: Name, chain: &[CertificateDer<'_>]) -> Result<SlotInfo, FileProblem> {
    let leaf = chain.first().ok_or(FileProblem::Missing("certificate"))?;
    let info = describe_any(name, chain)?;
    ParsedCertificate::try_from(leaf).map_err(|error| match error {
        Error::InvalidCertificate(CertificateError::Other(reason)) => unusable(&reason),
        error => unusable(&error),
    })?;
    Ok(info)
}

/// The same for a certificate that a CA signed. `openssl x509 -req` makes those with version 1, which the library does not read. But
/// it has no need to: it verifies by the key alone, and the core reads that.
pub(super) fn describe_any(name: Name, chain: &[CertificateDer<'_>]) -> Result<SlotInfo, FileProblem> {
    let leaf = chain.first().ok_or(FileProblem::Missing("certificate"))?;
    let certificate = Certificate::parse(leaf).map_err(|error| unusable(&error))?;
    Ok(SlotInfo::new(name, leaf, &certificate, &Software))
}

fn unusable(error: &dyn core::fmt::Display) -> FileProblem {
    FileProblem::BadCertificate(error.to_string())
}

/// Puts a key and its certificates together. `mismatch` is the problem when they do not fit.
pub(super) fn pair(
    key: SecretKeyDer,
    chain: &[CertificateDer<'static>],
    mismatch: FileProblem,
) -> Result<Pair, FileProblem> {
    let signer = signer(&key, chain)?;
    let leaf = chain.first().and_then(|leaf| Certificate::parse(leaf).ok());
    match (leaf, signer.key.public_key()) {
        (Some(leaf), Some(public)) if *leaf.spki != *public.as_ref() => Err(mismatch),
        _ => Ok(Pair { key, signer }),
    }
}

/// Whether the key belongs to the certificate.
pub(super) fn is_key_of(key: &SecretKeyDer, certificate: &CertificateDer<'static>) -> bool {
    let public =
        signer(key, &[]).ok().and_then(|signer| signer.key.public_key().map(|key| key.as_ref().to_vec()));
    let certificate = Certificate::parse(certificate).ok();
    public.zip(certificate).is_some_and(|(public, certificate)| *certificate.spki == *public)
}

/// Checks that the TLS library takes the key.
pub(super) fn check_key(key: &SecretKeyDer) -> Result<(), FileProblem> {
    stack::wiped(|| signer(key, &[])).map(drop)
}

fn signer(key: &SecretKeyDer, chain: &[CertificateDer<'static>]) -> Result<CertifiedKey, FileProblem> {
    let key = signing_key(&key.as_der()).map_err(|error| FileProblem::BadKey(error.to_string()))?;
    Ok(CertifiedKey::new(chain.to_vec(), key))
}
