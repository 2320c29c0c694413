//! The files of a TLS directory at one moment, without their content. If the listings before and after a reading are equal,
//! no file changed in between.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use node_core::keys::MAX_SLOTS;

use super::error::{DirectoryProblem, FileProblem, TlsError};

/// The `.crt` and `.key` files of a directory, sorted by stem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing(BTreeMap<String, Stem>);

/// The files of one stem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stem {
    pub certificate: Option<Stamp>,
    pub key: Option<Stamp>,
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
        let mut stems = BTreeMap::<String, Stem>::new();
        for entry in directory.read_dir().map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let Some((stem, kind)) = split(&path)? else { continue };
            if stems.len() == MAX_SLOTS && !stems.contains_key(&stem) {
                return Err(DirectoryProblem::TooManySlots.of(directory));
            }
            let files = stems.entry(stem).or_default();
            let file = match kind {
                Kind::Certificate => &mut files.certificate,
                Kind::Key => &mut files.key,
            };
            *file = Some(Stamp::of(&path));
        }
        if stems.is_empty() {
            return Err(DirectoryProblem::Empty.of(directory));
        }
        Ok(Self(stems))
    }

    pub fn stems(&self) -> impl Iterator<Item = (&str, &Stem)> {
        self.0.iter().map(|(stem, files)| (stem.as_str(), files))
    }
}

impl Stamp {
    fn of(path: &Path) -> Self {
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
    pub fn is_world_readable(&self) -> bool {
        self.0.as_ref().is_some_and(|file| file.mode & 0o004 != 0)
    }
}

enum Kind {
    Certificate,
    Key,
}

/// The stem of a `.crt` or `.key`, `None` for every other file.
fn split(path: &Path) -> Result<Option<(String, Kind)>, TlsError> {
    let kind = match path.extension().and_then(|ending| ending.to_str()) {
        Some("crt") => Kind::Certificate,
        Some("key") => Kind::Key,
        _ => return Ok(None),
    };
    let stem = path.file_stem().map(OsString::from).unwrap_or_default();
    match stem.into_string() {
        Ok(hidden) if hidden.starts_with('.') => Ok(None),
        Ok(stem) => Ok(Some((stem, kind))),
        Err(_) => Err(FileProblem::BadName(node_core::id::BadName).of(path)),
    }
}
