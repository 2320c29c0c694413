//! TLS on the gateway: a pair for each host, read again when its files change and on SIGHUP.

use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::server::ProducesTickets;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::config::GatewayTls;
use crate::file_watch::{Cause, FileWatch, Watched};
use crate::tls::{ExpiryLog, Served, TlsError, pair_files, ticketer};

/// Takes the server's part in the handshakes of the gateway. Each new connection is served with the pairs as their files are now, or
/// as they last were in order.
pub struct TlsTerminator {
    settings: GatewayTls,
    tickets: Arc<dyn ProducesTickets>,
    served: ArcSwap<Served>,
    /// What is wrong with the files now, if they cannot be used.
    problem: Mutex<Option<String>>,
}

impl TlsTerminator {
    /// Opens all pairs. Blocks while it reads.
    ///
    /// # Errors
    /// What is wrong with each pair that cannot be used.
    pub fn open(settings: GatewayTls) -> Result<Self, TlsError> {
        let tickets = ticketer()?;
        let served = Served::open(&settings.pairs, &settings.protocol, &tickets)?;
        Ok(Self { settings, tickets, served: ArcSwap::from_pointee(served), problem: Mutex::default() })
    }

    /// How long a handshake may take, if that is set.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    /// Completes a handshake. `h2` or `http/1.1` may have been agreed on by ALPN.
    ///
    /// # Errors
    /// The client does not speak TLS as it should, or takes too long.
    pub async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
    ) -> Result<TlsStream<IO>, HandshakeError> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.served.load().config));
        let time = self.settings.timeout.unwrap_or(GatewayTls::TIMEOUT);
        Ok(timeout(time, acceptor.accept(io)).await.map_err(|_| HandshakeError::Slow(time))??)
    }

    /// Reads the files again. Blocks while it reads. Returns whether new connections are shown other certificates.
    ///
    /// # Errors
    /// They cannot be used, and the last good ones stay in use.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let GatewayTls { pairs, protocol, .. } = &self.settings;
        let outcome = Served::open(pairs, protocol, &self.tickets);
        let problem = outcome.as_ref().err().map(ToString::to_string);
        let former = core::mem::replace(
            &mut *self.problem.lock().unwrap_or_else(PoisonError::into_inner),
            problem.clone(),
        );
        match &problem {
            Some(problem) if former.as_ref() != Some(problem) => {
                tracing::error!("{problem}; the gateway shows the last good certificates");
            }
            None if former.is_some() => tracing::info!("the certificates of the gateway are in order again"),
            _ => {}
        }
        let served = outcome?;
        let changed = !served.is_same(&self.served.load());
        self.served.store(Arc::new(served));
        if changed {
            tracing::info!("the gateway shows new certificates from now on");
        }
        Ok(changed)
    }

    /// What is wrong with the files now, `None` while they are in order.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reloads when the files change and on SIGHUP, until `stop`, and warns of certificates that expire.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut files = FileWatch::new("the certificates of the gateway");
        let mut expiry = ExpiryLog::default();
        let watched: Vec<Watched> = pair_files(&self.settings.pairs).into_iter().map(Watched::file).collect();
        while let Some(cause) = stop.run_until_cancelled(files.changed(watched.clone())).await {
            let this = Arc::clone(&self);
            let _ = tokio::task::spawn_blocking(move || this.follow(cause)).await;
            for line in self.served.load().expiring(&mut expiry) {
                tracing::warn!("{line}");
            }
        }
    }

    /// Reads the files again if need be. [`reload`](Self::reload) logs a change and a new error.
    fn follow(&self, cause: Cause) {
        let is_due = cause != Cause::Poll
            || self.problem().is_some()
            || self.served.load().is_stale(&self.settings.pairs);
        if !is_due {
            return;
        }
        let outcome = self.reload();
        if let (Cause::Hangup, Ok(_)) = (cause, outcome) {
            tracing::info!("SIGHUP: the gateway shows its certificates as the files have them now");
        }
    }
}

impl core::fmt::Debug for TlsTerminator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TlsTerminator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A client of the gateway did not complete its handshake.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// It broke off, or broke TLS.
    #[error("TLS handshake failed: {0}")]
    Failed(#[from] io::Error),
    /// It took too long.
    #[error("TLS handshake took longer than {0:?}")]
    Slow(Duration),
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::duplex;
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::testing::Log;
    use crate::tls::settings::{PairSource, Pem};
    use crate::tls::{provider, read_chain};

    /// Writes a pair for these names as `NAME.crt` and `NAME.key`.
    fn write_pair(dir: &Path, name: &str, hosts: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(hosts).unwrap().self_signed(&key).unwrap();
        fs::write(dir.join(name).with_extension("crt"), certificate.pem()).unwrap();
        fs::write(dir.join(name).with_extension("key"), key.serialize_pem()).unwrap();
    }

    fn pair(dir: &Path, name: &str) -> PairSource {
        let file = |ending| Pem::File(dir.join(name).with_extension(ending));
        PairSource { certificate: file("crt"), key: Some(file("key")), password: None }
    }

    /// A client's connection, which trusts the certificate in `trusted` alone: so that is what it was shown.
    async fn connect(
        terminator: &TlsTerminator,
        host: &str,
        trusted: &Path,
        adapt: impl FnOnce(&mut ClientConfig),
    ) -> io::Result<Option<Vec<u8>>> {
        let mut roots = RootCertStore::empty();
        roots.add(read_chain(trusted).unwrap().remove(0)).unwrap();
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        adapt(&mut config);
        let (client, server) = duplex(4096);
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let (client, _server) = tokio::join!(connector.connect(name, client), terminator.accept(server));
        Ok(client?.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    }

    fn terminator(dir: &Path, names: &[&str]) -> Result<TlsTerminator, TlsError> {
        TlsTerminator::open(GatewayTls::new(names.iter().map(|name| pair(dir, name)).collect()))
    }

    #[tokio::test]
    async fn a_client_is_shown_the_pair_that_names_its_host() {
        let dir = tempfile::tempdir().unwrap();
        write_pair(dir.path(), "first", &["first.example", "192.0.2.1"]);
        write_pair(dir.path(), "star", &["*.shop.example"]);
        write_pair(dir.path(), "exact", &["WWW.shop.example", "shop.example"]);
        let terminator = terminator(dir.path(), &["first", "star", "exact"]).unwrap();
        for (host, name) in [
            ("first.example", "first"),
            ("192.0.2.1", "first"),
            ("a.shop.example", "star"),
            ("www.shop.example", "exact"),
            ("WWW.SHOP.EXAMPLE", "exact"),
            ("shop.example", "exact"),
        ] {
            let trusted = dir.path().join(name).with_extension("crt");
            connect(&terminator, host, &trusted, |_| {})
                .await
                .unwrap_or_else(|error| panic!("{host}: {error}"));
        }
        let first = dir.path().join("first.crt");
        connect(&terminator, "first.example", &first, |config| config.enable_sni = false).await.unwrap();
        // A star stands for one label.
        let star = dir.path().join("star.crt");
        assert!(connect(&terminator, "a.b.shop.example", &star, |_| {}).await.is_err());
        let agreed = async |alpn: &[&[u8]]| {
            let adapt = |config: &mut ClientConfig| {
                config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect()
            };
            connect(&terminator, "first.example", &first, adapt).await.unwrap()
        };
        assert_eq!(agreed(&[b"http/1.1", b"h2"]).await.as_deref(), Some(&b"h2"[..]));
        assert_eq!(agreed(&[b"http/1.1"]).await.as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(agreed(&[]).await, None);
    }

    #[tokio::test]
    async fn a_new_pair_is_shown_and_a_broken_one_is_not() {
        let (log, _guard) = Log::start();
        let dir = tempfile::tempdir().unwrap();
        write_pair(dir.path(), "a", &["a.example"]);
        let terminator = terminator(dir.path(), &["a"]).unwrap();
        let file = |name: &str| dir.path().join(name);
        assert!(!terminator.reload().unwrap(), "nothing changed");
        fs::copy(file("a.crt"), file("old.crt")).unwrap();
        write_pair(dir.path(), "b", &["a.example"]);
        fs::copy(file("b.crt"), file("a.crt")).unwrap();
        let problem = terminator.reload().unwrap_err().to_string();
        assert!(problem.contains("a.key") && problem.contains("does not match"), "{problem}");
        assert_eq!(terminator.problem(), Some(problem));
        terminator.reload().unwrap_err();
        connect(&terminator, "a.example", &file("old.crt"), |_| {}).await.unwrap();
        fs::copy(file("b.key"), file("a.key")).unwrap();
        assert!(terminator.reload().unwrap());
        assert_eq!(terminator.problem(), None);
        connect(&terminator, "a.example", &file("b.crt"), |_| {}).await.unwrap();
        assert_eq!(log.lines("last good certificates").len(), 1, "one fault is told once");
        assert_eq!(log.lines("in order again").len(), 1);
    }

    #[test]
    fn what_cannot_be_used_is_told_whole() {
        let dir = tempfile::tempdir().unwrap();
        write_pair(dir.path(), "a", &["a.example"]);
        write_pair(dir.path(), "b", &["b.example"]);
        fs::copy(dir.path().join("a.key"), dir.path().join("b.key")).unwrap();
        fs::set_permissions(dir.path().join("a.key"), Permissions::from_mode(0o666)).unwrap();
        let said = terminator(dir.path(), &["a", "b", "missing"]).unwrap_err().to_string();
        for expected in [
            "a.key: other users of this machine may write it",
            "b.key: holds a private key that does not match",
            "missing.crt",
        ] {
            assert!(said.contains(expected), "{said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_begin_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        write_pair(dir.path(), "a", &["a.example"]);
        let terminator = terminator(dir.path(), &["a"]).unwrap();
        let (_client, server) = duplex(64);
        assert!(matches!(terminator.accept(server).await, Err(HandshakeError::Slow(GatewayTls::TIMEOUT))));
    }
}
