//! What `maelctl tls check` looks at: a TLS directory or a loose file with all that is wrong, not only the first problem. No key of
//! a directory is kept.

use std::path::{Path, PathBuf};

use node_core::keys::{Keyring, KeyringError, SlotInfo};
use rustls::pki_types::CertificateDer;

use super::directory::{self, SlotFiles};
use super::error::{DirectoryProblem, FileProblem, TlsError};
use super::file;
use super::listing::{Kind, Listing, Stem};
use super::password::KeyPassword;
use super::pem;
use super::permissions;
use super::secret_key::{NoKey, SecretKeyDer};
use crate::stack;

/// A TLS directory.
pub(crate) struct Survey {
    /// Its slots, sorted by name.
    pub(crate) slots: Vec<SurveyedSlot>,
    /// What is wrong with the directory as a whole.
    pub(crate) problems: Vec<TlsError>,
    /// Passwords that belong to no key.
    pub(crate) idle_passwords: Vec<PathBuf>,
}

/// A slot of a TLS directory.
pub(crate) struct SurveyedSlot {
    pub(crate) name: String,
    /// The file with its certificate.
    pub(crate) file: PathBuf,
    /// Its certificates, as far as they can be read.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Whether it has a key, or what may be one.
    pub(crate) has_key: bool,
    /// Its public part, if a node can use it.
    pub(crate) info: Option<SlotInfo>,
    /// What is wrong with it.
    pub(crate) problems: Vec<TlsError>,
    /// The files with its secrets that every user of the machine may read.
    pub(crate) exposed: Vec<PathBuf>,
}

/// Looks at all slots of `directory`.
///
/// # Errors
/// It cannot be listed at all.
pub(crate) fn survey(directory: &Path, password: Option<&KeyPassword>) -> Result<Survey, TlsError> {
    let listing = Listing::read(directory)?;
    let slot = |(stem, files)| survey_slot(SlotFiles { directory, stem, files }, password);
    let slots: Vec<SurveyedSlot> = listing.stems().map(slot).collect();
    let mut problems: Vec<TlsError> = listing.check_mode(directory).err().into_iter().collect();
    if Listing::read(directory)? != listing {
        problems.push(DirectoryProblem::Changing.of(directory));
    }
    let infos: Vec<SlotInfo> = slots.iter().filter_map(|slot| slot.info.clone()).collect();
    match Keyring::new(&infos) {
        // The slot that may be one has a problem of its own.
        Err(KeyringError::NoPair) if slots.iter().any(|slot| slot.has_key) => {}
        Err(error) => problems.push(DirectoryProblem::Keyring(error).of(directory)),
        Ok(_) => {}
    }
    let is_idle = |stem: &str, files: &Stem| {
        files.password.is_some() && !slots.iter().any(|slot| slot.name == stem && slot.has_key)
    };
    let idle = listing.all().filter(|(stem, files)| is_idle(stem, files));
    let idle_passwords = idle.map(|(stem, _)| Kind::Password.path(directory, stem)).collect();
    Ok(Survey { slots, problems, idle_passwords })
}

fn survey_slot(files: SlotFiles<'_>, password: Option<&KeyPassword>) -> SurveyedSlot {
    let kind = if files.files.crt.is_some() || files.files.pem.is_none() { Kind::Crt } else { Kind::Pem };
    let path = files.path(kind);
    let mut problems: Vec<TlsError> = files.writable().collect();
    let info = files.read(password).map_err(|error| problems.push(error)).ok().map(|slot| slot.info);
    let has_key = files.may_be_pair();
    let exposed = if has_key { files.exposed() } else { Vec::new() };
    // As far as it goes: the problem is told already.
    let chain = file::read_chain(&path).unwrap_or_default();
    SurveyedSlot { name: files.stem.to_owned(), file: path, chain, has_key, info, problems, exposed }
}

/// A file of any name with certificates, a key or both.
pub(crate) struct LooseFile {
    /// All certificates in it.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    /// The key in it.
    pub(crate) key: Option<SecretKeyDer>,
    /// What is wrong with it.
    pub(crate) problems: Vec<TlsError>,
    /// Whether every user of the machine may read its key.
    pub(crate) is_exposed: bool,
}

/// Looks at the file at `path`. The password of its key may stand beside it, in a file that ends in `.password` instead.
///
/// # Errors
/// It cannot be read at all.
pub(crate) fn survey_file(path: &Path, password: Option<&KeyPassword>) -> Result<LooseFile, TlsError> {
    let text = file::read(path)?;
    let (mut certificates, mut problems) = (Vec::new(), Vec::new());
    for block in pem::blocks(&text) {
        let certificate = match block {
            Ok(block) if block.label == b"CERTIFICATE" => block.decode(),
            Ok(_) => continue,
            Err(damage) => Err(damage),
        };
        match certificate {
            Ok(der) => certificates.push(CertificateDer::from(der.to_vec())),
            Err(damage) => problems.push(FileProblem::BadPem(damage).of(path)),
        }
    }
    let beside = path.with_extension("password");
    let own = if beside.exists() { Some(file::read_password(&beside)) } else { None };
    let own = own.transpose().unwrap_or_else(|error| {
        problems.push(error);
        None
    });
    let password = own.as_ref().or(password).map(KeyPassword::as_bytes);
    let key = match stack::wiped(|| SecretKeyDer::from_pem(&text, password)) {
        Ok(key) => {
            problems.extend(directory::check_key(&key).err().map(|problem| problem.of(path)));
            Some(key)
        }
        Err(NoKey::Missing) => None,
        // Told already.
        Err(NoKey::Damaged(_)) if !problems.is_empty() => None,
        Err(problem) => {
            problems.push(FileProblem::from(problem).of(path));
            None
        }
    };
    if certificates.is_empty() && key.is_none() && problems.is_empty() {
        problems.push(FileProblem::Missing("certificate or private key").of(path));
    }
    let (others_may_write, everyone_may_read) = permissions::of(path);
    if others_may_write {
        problems.push(FileProblem::Writable.of(path));
    }
    let is_exposed = key.is_some() && everyone_may_read;
    Ok(LooseFile { certificates, key, problems, is_exposed })
}

/// Whether the key belongs to the certificate.
pub(crate) fn is_key_of(key: &SecretKeyDer, certificate: &CertificateDer<'static>) -> bool {
    stack::wiped(|| directory::is_key_of(key, certificate))
}
