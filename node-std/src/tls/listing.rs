//! The files of a TLS directory at one moment, without their content. If the listings before and after a reading are equal,
//! no file changed in between.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use node_core::keys::MAX_SLOTS;

use super::error::{DirectoryProblem, FileProblem, TlsError};
use super::permissions;

/// The files of the slots of a directory, sorted by stem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The mode of the directory.
    mode: u32,
    stems: BTreeMap<String, Stem>,
}

/// The files of one stem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stem {
    /// A certificate, and perhaps its key.
    pub crt: Option<Stamp>,
    /// A private key.
    pub key: Option<Stamp>,
    /// The password of the key.
    pub password: Option<Stamp>,
    /// The same as `crt` under the other name that people give such a file.
    pub pem: Option<Stamp>,
}

/// The kinds of files that a slot has. Other files of a directory are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Crt,
    Key,
    Password,
    Pem,
}

/// Shows a change of a file. Symbolic links are followed. A link to nowhere has no `Content`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(Option<Content>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    mode: u32,
}

impl Listing {
    /// Lists `directory`. Hidden files and files with other extensions are skipped.
    pub fn read(directory: &Path) -> Result<Self, TlsError> {
        let unreadable = |error| DirectoryProblem::Unreadable(error).of(directory);
        let mode = directory.metadata().map_err(unreadable)?.mode();
        let mut stems = BTreeMap::<String, Stem>::new();
        for entry in directory.read_dir().map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let Some((stem, kind)) = split(&path)? else { continue };
            if stems.len() == MAX_SLOTS && !stems.contains_key(&stem) {
                return Err(DirectoryProblem::TooManySlots.of(directory));
            }
            *stems.entry(stem).or_default().file_mut(kind) = Some(Stamp::of(&path));
        }
        if stems.values().all(|files| !files.is_slot()) {
            return Err(DirectoryProblem::Empty.of(directory));
        }
        Ok(Self { mode, stems })
    }

    /// The slots. A password alone makes none.
    pub fn stems(&self) -> impl Iterator<Item = (&str, &Stem)> {
        self.all().filter(|(_, files)| files.is_slot())
    }

    /// All files, those that belong to no slot as well.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Stem)> {
        self.stems.iter().map(|(stem, files)| (stem.as_str(), files))
    }

    /// Checks that nobody but its owner may write to the directory.
    pub fn check_mode(&self, directory: &Path) -> Result<(), TlsError> {
        if permissions::others_may_write(directory, self.mode) {
            return Err(DirectoryProblem::Writable.of(directory));
        }
        Ok(())
    }
}

impl Stem {
    /// The files that there are.
    pub fn files(&self) -> impl Iterator<Item = (Kind, &Stamp)> {
        let files = [
            (Kind::Crt, &self.crt),
            (Kind::Key, &self.key),
            (Kind::Password, &self.password),
            (Kind::Pem, &self.pem),
        ];
        files.into_iter().filter_map(|(kind, stamp)| Some((kind, stamp.as_ref()?)))
    }

    pub const fn is_slot(&self) -> bool {
        self.crt.is_some() || self.pem.is_some() || self.key.is_some()
    }

    const fn file_mut(&mut self, kind: Kind) -> &mut Option<Stamp> {
        match kind {
            Kind::Crt => &mut self.crt,
            Kind::Key => &mut self.key,
            Kind::Password => &mut self.password,
            Kind::Pem => &mut self.pem,
        }
    }
}

impl Kind {
    const ALL: [Self; 4] = [Self::Crt, Self::Key, Self::Password, Self::Pem];

    const fn ending(self) -> &'static str {
        match self {
            Self::Crt => "crt",
            Self::Key => "key",
            Self::Password => "password",
            Self::Pem => "pem",
        }
    }

    /// The file of this kind of a slot.
    pub fn path(self, directory: &Path, stem: &str) -> PathBuf {
        directory.join(format!("{stem}.{}", self.ending()))
    }

    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|kind| kind.ending() == ending)
    }
}

impl Stamp {
    pub fn of(path: &Path) -> Self {
        Self(path.metadata().ok().map(|file| Content {
            device: file.dev(),
            inode: file.ino(),
            len: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            mode: file.mode(),
        }))
    }

    /// Whether every user of the machine may read the file.
    pub fn everyone_may_read(&self) -> bool {
        self.0.as_ref().is_some_and(|file| permissions::everyone_may_read(file.mode))
    }

    /// Whether others than its owner may write the file, which is at `path`.
    pub fn others_may_write(&self, path: &Path) -> bool {
        self.0.as_ref().is_some_and(|file| permissions::others_may_write(path, file.mode))
    }
}

/// Whether a file of this name belongs to a slot.
pub fn is_part(name: &Path) -> bool {
    Kind::of(name).is_some()
}

/// The stem and the kind of a file of a slot, `None` for every other file.
fn split(path: &Path) -> Result<Option<(String, Kind)>, TlsError> {
    let Some(kind) = Kind::of(path) else { return Ok(None) };
    let stem = path.file_stem().map(OsString::from).unwrap_or_default();
    match stem.into_string() {
        Ok(hidden) if hidden.starts_with('.') => Ok(None),
        Ok(stem) => Ok(Some((stem, kind))),
        Err(_) => Err(FileProblem::BadName(node_core::id::BadName).of(path)),
    }
}
