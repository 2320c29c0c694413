//! Why the daemon does not start.

use core::net::SocketAddr;

use node_core::id::Name;

use super::env_file::EnvFileError;
use super::file::ConfigFileError;
use super::known::UnknownVariable;

/// All that is wrong with the settings, one fault a line.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl core::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl core::error::Error for ConfigErrors {}

/// Why the daemon does not start with its settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A component is bound twice.
    #[error("the component {0} is bound twice: give all its owners in one --bind (MAEL_BINDINGS)")]
    BoundTwice(Name),
    /// The configuration file cannot be used.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// A key is given and no certificate.
    #[error("{origin}: a key needs its certificate: give --tls-cert (MAEL_TLS_CERT) as well")]
    KeyAlone {
        /// The flag or variable.
        origin: String,
    },
    /// Peers are to be known by their names, and some need none.
    #[error(
        "{origin} wants a certificate of every peer, and verify_none, mtls: false or fail_if_no_peer_cert: false lets peers in \
         without one, who would be hubs: drop one of the two"
    )]
    NeedsCertificates {
        /// Where it stands.
        origin: String,
    },
    /// A gateway has TLS and no certificate.
    #[error(
        "{origin}: TLS on the gateway needs a certificate: give --public-tls-cert (MAEL_PUBLIC_TLS_CERT), or cert and key in gateway.tls"
    )]
    NoGatewayPair {
        /// The flag or variable.
        origin: String,
    },
    /// Everybody is sent to a port that does not speak TLS.
    #[error(
        "{origin}: it sends everybody to the gateway over TLS, and the gateway has none: give --public-tls-cert \
         (MAEL_PUBLIC_TLS_CERT) or gateway.tls, and an address for the gateway"
    )]
    RedirectToNothing {
        /// The flag or variable.
        origin: String,
    },
    /// Two rules are for the same requests.
    #[error("{origin}: a rule for this host and path was given before: drop one")]
    RuleTwice {
        /// The flag or variable.
        origin: String,
    },
    /// Two ports have one address.
    #[error("{origin}: {addr} is where the gateway itself listens: give the redirect another port")]
    SameAddress {
        /// The flag or variable.
        origin: String,
        /// The address.
        addr: SocketAddr,
    },
    /// TLS is asked for, and this node has nothing to show.
    #[error(
        "TLS needs a certificate and a key of this node: give a directory (--tls-dir, tls.dir), or a pair (--tls-cert and --tls-key, \
         tls.cert and tls.key)"
    )]
    NoOwnKeys,
    /// The names of peers are checked against an empty list.
    #[error(
        "nobody could be accepted: tls.verify_cert_and_check_known_urls (or tls.allowed_names) has no name to compare with; list \
         tls.known_urls, or members in cluster.join by their names"
    )]
    NobodyKnown,
    /// Two components share a name.
    #[error("the component {0} is given twice: give each a name of its own")]
    ComponentTwice(Name),
    /// The file of `--env-file` cannot be used.
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    /// The private port would be reachable in plaintext without `--plaintext`.
    #[error(
        "{origin}: {addr} can be reached from other machines, and without TLS anybody there could join this \
         node's cluster, and read the token of its operators: give --tls-dir, or --plaintext if the network is trusted, or a loopback address"
    )]
    Exposed {
        /// The flag or variable.
        origin: String,
        /// The address that it names.
        addr: SocketAddr,
    },
    /// A setting does not take its value.
    #[error("{origin}: {value:?}: {problem}")]
    Invalid {
        /// The flag or variable.
        origin: String,
        /// The value.
        value: String,
        /// The problem.
        problem: String,
    },
    /// There is no default place for the data directory.
    #[error("neither HOME nor XDG_STATE_HOME is set: give a data directory with --data-dir")]
    NoHome,
    /// A variable is not UTF-8 text.
    #[error("the environment variable {0} is not UTF-8")]
    NotText(String),
    /// No setting has the name of a variable.
    #[error(transparent)]
    Unknown(#[from] UnknownVariable),
    /// Both TLS and plaintext were asked for.
    #[error("--plaintext (MAEL_PLAINTEXT) and --tls-dir (MAEL_PRIVATE_TLS_DIR) exclude each other: drop one")]
    PlaintextWithTls,
    /// A setting was given too many times.
    #[error("{origin}: at most {most} {what} can be given")]
    TooMany {
        /// The flag or variable.
        origin: String,
        /// The limit.
        most: usize,
        /// The things that are limited.
        what: &'static str,
    },
}
