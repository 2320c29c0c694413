//! Why a data directory cannot be used.

use std::io;
use std::path::PathBuf;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The content of a file is not what a daemon writes.
    #[error(
        "{} does not hold {expected}: restore it from a backup, or delete it to begin anew (without \
         incarnation the cluster may take this node for an old start of itself)",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: &'static str,
    },
    /// There is no directory and it cannot be created.
    #[error("cannot make the data directory {}: {error}; choose another with --data-dir", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The file of the identity key can be read by others, or belongs to another user.
    #[error(
        "{} has mode {mode:o} and belongs to user {owner}, but whoever reads it can be this node: it must belong to the daemon's \
         user with mode 600 (chown, chmod 600); if others have read it, delete it, and this node gets a new id",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner.
        owner: u32,
    },
    /// The file of the identity key holds no key.
    #[error(
        "{} does not hold a P-256 private key in PEM (PKCS#8): restore it from a backup, or delete it, and the cluster \
         sees a new node with a new id",
        path.display()
    )]
    Identity {
        /// The file.
        path: PathBuf,
    },
    /// Another daemon uses it.
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
    #[error("cannot make an identity key, the operating system gives no random numbers: {0}")]
    Random(io::Error),
    /// A file cannot be read.
    #[error("cannot read {}: {error}; the data directory must belong to the daemon's user", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
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
        /// The reason.
        error: io::Error,
    },
}
