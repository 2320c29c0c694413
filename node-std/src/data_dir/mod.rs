//! The data directory: the state that a node keeps over a restart.
//!
//! | file          | holds                                                      |
//! |---------------|------------------------------------------------------------|
//! | `identity.key`| its identity, a P-256 private key (PEM, PKCS#8, mode 0600), made at first start |
//! | `incarnation` | the last incarnation that it used, a decimal number        |
//! | `hubs`        | the last known addresses of hubs, one `HOST:PORT` a line   |
//! | `token`       | the local token, see [`Token`]; made at every start without TLS |
//! | `crl/`       | revocation lists that came by HTTP, one file a URL; they may be deleted |
//! | `lock`        | nothing; it is locked while a daemon runs on the directory |
//!
//! Files are replaced, never changed in place. A crash leaves the old content or the new.

mod error;
#[cfg(test)]
mod tests;
mod token;

use core::fmt;
use core::str::FromStr;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use node_core::id::NodeId;
use tempfile::Builder;
use zeroize::Zeroizing;

pub use error::DataDirError;
pub use token::{Token, read_token};

use crate::config::{BadHostPort, HostPort};
use crate::identity::NodeKey;

/// The file of the identity key.
const IDENTITY: &str = "identity.key";
/// Most bytes of that file.
const MAX_IDENTITY: usize = 4096;

/// A data directory. This process holds its lock until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    key: Arc<NodeKey>,
    incarnation: u64,
    hubs: Hubs,
    _lock: File,
}

impl DataDir {
    /// Opens and locks the directory at `path`, and takes the next incarnation. A missing directory is created with mode
    /// 0700, and a missing identity is made.
    ///
    /// # Errors
    /// [`DataDirError`] names the file and the remedy.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let fault = |error| DataDirError::Create { path: path.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?;
        let lock = lock(path)?;
        let key = Arc::new(identity(path)?);
        let last: u64 = read(path, "incarnation", "a whole number")?.unwrap_or(0);
        let hubs = read(path, "hubs", "addresses, one HOST:PORT a line")?.unwrap_or_default();
        let mut dir = Self { path: path.to_owned(), key, incarnation: last, hubs, _lock: lock };
        dir.raise_incarnation(last.saturating_add(1))?;
        Ok(dir)
    }

    /// This node's identity key, the same at every start.
    #[must_use]
    pub fn key(&self) -> Arc<NodeKey> {
        Arc::clone(&self.key)
    }

    /// This node, the same at every start.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.key.id()
    }

    /// This start's incarnation, larger than any before.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Stores that `incarnation` was used, so that the next start takes a higher one. A lower incarnation than the stored
    /// one changes nothing.
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

    /// The last known addresses of other hubs. A node finds its cluster there after a restart.
    #[must_use]
    pub fn hubs(&self) -> &[HostPort] {
        &self.hubs.0
    }

    /// Stores the addresses of other hubs.
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

/// The identity key in the directory. A directory without one gets one.
fn identity(dir: &Path) -> Result<NodeKey, DataDirError> {
    let path = dir.join(IDENTITY);
    let key = match File::open(&path) {
        Ok(file) => read_identity(file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_identity(dir),
        Err(error) => Err(DataDirError::Read { path, error }),
    }?;
    // At each start: the first one with a key may have crashed before it came so far.
    retire_node_id(dir, key.id());
    Ok(key)
}

fn read_identity(file: File, path: PathBuf) -> Result<NodeKey, DataDirError> {
    let unreadable = |error| DataDirError::Read { path: path.clone(), error };
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.mode() & 0o777;
    if metadata.uid() != rustix::process::geteuid().as_raw() || mode & 0o077 != 0 {
        return Err(DataDirError::Exposed { path, mode, owner: metadata.uid() });
    }
    let mut pem = Zeroizing::new(String::with_capacity(MAX_IDENTITY));
    let read = file.take(MAX_IDENTITY as u64).read_to_string(&mut pem);
    match read.map(|_| NodeKey::from_pem(&pem)) {
        Ok(Ok(key)) => Ok(key),
        Ok(Err(_)) => Err(DataDirError::Identity { path }),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(DataDirError::Identity { path }),
        Err(error) => Err(unreadable(error)),
    }
}

fn make_identity(dir: &Path) -> Result<NodeKey, DataDirError> {
    let (key, pem) = NodeKey::generate().map_err(DataDirError::Random)?;
    write(dir, IDENTITY, pem.trim_end())?;
    Ok(key)
}

/// An earlier version kept an id without a key. Nobody can prove that id, so this node has another one from now on.
fn retire_node_id(dir: &Path, id: NodeId) {
    let Ok(old) = std::fs::read_to_string(dir.join("node-id")) else { return };
    let retired = std::fs::rename(dir.join("node-id"), dir.join("node-id.retired"));
    tracing::warn!(
        "the id {} of this node has no identity key, and nobody could prove it: from now on this node is {id}; the old id \
         is retired",
        old.trim()
    );
    if let Err(error) = retired {
        tracing::warn!("the file node-id in {} is of no use any more, but stays: {error}", dir.display());
    }
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

/// Replaces the content of `name` by `text` and a line end. After a crash or a loss of power the file holds the old
/// content or the new.
fn write(dir: &Path, name: &str, text: &str) -> Result<(), DataDirError> {
    // One name a file: a crash leaves one such file behind at most, and the next write takes it over. A step that fails
    // removes it.
    let create = |path: &Path| File::options().create(true).truncate(true).write(true).mode(0o600).open(path);
    let replace = || {
        let mut file = Builder::new().prefix(name).suffix(".new").rand_bytes(0).make_in(dir, create)?;
        writeln!(file, "{text}")?;
        file.as_file().sync_all()?;
        file.persist(dir.join(name))?;
        // The rename lasts once the directory is on the disk.
        File::open(dir)?.sync_all()
    };
    replace().map_err(|error| DataDirError::Write { path: dir.join(name), error })
}
