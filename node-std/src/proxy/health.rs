//! Asks the upstreams of this node's components whether they answer.
//!
//! An upstream that fails two checks in a row gets no more requests until it passes one. A component whose upstreams are all down is
//! answered with 503 at once, so that a node that passed the request on can try another one. The node goes on announcing the
//! component: its members change seldom, and health often.

#[cfg(test)]
mod tests;

use core::error::Error;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::MAX_HEAD;
use crate::config::{Component, HealthCheck, UpstreamProtocol, UpstreamUrl, host_of};
use crate::connect;
use crate::tls::{TlsError, upstream_config};

/// Failed checks in a row after which an upstream is down.
const FALL: u32 = 2;

/// Which upstreams are up. Without a check, all are.
#[derive(Debug, Default)]
pub struct Health {
    components: HashMap<Box<str>, Vec<AtomicBool>>,
}

impl Health {
    /// Whether the upstream with this index gets requests. All are up until a check fails.
    #[must_use]
    pub fn is_up(&self, component: &str, upstream: usize) -> bool {
        let upstreams = self.components.get(component);
        upstreams.and_then(|all| all.get(upstream)).is_none_or(|up| up.load(Ordering::Relaxed))
    }

    /// Whether any upstream of a component gets requests. If none does, answer 503.
    #[must_use]
    pub fn is_any_up(&self, component: &str) -> bool {
        let upstreams = self.components.get(component);
        upstreams.is_none_or(|all| all.iter().any(|up| up.load(Ordering::Relaxed)))
    }

    fn set(&self, component: &str, upstream: usize, is_up: bool) {
        if let Some(up) = self.components.get(component).and_then(|all| all.get(upstream)) {
            up.store(is_up, Ordering::Relaxed);
        }
    }
}

/// The health checks of a node.
#[derive(Debug)]
pub struct HealthChecks {
    health: Arc<Health>,
    probes: Vec<Probe>,
}

impl HealthChecks {
    /// The checks of those `components` that have one.
    ///
    /// # Errors
    /// The CAs of an `https` upstream cannot be read.
    pub fn open(components: &[Component]) -> Result<Self, TlsError> {
        let mut health = Health::default();
        let mut probes = Vec::new();
        for component in components {
            let Some(check) = &component.health_check else { continue };
            let name = component.name.as_str();
            // Checks use HTTP/1.1 where they can: a connection for each is cheaper so.
            let tls = component.tls.as_ref();
            let config = tls.map(|tls| upstream_config(&tls.authorities, false)).transpose()?;
            let server_name = tls.and_then(|tls| tls.server_name.as_ref());
            for (index, url) in component.upstreams.iter().enumerate() {
                let server_name = server_name.cloned().or_else(|| host_of(&url.address));
                let tls = config.clone().filter(|_| url.protocol == UpstreamProtocol::Https).zip(server_name);
                probes.push(Probe {
                    component: name.into(),
                    index,
                    url: url.clone(),
                    check: check.clone(),
                    tls,
                });
            }
            let all_up = component.upstreams.iter().map(|_| AtomicBool::new(true)).collect();
            health.components.insert(name.into(), all_up);
        }
        Ok(Self { health: Arc::new(health), probes })
    }

    /// What the checks find.
    #[must_use]
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Checks, each upstream on its own, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        for probe in self.probes {
            let (health, stop) = (Arc::clone(&self.health), stop.clone());
            tasks.spawn(async move { stop.run_until_cancelled(probe.repeat(&health)).await });
        }
        stop.cancelled().await;
        tasks.close();
        tasks.wait().await;
    }
}

/// The check of one upstream.
#[derive(Debug)]
struct Probe {
    component: Box<str>,
    index: usize,
    url: UpstreamUrl,
    check: HealthCheck,
    /// For `https`.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Probe {
    async fn repeat(&self, health: &Health) {
        let mut ticks = interval(self.check.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = 0_u32;
        loop {
            ticks.tick().await;
            let Self { component, index, url, .. } = self;
            match self.ask().await {
                Ok(()) => {
                    if failed >= FALL {
                        tracing::info!(%component, "component {component}: {url} is up again");
                    }
                    failed = 0;
                    health.set(component, *index, true);
                }
                Err(failure) => {
                    failed = failed.saturating_add(1);
                    if failed == FALL {
                        health.set(component, *index, false);
                        tracing::warn!(
                            %component,
                            "component {component}: {url} is down and gets no requests until it passes its health check: {failure}"
                        );
                    }
                }
            }
        }
    }

    async fn ask(&self) -> Result<(), Failure> {
        let time = self.check.timeout;
        let status = timeout(time, self.status()).await.map_err(|_| Failure::Slow(time))?;
        let status = status.map_err(|error| Failure::Unreachable(root_cause(&*error)))?;
        if status.is_success() || status.is_redirection() { Ok(()) } else { Err(Failure::Status(status)) }
    }

    async fn status(&self) -> Result<StatusCode, BoxError> {
        let io = connect::race(&connect::resolve(self.url.address.as_str()).await?).await?;
        match (self.url.protocol, &self.tls) {
            (UpstreamProtocol::Http, _) => self.http1(io).await,
            (UpstreamProtocol::H2c, _) => self.http2(io).await,
            (UpstreamProtocol::Https, Some((config, name))) => {
                let io = TlsConnector::from(Arc::clone(config)).connect(name.clone(), io).await?;
                self.http1(io).await
            }
            (UpstreamProtocol::Https, None) => Err("its name cannot be that of a certificate".into()),
        }
    }

    async fn http1(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<StatusCode, BoxError> {
        let mut client = http1::Builder::new();
        client.max_buf_size(MAX_HEAD);
        let (mut sender, connection) = client.handshake(TokioIo::new(io)).await?;
        let request = self.request(&format!("{}{}", self.url.prefix, self.check.path))?;
        answer(sender.send_request(request), connection).await
    }

    async fn http2(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<StatusCode, BoxError> {
        let (mut sender, connection) =
            http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(io)).await?;
        let UpstreamUrl { address, prefix, .. } = &self.url;
        let request = self.request(&format!("http://{address}{prefix}{}", self.check.path))?;
        answer(sender.send_request(request), connection).await
    }

    fn request(&self, uri: &str) -> Result<Request<Empty<Bytes>>, http::Error> {
        let request = Request::get(uri).header("user-agent", "maelstrom-health-check");
        // HTTP/2 takes the host from the URI.
        let request = match self.url.protocol {
            UpstreamProtocol::H2c => request,
            _ => request.header("host", self.url.address.as_str()),
        };
        request.body(Empty::new())
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

/// The status of a response. The connection is driven meanwhile; what follows the head is not read.
async fn answer<B, E: Error + Send + Sync + 'static>(
    response: impl Future<Output = Result<http::Response<B>, E>>,
    connection: impl Future<Output = Result<(), E>>,
) -> Result<StatusCode, BoxError> {
    let (mut response, connection) = (pin!(response), pin!(connection));
    let response = tokio::select! {
        biased;
        response = &mut response => response?,
        ended = connection => {
            ended?;
            response.await?
        }
    };
    Ok(response.status())
}

/// The last error of the chain. The errors before it name layers, not causes.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Why an upstream failed a check.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer within {0:?}")]
    Slow(Duration),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("{0}")]
    Unreachable(String),
}
