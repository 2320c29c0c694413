//! The errors of `maelctl cert`.

use std::io;
use std::path::PathBuf;

use node_core::id::Name;
use node_core::keys::BundleError;
use node_core::provision::{DraftError, SettingsError};
use node_core::time::UnixTime;
use node_core::trust::{BadAuthority, Rfc3339};

use crate::config::ConfigError;
use crate::tls::{Damage, TlsError};

/// Why `maelctl cert` failed. Nothing was written, unless the error says so.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A board cannot take the keyring.
    #[error("the board cannot take this keyring: {0}")]
    Board(#[from] BundleError),
    /// The output directory of a board already serves another purpose.
    #[error(
        "{} holds {name} already, and the directory of a board is for its own pair and the certificates that it trusts: \
         choose an empty directory with -o, or remove that file",
        dir.display()
    )]
    BoardDirInUse {
        /// The directory.
        dir: PathBuf,
        /// A file in it.
        name: String,
    },
    /// The CA signs no more.
    #[error("{} expired at {end}: make a new CA with maelctl cert ca, and give it to all nodes", path.display(), end = Rfc3339(*end))]
    CaExpired {
        /// The certificate of the CA.
        path: PathBuf,
        /// Its end.
        end: UnixTime,
    },
    /// The private key of the CA cannot sign.
    #[error("{}: this key cannot sign certificates ({reason}): use P-256, P-384, Ed25519, or RSA from 2048 bits", path.display())]
    CaKey {
        /// The key.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The key belongs to another certificate.
    #[error("{} is not the key of {}: name both files of one CA with --ca and --ca-key", key.display(), certificate.display())]
    CaKeyMismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The subject of the CA cannot be repeated as an issuer.
    #[error(
        "{}: its subject has an attribute twice, or in a form that cannot be copied here: make a CA with maelctl cert ca, or sign \
         with openssl",
        path.display()
    )]
    CaName {
        /// The certificate of the CA.
        path: PathBuf,
    },
    /// A file holds text that is no whole PEM.
    #[error("{}: the PEM in it {damage}: copy it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage.
        damage: Damage,
    },
    /// A file is in the way.
    #[error("{} is there already: remove it, choose another directory with -o, or replace it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no name to give a node.
    #[error("this machine's name cannot be used, give one with -n: {0}")]
    HostName(ConfigError),
    /// A board that listens has the name of a leaf.
    #[error(
        "a board that listens is a hub, and the name {0} says otherwise: give it no role with -n, or the role hub"
    )]
    HubRole(Name),
    /// The library that writes certificates failed.
    #[error("cannot make a certificate: {0}")]
    Library(rcgen::Error),
    /// The list of revoked certificates would be too long to be read again.
    #[error("{}: the list would be longer than 1 MiB: make a new CA and give it to all nodes", path.display())]
    ListTooLong {
        /// The list.
        path: PathBuf,
    },
    /// A board that trusts no hub would have no link.
    #[error(
        "none of these certificates is that of a hub: give one with --trust, its name may end in .hub.crt"
    )]
    NoHub,
    /// Nobody signs the certificate that a board requests.
    #[error(
        "nobody signs the certificate: name the TLS directory of an operator with --operator, or a CA with --ca"
    )]
    NoIssuer,
    /// Nobody signs the blob.
    #[error("nobody signs the blob: name the TLS directory of an operator with --operator")]
    NoSigner,
    /// There is no CA yet.
    #[error("there is no CA in {}: make one with maelctl cert ca, or name its certificate with --ca", path.display())]
    NoCa {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The certificate signs no others.
    #[error("{}: {problem}", path.display())]
    NotCa {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: BadAuthority,
    },
    /// The CA may not sign lists.
    #[error("{}: this CA may not sign lists of revoked certificates: its key usage lacks cRLSign", path.display())]
    NotCrlSigner {
        /// The certificate of the CA.
        path: PathBuf,
    },
    /// A list or a certificate is not of this CA.
    #[error("{} was not signed by {}: name the CA that signed it with --ca and --ca-key", path.display(), ca.display())]
    OtherCa {
        /// The certificate or the list.
        path: PathBuf,
        /// The certificate of the CA.
        ca: PathBuf,
    },
    /// The files of the CA would be overwritten by those of a leaf.
    #[error("{} belongs to the CA that signs: choose another name with -n, or another directory with -o", path.display())]
    OwnCa {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gives no random numbers.
    #[error("cannot make a key, the operating system gives no random numbers: {0}")]
    Random(io::Error),
    /// A file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// A certificate or key file cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A certificate has too many names.
    #[error("more than {most} names in one certificate: make several certificates")]
    TooManyNames {
        /// The limit.
        most: usize,
    },
    /// The board would not take a blob of this signer.
    #[error(
        "the board would refuse the blob: {name}.crt of {} signs it, and the board does not trust it as an operator's. If it is that of \
         an operator, give it with --trust, under a name that ends in .operator.crt. If not, make a directory with the operator's pair \
         alone, and give that with --operator",
        dir.display()
    )]
    SignerNotTrusted {
        /// The directory of the signer.
        dir: PathBuf,
        /// Its slot.
        name: Name,
    },
    /// A setting of a board is out of range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The blob cannot be made.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The name with the role behind it is too long.
    #[error("{0} is too long for a name with a role behind it: shorten it")]
    TooLongName(String),
    /// Two certificates would be written to one file.
    #[error("two certificates would be {0}.crt: rename one of the files of --trust")]
    TwiceTrusted(Name),
    /// A file holds something else.
    #[error("{}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}
