//! Why a data directory cannot be used.

use std::io;
use std::path::PathBuf;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The content of a file is not what a daemon writes.
    #[error(
        "{} does not hold {expected}: restore it from a backup, or delete it to begin anew (without node-id \
         the cluster sees a new node, without incarnation it may take this one for an old start of itself)",
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
    #[error("cannot make a node id, the operating system gives no random numbers: {0}")]
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
