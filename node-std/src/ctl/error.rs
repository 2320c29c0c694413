//! The errors of `maelctl`.

use std::io;
use std::path::PathBuf;

use super::cert::CertError;
use super::provision::ProvisionError;
use super::push::PushError;
use crate::config::{ConfigErrors, UnknownVariable};
use crate::tls::TlsError;

/// Why `maelctl` failed.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// The file with what a method takes cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Body {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A method with a name was given bytes.
    #[error(
        "{method} takes JSON: --hex, --text and --file are for methods of applications, which have numbers"
    )]
    BodyOfNamed {
        /// The method.
        method: String,
    },
    /// A method with a number was given JSON.
    #[error("method {method} takes bytes, not JSON: give them with --hex, --text or --file")]
    JsonOfNumbered {
        /// The method.
        method: String,
    },
    /// A certificate cannot be made.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// The URL is for TLS and there are no keys.
    #[error("{url} needs keys: give their directory with --tls-dir (MAEL_PRIVATE_TLS_DIR)")]
    NoKeys {
        /// The URL.
        url: String,
    },
    /// A keyring is to be sealed without a key of an operator.
    #[error(
        "a keyring for a board is sealed with the key of an operator, and {url} is asked without one: write https://, and give \
         your keys with --tls-dir (MAEL_PRIVATE_TLS_DIR)"
    )]
    NoSealingKey {
        /// The URL.
        url: String,
    },
    /// A TLS directory is given, but the URL is without TLS.
    #[error(
        "{url} (--url, MAELSTROM_PRIVATE_URL) is not encrypted, but a TLS directory is given, {keys}: write https://, or \
         unset MAEL_PRIVATE_TLS_DIR"
    )]
    PlainUrl {
        /// The URL.
        url: String,
        /// Where they are.
        keys: String,
    },
    /// The keys and rules to ask with are not in order.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A variable of the environment is misspelt.
    #[error(transparent)]
    Variable(#[from] UnknownVariable),
    /// The answer cannot be printed.
    #[error("cannot write the answer to the standard output: {0}")]
    Output(io::Error),
    /// There is nothing to check.
    #[error("nothing to check: name a TLS directory or files, or give --tls-dir (MAEL_PRIVATE_TLS_DIR)")]
    NothingToCheck,
    /// A peer is checked against one directory.
    #[error("--peer is checked against one TLS directory: name exactly one")]
    PeerOfWhat,
    /// A board was not provisioned.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// A board did not get new keys, or did not keep them.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The node refused.
    #[error("{0}")]
    Refused(String),
    /// The program cannot run.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// The TLS directory cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There was no answer, or none of a Maelstrom node.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The URL cannot be read.
    #[error(
        "{0}: expected http://HOST:PORT or https://HOST:PORT, such as http://127.0.0.1:8374 (--url, MAELSTROM_PRIVATE_URL)"
    )]
    Url(String),
}

impl CtlError {
    /// 2 for a wrong command line, 1 otherwise.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::BodyOfNamed { .. }
            | Self::JsonOfNumbered { .. }
            | Self::NoKeys { .. }
            | Self::NoSealingKey { .. }
            | Self::NothingToCheck
            | Self::PeerOfWhat
            | Self::PlainUrl { .. }
            | Self::Url(_)
            | Self::Config(_)
            | Self::Variable(_) => 2,
            Self::Body { .. }
            | Self::Cert(_)
            | Self::Output(_)
            | Self::Provision(_)
            | Self::Push(_)
            | Self::Refused(_)
            | Self::Runtime(_)
            | Self::Tls(_)
            | Self::Unreachable { .. } => 1,
        }
    }
}
