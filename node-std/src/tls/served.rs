//! TLS of a port for the world: its clients show no certificate, and are shown the pair that names the host they ask for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use node_core::crypto::{Digest, Software};
use node_core::trust::{Certificate, Fingerprint, SubjectName};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use super::endpoint::{ALPN_H2, ALPN_HTTP1};
use super::error::{DirectoryProblem, FileProblem, TlsError};
use super::expiry::{Dependence, ExpiryLog};
use super::listing::Stamp;
use super::material::{check_mode, exposed, read_pair};
use super::provider::{provider_for, ticketer};
use super::settings::{PairSource, PasswordSource, Pem, Protocol};
use crate::clock::unix_time;

/// How often files that change while they are read are read again, and the pause before that.
const ATTEMPTS: usize = 5;
const PAUSE: core::time::Duration = core::time::Duration::from_millis(20);

/// The pairs of a port, as their files were at one moment.
pub(crate) struct Served {
    stamps: Vec<Stamp>,
    pub(crate) config: Arc<ServerConfig>,
    /// SHA-256 of each certificate with its intermediates.
    digests: Vec<Fingerprint>,
    /// For the warnings before they expire.
    certificates: Vec<Dependence>,
}

impl Served {
    /// Opens all pairs. Sessions are resumed with tickets of `tickets`, which outlive a change of the pairs: they prove nothing of the
    /// client.
    ///
    /// # Errors
    /// What is wrong with each pair.
    pub(crate) fn open(
        pairs: &[PairSource],
        protocol: &Protocol,
        tickets: &Arc<dyn ProducesTickets>,
    ) -> Result<Self, TlsError> {
        for _ in 0..ATTEMPTS {
            let stamps = stamps(pairs);
            let opened = Self::read(pairs, protocol, tickets, stamps.clone());
            // What is wrong counts only if nothing changed meanwhile, as what is good does.
            if stamps == self::stamps(pairs) {
                return opened;
            }
            std::thread::sleep(PAUSE);
        }
        let place = pairs.first().map(|pair| pair.certificate.place());
        Err(DirectoryProblem::Changing.of(&place.unwrap_or_default()))
    }

    fn read(
        pairs: &[PairSource],
        protocol: &Protocol,
        tickets: &Arc<dyn ProducesTickets>,
        stamps: Vec<Stamp>,
    ) -> Result<Self, TlsError> {
        let (mut resolver, mut errors) = (Resolver::default(), Vec::new());
        let (mut digests, mut certificates) = (Vec::new(), Vec::new());
        for source in pairs {
            for path in files(source) {
                errors.extend(check_mode(path).err());
            }
            let read = read_pair(source, None).and_then(|(chain, pair)| {
                let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
                let certificate = Certificate::parse(leaf).map_err(|error| {
                    FileProblem::BadCertificate(error.to_string()).of(&source.certificate.place())
                })?;
                let ders: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
                digests.push(Fingerprint(Software.sha256(&ders)));
                certificates.push(Dependence {
                    what: "a certificate of the gateway",
                    certificate: Fingerprint(Software.sha256(&[leaf])),
                    not_after: certificate.not_after,
                });
                resolver.add(&certificate, Arc::new(pair.signer));
                Ok(())
            });
            errors.extend(read.err());
            for path in exposed(source) {
                tracing::warn!(
                    "every user of this machine can read {}, which is secret: chmod 600 it",
                    path.display()
                );
            }
        }
        if !errors.is_empty() {
            return Err(TlsError::of(errors));
        }
        let versions: &[_] = if protocol.tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
        let mut config = ServerConfig::builder_with_provider(provider_for(protocol)?)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP1.to_vec()];
        config.ticketer = Arc::clone(tickets);
        config.send_tls13_tickets = 1;
        Ok(Self { stamps, config: Arc::new(config), digests, certificates })
    }

    /// Whether the files have changed since.
    pub(crate) fn is_stale(&self, pairs: &[PairSource]) -> bool {
        self.stamps != stamps(pairs)
    }

    /// Whether both show the same certificates.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.digests == other.digests
    }

    /// The warnings of certificates that expire which are due now.
    pub(crate) fn expiring(&self, log: &mut ExpiryLog) -> Vec<String> {
        log.due_of(&self.certificates, unix_time())
    }
}

/// Opens pairs as [`Served::open`] does, for nothing but what is wrong with them.
///
/// # Errors
/// As there.
pub(crate) fn check_pairs(pairs: &[PairSource], protocol: &Protocol) -> Result<(), TlsError> {
    Served::open(pairs, protocol, &ticketer()?).map(drop)
}

/// All files of pairs.
pub(crate) fn pair_files(pairs: &[PairSource]) -> Vec<PathBuf> {
    pairs.iter().flat_map(files).map(Path::to_owned).collect()
}

fn files(pair: &PairSource) -> impl Iterator<Item = &Path> {
    let texts = core::iter::once(&pair.certificate).chain(&pair.key);
    let texts = texts.filter_map(|pem| match pem {
        Pem::File(path) => Some(path.as_path()),
        Pem::Inline { .. } => None,
    });
    let password = match &pair.password {
        Some(PasswordSource::File(path)) => Some(path.as_path()),
        _ => None,
    };
    texts.chain(password)
}

fn stamps(pairs: &[PairSource]) -> Vec<Stamp> {
    pairs.iter().flat_map(files).map(Stamp::of).collect()
}

/// Chooses the pair for a client: one that names the host that it asks for, else one with a name `*.` and the rest of the host, else
/// the first of all. Of several, the first whose signatures the client can verify.
#[derive(Debug, Default)]
struct Resolver {
    all: Vec<Arc<CertifiedKey>>,
    /// By host name, in lower case; `*.` stands for one label.
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Resolver {
    fn add(&mut self, certificate: &Certificate<'_>, key: Arc<CertifiedKey>) {
        for name in certificate.names() {
            if let SubjectName::Dns(name) = name {
                self.by_name.entry(name.to_ascii_lowercase()).or_default().push(Arc::clone(&key));
            }
        }
        self.all.push(key);
    }

    fn of(&self, host: &str) -> &[Arc<CertifiedKey>] {
        let exact = self.by_name.get(host);
        let any_label = || {
            let (_, rest) = host.split_once('.')?;
            self.by_name.get(&format!("*.{rest}"))
        };
        exact.or_else(any_label).map_or(&self.all, |named| named)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // The library has it in lower case.
        let keys = client.server_name().map_or(self.all.as_slice(), |host| self.of(host));
        let schemes = client.signature_schemes();
        let verifiable = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        keys.iter().find(verifiable).or_else(|| keys.first()).cloned()
    }
}
