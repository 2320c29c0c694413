//! Why a board was not provisioned.

use std::io;
use std::path::PathBuf;

use node_core::provision::BlobError;

/// Why `maelctl provision` failed.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The file holds no blob.
    #[error("{}: {error}", path.display())]
    Blob {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: BlobError,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The serial port cannot be used.
    #[error("{}: {error}", path.display())]
    Port {
        /// The port.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The board answers, but not with a request for a certificate.
    #[error(
        "this board makes no TLS key of its own: update its firmware, or let maelctl cert board make the key"
    )]
    NoRequests,
    /// The board refused the blob, or to make a key.
    #[error("the board refused: {0}")]
    Refused(String),
    /// The board said nothing.
    #[error(
        "no answer: is the board on, is this its port and its speed, and does its firmware wait for a blob? A board that runs its node \
         does not listen"
    )]
    Silent,
    /// The request cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

impl ProvisionError {
    /// The error of a board that said what it is, and was asked for a request for a certificate.
    pub(super) fn or_no_requests(self) -> Self {
        if matches!(self, Self::Silent) { Self::NoRequests } else { self }
    }
}
