//! The problems of a TLS directory. Each error names the file and the remedy.

use std::path::{Path, PathBuf};

use node_core::id::{BadName, Name};
use node_core::keys::{BundleError, KeyringError, MAX_SLOTS};
use node_core::trust::{KeyAlgorithm, MAX_CHAIN};

use super::pem::Damage;

/// The TLS directory cannot be used. A keyring that was read from it earlier stays in use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The directory as a whole.
    #[error("TLS directory {}: {problem}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The problem.
        problem: DirectoryProblem,
    },
    /// One file in it.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: FileProblem,
    },
    /// The keyring is good for this node, but a board cannot take it.
    #[error("TLS directory {}: {problem}", path.display())]
    Board {
        /// The directory.
        path: PathBuf,
        /// The problem.
        problem: BundleError,
    },
    /// The active pair is good for TLS, but boards cannot check what it signs.
    #[error(
        "TLS directory {}: the active pair {name} is {algorithm}, but boards check only signatures by P-256: seal with an \
         operator's pair that was made with openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256",
        path.display()
    )]
    Operator {
        /// The directory.
        path: PathBuf,
        /// The name of the pair.
        name: Name,
        /// Its kind of key.
        algorithm: KeyAlgorithm,
    },
    /// The TLS library does not take the configuration made from a good keyring.
    #[error("the TLS library refuses the configuration: {0}")]
    Library(#[from] rustls::Error),
}

/// A problem with a TLS directory as a whole.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryProblem {
    /// It cannot be listed.
    #[error(
        "cannot be listed: {0}: create it with a pair in it, for example server_a.crt and server_a.key, and let \
         this user read it"
    )]
    Unreadable(std::io::Error),
    /// No file in it ends in `.crt` or `.key`.
    #[error("is empty: put a pair into it, for example server_a.crt and server_a.key")]
    Empty,
    /// It holds more slots than a keyring may have.
    #[error("has more than {MAX_SLOTS} slots: remove old ones")]
    TooManySlots,
    /// It kept changing while it was read.
    #[error("changed each time it was read: finish the changes, then reload")]
    Changing,
    /// Its slots break a rule of every keyring.
    #[error("{0}")]
    Keyring(KeyringError),
}

/// A problem with one file of a TLS directory.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The operating system does not let this process read it.
    #[error("cannot be read: {0}: check that it is there and that this user may read it")]
    Unreadable(std::io::Error),
    /// It is a directory, a pipe or the like.
    #[error("is not a regular file: remove or rename it")]
    NotAFile,
    /// It is longer than any key or certificate.
    #[error("is longer than 1 MiB: put only PEM into it")]
    TooLong,
    /// It became longer while it was read.
    #[error("was written while it was read: reload when it is whole")]
    Growing,
    /// It has no bytes.
    #[error("is empty: copy it again")]
    Empty,
    /// Its stem cannot name a slot.
    #[error("cannot name a slot: {0}: rename it")]
    BadName(BadName),
    /// The PEM in it stops early or is damaged.
    #[error("holds PEM that {0}: copy it again")]
    BadPem(Damage),
    /// It holds no section of the kind that its name promises.
    #[error("holds no {0} in PEM: convert or copy it again")]
    Missing(&'static str),
    /// The private key needs a password.
    #[error("holds an encrypted private key: decrypt it with openssl pkey -in FILE -out FILE")]
    Encrypted,
    /// It holds more certificates than a peer accepts.
    #[error("holds more than {MAX_CHAIN} certificates: shorten the chain")]
    LongChain,
    /// The first certificate cannot be used.
    #[error(
        "holds a certificate that cannot be used ({0}): make one of X.509 version 3, as `openssl req -x509` does"
    )]
    BadCertificate(String),
    /// The private key cannot be used.
    #[error("holds a private key that cannot be used ({0}): use RSA from 2048 bits, P-256, P-384 or Ed25519")]
    BadKey(String),
    /// There is a `.key` but no `.crt` of this stem.
    #[error("has no .crt of the same name beside it: add the certificate, or remove the key")]
    KeyWithoutCertificate,
    /// The key belongs to another certificate.
    #[error("does not belong to the .crt of the same name: copy both files of the pair")]
    KeyMismatch,
}

impl FileProblem {
    pub(super) fn of(self, path: &Path) -> TlsError {
        TlsError::File { path: path.to_owned(), problem: self }
    }
}

impl DirectoryProblem {
    pub(super) fn of(self, path: &Path) -> TlsError {
        TlsError::Directory { path: path.to_owned(), problem: self }
    }
}
