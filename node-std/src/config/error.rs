//! Why the daemon does not start.

use core::net::SocketAddr;

use node_core::id::Name;

use super::env_file::EnvFileError;

/// Why the daemon does not start with what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Two components share a name.
    #[error("the component {0} is given twice: give each a name of its own")]
    ComponentTwice(Name),
    /// The file of `--env-file` cannot be used.
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    /// The private port would be reachable in plaintext, and nobody asked for that.
    #[error(
        "{origin}: {addr} can be reached from other machines, and without TLS anybody there could steer this \
         node: give --tls-dir, or --plaintext if the network is trusted, or a loopback address"
    )]
    Exposed {
        /// The flag or variable.
        origin: String,
        /// The address that it names.
        addr: SocketAddr,
    },
    /// A value is not what its setting takes.
    #[error("{origin}: {value:?}: {problem}")]
    Invalid {
        /// The flag or variable.
        origin: String,
        /// What it was set to.
        value: String,
        /// What is wrong with that.
        problem: String,
    },
    /// There is no default place for the data directory.
    #[error("neither HOME nor XDG_STATE_HOME is set: say where to keep data with --data-dir")]
    NoHome,
    /// A variable is not text.
    #[error("the environment variable {0} is not UTF-8")]
    NotText(String),
    /// Both TLS and plaintext were asked for.
    #[error("--plaintext (MAEL_PLAINTEXT) and --tls-dir (MAEL_PRIVATE_TLS_DIR) exclude each other: drop one")]
    PlaintextWithTls,
    /// A setting was given too often.
    #[error("{origin}: at most {most} {what} can be given")]
    TooMany {
        /// The flag or variable.
        origin: String,
        /// As many are taken.
        most: usize,
        /// Of what.
        what: &'static str,
    },
}
