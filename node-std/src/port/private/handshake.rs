//! TLS on the private port, and how long a client's certificate stays good.

use core::time::Duration;

use node_core::identity::Channel;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::refusal::Refusal;
use crate::tls::{Keyring, Shown, Shows, channel, noting};

/// How long a TLS handshake may take. A board does its part of it in software.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the requests of a client may take that is no longer trusted.
const LAST_REQUESTS: Duration = Duration::from_secs(60);

/// Takes the server's part in a handshake, until `by` at the latest.
pub(super) async fn handshake<IO: AsyncRead + AsyncWrite + Unpin>(
    stream: IO,
    keyring: &Keyring,
    by: Instant,
) -> Result<Secured<IO>, Refusal> {
    let time = keyring.timeout().unwrap_or(HANDSHAKE_TIMEOUT);
    let by = by.min(Instant::now() + time);
    let accept = async {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let Shows { config, certificate } =
            keyring.server_config_for(start.client_hello().signature_schemes());
        Ok((start.into_stream(config).await?, certificate))
    };
    let (accepted, refused) = noting(timeout_at(by, accept)).await;
    let (stream, ours) = accepted
        .map_err(|_| Refusal::Slow(time))?
        .map_err(|error| Refusal::Handshake(error, refused.map(Box::new)))?;
    // On a busy machine the timer may be seen after the client's last message, which came too late all the same.
    if Instant::now() > by {
        return Err(Refusal::Slow(time));
    }
    let channel = channel(stream.get_ref().1, ours)?;
    let shown = Shown::of(stream.get_ref().1, None);
    keyring.confirm(&shown).await.map_err(|refused| Refusal::Peer(Box::new(refused)))?;
    Ok(Secured { stream: Box::new(stream), channel, shown })
}

/// A connection after its handshake.
pub(super) struct Secured<IO> {
    /// On the heap: a future holds what it waits with once for each function that it passed.
    pub(super) stream: Box<TlsStream<IO>>,
    pub(super) channel: Channel,
    /// What the client showed.
    pub(super) shown: Shown,
}

/// Watches the trust in a client that showed these certificates. Cancels `token` when they are no longer trusted, and returns when
/// the client's requests took too long after that.
pub(super) async fn watch_trust(keyring: &Keyring, client: &Shown, token: &CancellationToken) -> Refusal {
    let mut keys = keyring.subscribe();
    let rejection = loop {
        let holds = match keyring.judge(client) {
            Ok(holds) => holds,
            Err(rejection) => break rejection,
        };
        match timeout(holds, keys.changed()).await {
            Err(_) => {}
            // Without a keyring that changes, only time can end the decision.
            Ok(Err(_)) => sleep(holds).await,
            // Its outcome is what is judged next.
            Ok(Ok(())) => {
                if let Err(refused) = Box::pin(keyring.confirm(client)).await {
                    tracing::debug!("a connection ends after its requests: {refused}");
                }
            }
        }
    };
    tracing::info!("a connection ends after its requests: {rejection}");
    token.cancel();
    sleep(LAST_REQUESTS).await;
    Refusal::Untrusted(LAST_REQUESTS)
}
