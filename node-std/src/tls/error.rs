//! The problems of a TLS directory. Each error names the file and the remedy.

use std::path::{Path, PathBuf};

use node_core::id::{BadName, Name};
use node_core::keys::{BundleError, KeyringError, MAX_SLOTS};
use node_core::trust::{BadAuthority, KeyAlgorithm, MAX_CHAIN};

use super::pem::Damage;
use super::secret_key::NoKey;

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
    #[error("{}{} {problem}", path.display(), problem.colon())]
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
    /// Several things are wrong.
    #[error("{}", lines(.0))]
    Several(Vec<TlsError>),
    /// The TLS library does not take the configuration made from a good keyring.
    #[error("the TLS library refuses the configuration: {0}")]
    Library(#[from] rustls::Error),
}

impl TlsError {
    /// All that is wrong as one error.
    pub(super) fn of(mut errors: Vec<Self>) -> Self {
        // A file that serves both sides is opened for each.
        let mut told = std::collections::HashSet::new();
        errors.retain(|error| told.insert(error.to_string()));
        match errors.pop() {
            Some(only) if errors.is_empty() => only,
            last => {
                errors.extend(last);
                Self::Several(errors)
            }
        }
    }
}

fn lines(errors: &[TlsError]) -> String {
    let lines: Vec<String> = errors.iter().map(TlsError::to_string).collect();
    lines.join("\n")
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
    /// Others than the owner may write it.
    #[error(
        "other users of this machine may write it, and who does decides whom this node trusts: take the right from them with \
         chmod go-w"
    )]
    Writable,
    /// No file in it ends in `.crt`, `.pem` or `.key`.
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
    /// It is longer than any list of revoked certificates that is taken.
    #[error(
        "is longer than a list of revoked certificates may be (16 MiB): let the CA leave out those that have expired"
    )]
    TooLongList,
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
    /// The private key needs a password, and there is none.
    #[error(
        "holds an encrypted private key, and no password is given: write the password into the .password file of the same name \
         beside it, or into the variable MAEL_TLS_KEY_PASSWORD"
    )]
    Encrypted,
    /// The password is not that of the private key.
    #[error(
        "holds an encrypted private key, and the password given does not open it: correct the .password file of the same name \
         beside it, or without one the variable MAEL_TLS_KEY_PASSWORD"
    )]
    WrongPassword,
    /// The private key is encrypted in the form that openssl wrote before PKCS#8.
    #[error(
        "holds a private key in the traditional encrypted form (Proc-Type: 4,ENCRYPTED), which is weak and not read here: convert \
         it with openssl pkcs8 -topk8 -in FILE -out NEW"
    )]
    TraditionalEncryption,
    /// The private key is encrypted with an algorithm or a cost that is not taken.
    #[error(
        "holds a private key that is encrypted in a way not taken here (taken are AES with PBKDF2 up to 10,000,000 rounds or \
         scrypt up to 64 MiB): encrypt it anew with openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEW"
    )]
    OtherEncryption,
    /// It should hold a password.
    #[error("must hold the password of the key on its one line, of at most 1,024 bytes: write it again")]
    BadPassword,
    /// Others than the owner may write it.
    #[error("other users of this machine may write it: take the right from them with chmod go-w")]
    Writable,
    /// It should be a program.
    #[error(
        "cannot be run as verify_command: {0}: check that it is there and make it executable with chmod +x"
    )]
    NoProgram(std::io::Error),
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
    /// Only keys on an elliptic curve are taken, and this one is of another kind.
    #[error("holds a certificate that must use ECDSA (ec_only), got {0}: make it anew with a P-256 key")]
    NotEc(KeyAlgorithm),
    /// There is a `.key` but no `.crt` or `.pem` of this stem.
    #[error("has no .crt or .pem of the same name beside it: add the certificate, or remove the key")]
    KeyWithoutCertificate,
    /// The key belongs to another certificate, which is in this file.
    #[error("holds a private key that does not match the public key of the certificate in {}: name both files of one pair", .0.display())]
    OtherKey(PathBuf),
    /// It should hold CAs.
    #[error("holds a certificate that cannot be a CA: {0}")]
    BadAuthority(BadAuthority),
    /// It should hold lists of revoked certificates.
    #[error("holds a list of revoked certificates that cannot be used ({0}): get a new one from the CA")]
    BadList(String),
    /// It and those before hold too many.
    #[error("is one too many: at most {0} CAs or lists are taken")]
    TooMany(usize),
    /// The key belongs to another certificate.
    #[error(
        "holds a private key that does not match the public key of the certificate of the same name: copy both files of the pair"
    )]
    KeyMismatch,
    /// The key in a file belongs to another certificate than the first one in it.
    #[error(
        "holds a private key that does not match the public key of its first certificate: put the node's own certificate first, those of its \
         issuers after it"
    )]
    KeyMismatchWithin,
    /// Both a `.crt` and a `.pem` have this stem.
    #[error("and {0} name the same slot: remove or rename one of them")]
    SameSlot(String),
}

impl From<NoKey> for FileProblem {
    fn from(problem: NoKey) -> Self {
        match problem {
            NoKey::Missing => Self::Missing("private key"),
            NoKey::Encrypted => Self::Encrypted,
            NoKey::WrongPassword => Self::WrongPassword,
            NoKey::TraditionalEncryption => Self::TraditionalEncryption,
            NoKey::OtherEncryption => Self::OtherEncryption,
            NoKey::Damaged(damage) => Self::BadPem(damage),
        }
    }
}

impl FileProblem {
    /// Stands between the file and the problem, unless the problem names a second file.
    const fn colon(&self) -> &'static str {
        if matches!(self, Self::SameSlot(_)) { "" } else { ":" }
    }

    pub(crate) fn of(self, path: &Path) -> TlsError {
        TlsError::File { path: path.to_owned(), problem: self }
    }
}

impl DirectoryProblem {
    pub(super) fn of(self, path: &Path) -> TlsError {
        TlsError::Directory { path: path.to_owned(), problem: self }
    }
}
