//! What a finished handshake agreed on.

use core::fmt;

use node_core::time::UnixTime;
use node_core::trust::{Certificate, Rfc3339};
use rustls::{CommonState, ProtocolVersion};

use super::names::{curve_name, suite_name};

/// Version, suite and group of a connection, and whom its peer's certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `1.3` or `1.2`.
    pub version: &'static str,
    /// The name of the cipher suite in the registry of IANA.
    pub suite: &'static str,
    /// The group of the key exchange.
    pub group: &'static str,
    /// The name that the peer's certificate gives its holder (NATS's order: e-mail, DNS, URI, common name), if it has one.
    pub user: Option<String>,
    /// When that certificate ends.
    pub expires: Option<UnixTime>,
}

impl Session {
    /// Of a finished handshake. What a certificate says that is not trusted here is not repeated.
    #[must_use]
    pub fn of(connection: &CommonState, has_proved: bool) -> Self {
        let leaf = connection.peer_certificates().and_then(<[_]>::first).filter(|_| has_proved);
        let certificate = leaf.and_then(|leaf| Certificate::parse(leaf).ok());
        let suite = connection.negotiated_cipher_suite();
        let group = connection.negotiated_key_exchange_group();
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "1.3",
                Some(ProtocolVersion::TLSv1_2) => "1.2",
                _ => "unknown",
            },
            suite: suite.map_or("none", |suite| suite_name(suite.suite())),
            group: group.map_or("none", |group| curve_name(group.name())),
            user: certificate.and_then(|certificate| certificate.user_name().map(str::to_owned)),
            expires: certificate.map(|certificate| certificate.not_after),
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, suite, group, .. } = self;
        write!(f, "TLS version {version}, cipher suite {suite}, group {group}, ")?;
        match (&self.user, self.expires) {
            (user, Some(expires)) => {
                let user = user.as_deref().unwrap_or("unnamed");
                write!(f, "certificate of {user} until {}", Rfc3339(expires))
            }
            (_, None) => f.write_str("no certificate that is trusted here"),
        }
    }
}
