//! TLS on the private port, and how long a client's certificate stays good.

use core::time::Duration;
use std::sync::Arc;

use node_core::identity::Channel;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
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
    let (accepted, refused) = noting(tokio::time::timeout_at(by, accept)).await;
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
    Ok(Secured { stream, channel, shown })
}

/// A connection after its handshake.
pub(super) struct Secured<IO> {
    pub(super) stream: TlsStream<IO>,
    pub(super) channel: Channel,
    /// What the client showed.
    pub(super) shown: Shown,
}

/// Ends a connection whose client's certificate is no longer trusted.
pub(super) struct TrustWatch<F> {
    /// Cancelled when the certificate is no longer trusted, or with the port's token.
    pub(super) token: CancellationToken,
    /// Cancels the token while it is polled, and ends when the client's requests took too long after that.
    pub(super) watch: F,
}

/// Watches the trust in a client that showed these certificates. `drain` is the port's token.
pub(super) fn watch_trust(
    keyring: &Arc<Keyring>,
    client: Shown,
    drain: &CancellationToken,
) -> TrustWatch<impl Future<Output = Result<(), Refusal>>> {
    let token = drain.child_token();
    let (keyring, cancel) = (Arc::clone(keyring), token.clone());
    let mut keys = keyring.subscribe();
    let watch = async move {
        loop {
            match keyring.judge(&client) {
                // Without a keyring that changes, only time can end the decision.
                Ok(holds) => {
                    match tokio::time::timeout(holds, keys.changed()).await {
                        Err(_) => {}
                        Ok(Err(_)) => tokio::time::sleep(holds).await,
                        // Its outcome is what is judged next.
                        Ok(Ok(())) => {
                            if let Err(refused) = keyring.confirm(&client).await {
                                tracing::debug!("a connection ends after its requests: {refused}");
                            }
                        }
                    }
                }
                Err(rejection) => {
                    tracing::info!("a connection ends after its requests: {rejection}");
                    cancel.cancel();
                    tokio::time::sleep(LAST_REQUESTS).await;
                    return Err(Refusal::Untrusted(LAST_REQUESTS));
                }
            }
        }
    };
    TrustWatch { token, watch }
}
