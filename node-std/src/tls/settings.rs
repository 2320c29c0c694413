//! How the private port is secured, as the operator says it. Nothing is opened yet.

use core::fmt;
use core::time::Duration;
use std::path::{Path, PathBuf};

use node_core::trust::{AcceptedKeys, Anchor, DEPTH, Usage};
use rustls::pki_types::ServerName;
use rustls::{CipherSuite, NamedGroup};
use zeroize::Zeroizing;

use super::crl::{CrlUrl, Refresh};
use super::password::KeyPassword;
use super::verify_command::VerifyCommand;

/// The keys of a node, whom it trusts, and how it speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// A TLS directory: all pairs in it are this node's, all certificates in it are trusted.
    pub dir: Option<PathBuf>,
    /// The password of encrypted keys that have none of their own.
    pub password: Option<KeyPassword>,
    /// Pairs of their own, before those of the directory. A peer that dials is shown the first one that it can verify.
    pub pairs: Vec<PairSource>,
    /// A pair that is shown when this node dials, instead of those.
    pub client_pair: Option<PairSource>,
    /// Certificates that are trusted exactly.
    pub trusted: Vec<Pem>,
    /// Lists of revoked certificates.
    pub lists: Vec<Pem>,
    /// Lists of revoked certificates that come by HTTP.
    pub list_fetch: CrlFetch,
    /// Whom this node accepts when it listens.
    pub listening: Rules,
    /// Whom it accepts when it dials.
    pub dialling: Rules,
    /// The name to expect of every peer that is dialled, instead of the one that is dialled.
    pub server_name: Option<ServerName<'static>>,
    /// Peers that a CA signed have the roles that rules on their names give them, and no others.
    pub map: bool,
    /// Versions, suites and curves.
    pub protocol: Protocol,
    /// How long a handshake may take; `None` for the defaults of the two sides.
    pub timeout: Option<Duration>,
    /// Most handshakes that are begun in a second. A connection beyond is closed.
    pub connection_rate_limit: Option<u32>,
}

/// A certificate, those that are sent with it, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSource {
    /// The certificate first, then its intermediates.
    pub certificate: Pem,
    /// The key; `None` when it stands with the certificate.
    pub key: Option<Pem>,
    /// What the key is encrypted with.
    pub password: Option<PasswordSource>,
}

/// Text in PEM, in a file or in the configuration itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In a file.
    File(PathBuf),
    /// In the configuration.
    Inline {
        /// Where it stands.
        origin: String,
        /// The text, which may be that of a key.
        text: Zeroizing<String>,
    },
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place().display())
    }
}

impl Pem {
    /// Where it is, for messages.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Inline { origin, .. } => origin.into(),
        }
    }
}

/// Where the password of a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// In a file, on its one line.
    File(PathBuf),
    /// In the configuration itself.
    Inline(KeyPassword),
}

/// Whom this node accepts on one side of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What a peer has to prove.
    pub demand: Demand,
    /// CAs.
    pub authorities: Vec<Pem>,
    /// The kinds of key that are accepted.
    pub keys: AcceptedKeys,
    /// How long a certificate must remain valid.
    pub min_remaining: Duration,
    /// Most intermediates.
    pub depth: u8,
    /// What a certificate that a CA signed must be made for.
    pub usage: Usage,
    /// The names that it must have.
    pub names: NameRule,
    /// With CAs: one of these must name the certificate too. Without: whoever these name is accepted.
    pub pinned: Vec<Anchor>,
    /// Whether it may be revoked.
    pub crl_check: CrlCheck,
    /// Has the last word about each peer.
    pub verify_command: Option<VerifyCommand>,
}

/// What a peer has to prove, as Erlang's `verify` and `fail_if_no_peer_cert` say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing. A peer that proves a trusted certificate is what that says, any other is nobody in particular.
    Nothing,
    /// That it has the key of a trusted certificate, if it shows one. Else it is nobody in particular.
    IfShown,
    /// That it has the key of a trusted certificate.
    Always,
}

/// The names that a certificate must have which a CA signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// Any.
    Any,
    /// The one that was dialled.
    Dialled,
    /// The one that was dialled, unless the certificate has no names at all.
    DialledIfNamed,
    /// One of these.
    OneOf(Vec<ServerName<'static>>),
}

/// Erlang's `crl_check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlCheck {
    /// Nothing is asked.
    Off,
    /// The whole chain; a missing list counts as revoked.
    Chain,
    /// The peer's own certificate alone.
    Peer,
    /// A missing list is no obstacle.
    BestEffort,
}

/// Which lists of revoked certificates come by HTTP, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlFetch {
    /// Where they are.
    pub urls: Vec<CrlUrl>,
    /// They are also where certificates say that they are.
    pub distribution_points: bool,
    /// How long one fetch may take.
    pub timeout: Duration,
    /// How often they are fetched.
    pub refresh: Refresh,
}

impl Default for CrlFetch {
    fn default() -> Self {
        let timeout = Duration::from_secs(5);
        Self { urls: Vec::new(), distribution_points: false, timeout, refresh: Refresh::default() }
    }
}

impl CrlFetch {
    /// Whether any list may come by HTTP.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.distribution_points || !self.urls.is_empty()
    }
}

/// How TLS is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    /// TLS 1.2 is spoken with clients that have no better. Links always use TLS 1.3.
    pub tls12: bool,
    /// The suites that are allowed, the best first; empty for those of the library.
    pub suites: Vec<CipherSuite>,
    /// The curves that are allowed, the best first; empty for those of the library.
    pub curves: Vec<NamedGroup>,
}

impl Rules {
    /// Nobody is accepted who does not prove a trusted certificate. Those who dial are judged for `usage`, those who are dialled by
    /// their names as well.
    #[must_use]
    pub const fn new(usage: Usage, names: NameRule) -> Self {
        Self {
            demand: Demand::Always,
            authorities: Vec::new(),
            keys: AcceptedKeys::Any,
            min_remaining: Duration::ZERO,
            depth: DEPTH,
            usage,
            names,
            pinned: Vec::new(),
            crl_check: CrlCheck::Off,
            verify_command: None,
        }
    }
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            dir: None,
            password: None,
            pairs: Vec::new(),
            client_pair: None,
            trusted: Vec::new(),
            lists: Vec::new(),
            list_fetch: CrlFetch::default(),
            listening: Rules::new(Usage::CLIENT, NameRule::Any),
            dialling: Rules::new(Usage::SERVER, NameRule::DialledIfNamed),
            server_name: None,
            map: false,
            protocol: Protocol::default(),
            timeout: None,
            connection_rate_limit: None,
        }
    }
}

impl TlsSettings {
    /// Those of a TLS directory alone.
    #[must_use]
    pub fn directory(dir: impl Into<PathBuf>) -> Self {
        Self { dir: Some(dir.into()), ..Self::default() }
    }

    /// Where this node's own keys are, for messages.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        let pair = self.pairs.first().map(|pair| pair.certificate.place());
        pair.or_else(|| self.dir.clone()).unwrap_or_default()
    }

    /// All files that are read, beside those of the directory.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let pairs = self.pairs.iter().chain(&self.client_pair);
        let keys = pairs.flat_map(|pair| core::iter::once(&pair.certificate).chain(&pair.key));
        let sides = [&self.listening, &self.dialling].into_iter().flat_map(|side| &side.authorities);
        let texts = keys.chain(sides).chain(&self.trusted).chain(&self.lists);
        let mut files: Vec<&Path> = texts
            .filter_map(|pem| match pem {
                Pem::File(path) => Some(path.as_path()),
                Pem::Inline { .. } => None,
            })
            .collect();
        files.extend(self.pairs.iter().chain(&self.client_pair).filter_map(|pair| match &pair.password {
            Some(PasswordSource::File(path)) => Some(path.as_path()),
            _ => None,
        }));
        files
    }

    /// What an operator should be warned of: that some peers prove nothing.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.dialling.demand != Demand::Always {
            warnings.push(
                "INSECURE: whoever this node dials is believed without proof (tls.insecure, or tls.client.verify: verify_none); \
                 anybody on the way can read and change everything",
            );
        }
        if self.listening.demand != Demand::Always {
            warnings.push(
                "OPEN: whoever reaches the private port is let in without a certificate (tls.mtls: false, verify_none, or \
                 fail_if_no_peer_cert: false) and may be a hub or a leaf",
            );
        }
        warnings
    }
}
