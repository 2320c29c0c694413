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
    /// The board still says what it is, and no copy of the blob arrived.
    #[error(
        "the board says what it is, but passed over every copy of the blob: the line damages long messages. Use a shorter or better cable, \
         and run this again"
    )]
    Damaged,
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
    /// The board said what it is, and nothing after the blob was sent.
    #[error(
        "the board said what it is, and then was silent: the blob may have got lost on the line, or the board's answer. A board that took \
         the blob runs its node and no longer listens: see whether it links to its hub. If it does not, restart the board and run this \
         again"
    )]
    Unanswered,
    /// The board said what it is, and nothing when it was asked for a request for a certificate.
    #[error(
        "the board said what it is, and then was silent: restart the board, check the cable, and run this again"
    )]
    Vanished,
    /// The request cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}
