//! The data directory: what a node must remember to stay the same node.
//!
//! | file          | holds                                                      |
//! |---------------|------------------------------------------------------------|
//! | `node-id`     | its [`NodeId`], 32 hexadecimal digits, made at first start |
//! | `incarnation` | the last incarnation that it used, a decimal number        |
//! | `hubs`        | where hubs could be dialled last, one `HOST:PORT` a line   |
//! | `lock`        | nothing; it is locked while a daemon runs on the directory |
//!
//! Files are replaced, never changed in place: a crash leaves the old content or the new.

use core::fmt;
use core::str::FromStr;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use node_core::id::NodeId;

use crate::config::{BadHostPort, HostPort};

/// A data directory that this process holds the lock of, until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    id: NodeId,
    incarnation: u64,
    hubs: Hubs,
    _lock: File,
}

impl DataDir {
    /// Opens the directory at `path`, made with mode 0700 if there is none, locks it, makes the identity at the
    /// first start and takes the next incarnation.
    ///
    /// # Errors
    /// [`DataDirError`] names the file and says what to do.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let fault = |error| DataDirError::Create { path: path.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?;
        let lock = lock(path)?;
        let id = match read(path, "node-id", "32 hexadecimal digits")? {
            Some(id) => id,
            None => {
                let id = random_id()?;
                write(path, "node-id", &id.to_string())?;
                id
            }
        };
        let last: u64 = read(path, "incarnation", "a whole number")?.unwrap_or(0);
        let hubs = read(path, "hubs", "addresses, one HOST:PORT a line")?.unwrap_or_default();
        let mut dir = Self { path: path.to_owned(), id, incarnation: last, hubs, _lock: lock };
        dir.raise_incarnation(last.saturating_add(1))?;
        Ok(dir)
    }

    /// This node's identity, the same at every start.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// This start's incarnation, larger than any before.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Remembers that `incarnation` was used, so that the next start goes beyond it. A lower one than before
    /// changes nothing.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn raise_incarnation(&mut self, incarnation: u64) -> Result<(), DataDirError> {
        if incarnation > self.incarnation {
            write(&self.path, "incarnation", &incarnation.to_string())?;
            self.incarnation = incarnation;
        }
        Ok(())
    }

    /// Where other hubs could be dialled last: a node that starts anew finds its cluster there.
    #[must_use]
    pub fn hubs(&self) -> &[HostPort] {
        &self.hubs.0
    }

    /// Remembers where other hubs can be dialled.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_hubs(&mut self, hubs: Vec<HostPort>) -> Result<(), DataDirError> {
        let hubs = Hubs(hubs);
        if hubs != self.hubs {
            write(&self.path, "hubs", &hubs.to_string())?;
            self.hubs = hubs;
        }
        Ok(())
    }
}

/// Addresses, one a line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hubs(Vec<HostPort>);

impl FromStr for Hubs {
    type Err = BadHostPort;

    fn from_str(text: &str) -> Result<Self, BadHostPort> {
        text.lines().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Hubs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<&str> = self.0.iter().map(HostPort::as_str).collect();
        f.write_str(&lines.join("\n"))
    }
}

fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join("lock");
    let fault = |error| DataDirError::Write { path: path.clone(), error };
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(fault(error)),
    }
}

fn random_id() -> Result<NodeId, DataDirError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| DataDirError::Random(io::Error::other(error)))?;
    Ok(NodeId(id))
}

/// The value in `name`, `None` when there is no such file.
fn read<T: FromStr>(dir: &Path, name: &str, expected: &'static str) -> Result<Option<T>, DataDirError> {
    let path = dir.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let text = str::from_utf8(&bytes).ok();
            match text.and_then(|text| text.trim().parse().ok()) {
                Some(value) => Ok(Some(value)),
                None => Err(DataDirError::Corrupt { path, expected }),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DataDirError::Read { path, error }),
    }
}

/// Puts `text` and a line end in `name`, all or nothing, also through a loss of power.
fn write(dir: &Path, name: &str, text: &str) -> Result<(), DataDirError> {
    let path = dir.join(name);
    let temporary = dir.join(format!("{name}.new"));
    let replace = || {
        let mut file =
            File::options().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        File::open(dir)?.sync_all()
    };
    replace().map_err(|error| DataDirError::Write { path: path.clone(), error })
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// A file holds something else than this daemon wrote.
    #[error(
        "{} does not hold {expected}: restore it from a backup, or delete it to begin anew (without node-id \
         the cluster sees a new node, without incarnation it may take this one for an old start of itself)",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// There is no directory and none can be made.
    #[error("cannot make the data directory {}: {error}; choose another with --data-dir", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Another daemon has it.
    #[error(
        "the data directory {} is in use by another maelstromd: stop that one, or give this one a directory of \
         its own with --data-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The operating system gives no random numbers.
    #[error("cannot make a node id, the operating system gives no random numbers: {0}")]
    Random(io::Error),
    /// A file cannot be read.
    #[error("cannot read {}: {error}; the data directory must belong to the daemon's user", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file cannot be written.
    #[error(
        "cannot write {}: {error}; the data directory must be writable by the daemon's user and have space, \
         choose another with --data-dir",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn restart_keeps_the_id_and_raises_the_incarnation() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        let id = first.id();
        assert_eq!(first.incarnation(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(first);
        let mut second = DataDir::open(&path).unwrap();
        assert_eq!((second.id(), second.incarnation()), (id, 2));
        second.raise_incarnation(10).unwrap();
        second.raise_incarnation(3).unwrap();
        drop(second);
        let third = DataDir::open(&path).unwrap();
        assert_eq!((third.id(), third.incarnation()), (id, 11));
        assert!(!path.join("incarnation.new").exists());
    }

    #[test]
    fn hubs_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let hubs: Vec<HostPort> = vec!["10.0.0.1:8374".parse().unwrap(), "[fd00::2]:1".parse().unwrap()];
        let mut first = DataDir::open(dir.path()).unwrap();
        assert_eq!(first.hubs(), []);
        first.set_hubs(hubs.clone()).unwrap();
        drop(first);
        let mut second = DataDir::open(dir.path()).unwrap();
        assert_eq!(second.hubs(), hubs);
        second.set_hubs(Vec::new()).unwrap();
        drop(second);
        assert_eq!(DataDir::open(dir.path()).unwrap().hubs(), []);
    }

    #[test]
    fn every_directory_is_another_node() {
        let [a, b] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        assert_ne!(DataDir::open(a.path()).unwrap().id(), DataDir::open(b.path()).unwrap().id());
    }

    #[test]
    fn two_daemons_cannot_share() {
        let dir = tempfile::tempdir().unwrap();
        let _held = DataDir::open(dir.path()).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err();
        assert!(matches!(error, DataDirError::InUse { .. }));
        assert!(error.to_string().contains("in use by another maelstromd"), "{error}");
    }

    #[test]
    fn a_corrupt_file_is_named_and_kept() {
        for (name, content) in [
            ("node-id", &b""[..]),
            ("node-id", b"xyz"),
            ("incarnation", b"-1"),
            ("incarnation", b"\xff\0"),
            ("incarnation", b""),
            ("hubs", b"10.0.0.1:8374\nnonsense"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), content).unwrap();
            let error = DataDir::open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(&format!("/{name} does not hold")), "{error}");
            assert_eq!(fs::read(dir.path().join(name)).unwrap(), content);
        }
    }

    #[test]
    fn a_half_written_file_does_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        let id = DataDir::open(dir.path()).unwrap().id();
        fs::write(dir.path().join("incarnation.new"), b"99").unwrap();
        let dir = DataDir::open(dir.path()).unwrap();
        assert_eq!((dir.id(), dir.incarnation()), (id, 2));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let error = DataDir::open(&dir.path().join("file/data")).unwrap_err().to_string();
        assert!(error.contains("/file/data: ") && error.contains("--data-dir"), "{error}");
    }
}
