//! What one certificate says of itself: version, dates, key, names, usage.

use std::path::Path;

use node_core::time::UnixTime;
use node_core::trust::{Certificate, KeyAlgorithm, Rfc3339, Usage};

use super::finding::{Finding, Severity};

const DAY: u64 = 24 * 3600;
/// How long before its end a certificate is spoken of.
const SOON: u64 = 30 * DAY;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The pair of a TLS directory that signs.
    Active,
    /// Another pair.
    Idle,
    /// A certificate in a TLS directory whose key is elsewhere.
    Trusted,
    /// A loose file with the certificate of a node.
    Leaf,
    /// A loose file with a CA.
    Authority,
}

/// A certificate, and where it stands.
pub struct Subject<'c> {
    pub file: &'c Path,
    pub certificate: Certificate<'c>,
    pub place: Place,
}

impl Subject<'_> {
    /// All findings about it.
    pub fn check(&self, now: UnixTime) -> Vec<Finding> {
        let found = [
            self.version(),
            self.dates(now),
            self.key(),
            self.boards(),
            self.key_usage(),
            self.extended_key_usage(),
            self.names(),
            self.authority(),
        ];
        found.into_iter().flatten().collect()
    }

    /// Whether no node can prove itself with such a key.
    pub const fn is_weak(&self) -> bool {
        matches!(self.certificate.algorithm, KeyAlgorithm::Rsa(..2048) | KeyAlgorithm::Other)
    }

    fn found(
        &self,
        severity: Severity,
        kind: &'static str,
        problem_and_remedy: (String, &str),
    ) -> Option<Finding> {
        Some(Finding::new(severity, kind, self.file, problem_and_remedy))
    }

    fn version(&self) -> Option<Finding> {
        let version = self.certificate.version;
        if version == 3 {
            return None;
        }
        let (severity, effect) = match self.place {
            Place::Authority => (Severity::Note, "which nothing keeps from signing any name"),
            Place::Leaf => (Severity::Warning, "which has no names, and which no TLS directory takes"),
            _ => (Severity::Error, "which a node does not take"),
        };
        let problem = format!("is of X.509 version {version}, {effect}");
        let remedy = "make it of version 3: give openssl req -x509 extensions (x509_extensions), openssl x509 -req a file of them (-extfile)";
        self.found(severity, "version", (problem, remedy))
    }

    fn dates(&self, now: UnixTime) -> Option<Finding> {
        let Certificate { not_before, not_after, .. } = self.certificate;
        let (bad, effect) = match self.place {
            Place::Active => (Severity::Error, "peers refuse it"),
            Place::Idle => (Severity::Warning, "peers refuse it when it becomes active"),
            Place::Trusted => (Severity::Warning, "it lets nobody in"),
            Place::Leaf => (Severity::Error, "peers refuse it"),
            Place::Authority => (Severity::Error, "what it signed is refused"),
        };
        if now > not_after {
            let remedy = match self.place {
                Place::Active => "rotate to a newer pair now",
                _ => "renew or remove it",
            };
            return self.found(
                bad,
                "expired",
                (format!("expired at {}: {effect}", Rfc3339(not_after)), remedy),
            );
        }
        if now < not_before {
            let problem = format!("is valid only from {}: until then {effect}", Rfc3339(not_before));
            let remedy = "correct the clock of this machine or of the one that made it, or wait";
            return self.found(bad, "not-yet-valid", (problem, remedy));
        }
        if not_after.0 < now.0.saturating_add(SOON) {
            let days = not_after.0.saturating_sub(now.0) / DAY;
            let problem = format!("expires at {}, in {days} days: then {effect}", Rfc3339(not_after));
            return self.found(Severity::Warning, "expires-soon", (problem, "renew it before"));
        }
        None
    }

    fn key(&self) -> Option<Finding> {
        if !self.is_weak() {
            return None;
        }
        let severity = if self.place == Place::Trusted { Severity::Warning } else { Severity::Error };
        let problem = format!("has a key of kind {}, which is refused", self.certificate.algorithm);
        self.found(severity, "weak-key", (problem, "make a new key: P-256, or RSA with 2048 bits or more"))
    }

    fn boards(&self) -> Option<Finding> {
        if self.is_weak() || self.certificate.algorithm == KeyAlgorithm::P256 {
            return None;
        }
        let problem =
            format!("has a key of kind {}, and boards check only P-256", self.certificate.algorithm);
        self.found(
            Severity::Note,
            "not-for-boards",
            (problem, "make it with P-256 if boards are in the cluster"),
        )
    }

    fn key_usage(&self) -> Option<Finding> {
        if self.place == Place::Authority || self.certificate.may_sign_handshakes() {
            return None;
        }
        let problem =
            "has a key usage without digitalSignature, so other TLS libraries refuse its handshakes";
        let remedy = "make it anew with digitalSignature, or without a key usage";
        self.found(Severity::Warning, "key-usage", (problem.to_owned(), remedy))
    }

    /// A directory trusts exactly this certificate, whatever its usage. Under a CA the usage counts.
    fn extended_key_usage(&self) -> Option<Finding> {
        let usage = self.certificate.extended_key_usage()?;
        if usage == Usage::BOTH || self.place == Place::Authority {
            return None;
        }
        let missing = Usage { server: !usage.server, client: !usage.client };
        let severity = if self.place == Place::Leaf { Severity::Warning } else { Severity::Note };
        let problem =
            format!("does not allow {missing} (extended key usage), and under a CA a hub needs both");
        let remedy = "make it anew with extendedKeyUsage = serverAuth, clientAuth";
        self.found(severity, "extended-key-usage", (problem, remedy))
    }

    fn names(&self) -> Option<Finding> {
        let is_nameless = self.certificate.names().next().is_none();
        if !is_nameless || self.place == Place::Authority || self.certificate.version < 3 {
            return None;
        }
        let problem = "has no subject alternative name, so it fits no name that is dialled or listed";
        let remedy = "give it one if names are checked: subjectAltName = DNS:NAME";
        self.found(Severity::Note, "no-name", (problem.to_owned(), remedy))
    }

    /// The trap: the same certificate works in a directory and fails under a CA.
    fn authority(&self) -> Option<Finding> {
        if !self.certificate.is_ca() {
            return None;
        }
        let (problem, remedy) = match self.place {
            Place::Authority => (
                "is the certificate of a CA (CA:TRUE): it serves as a CA, or in a TLS directory as exactly itself, but no peer takes it \
                 as a leaf under a CA",
                "for a node under a CA make one with CA:FALSE",
            ),
            _ => (
                "is the certificate of a CA (CA:TRUE): in a TLS directory it is trusted as exactly itself, but no peer takes it as a \
                 leaf under a CA",
                "leave it so in a directory; under a CA make one with CA:FALSE",
            ),
        };
        self.found(Severity::Note, "ca-true", (problem.to_owned(), remedy))
    }
}
