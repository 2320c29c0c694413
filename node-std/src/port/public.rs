//! The public port, the gateway: `/NAME/rest` on it is `/rest` of the component NAME, on whichever node of the cluster.
//!
//! It speaks HTTP to the world or to a load balancer, with TLS if it has certificates of its own: then a client that comes without TLS
//! is redirected. It drops `MAELSTROM-*` headers from outside, because only the cluster may set them.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use http::{Response, StatusCode};
use node_core::http::{RequestHead, find};
use node_core::id::Name;
use node_core::route::gateway::split;
use node_core::route::rules::select;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::acceptor::accept;
use super::admission::{Admission, Ticket, Wish};
use super::connection::{self, Version};
use super::gateway_tls::TlsTerminator;
use super::health::{HEALTH_CHECK, READY, Readiness};
use super::redirect::Redirect;
use super::service::{Service, Taken};
use super::sniff::{Opening, sniff};
use crate::config::{GatewayRule, GatewaySettings, HttpLimits, Published};
use crate::proxy::{
    Arrival, Body, Carried, Origin, Proxy, ProxyError, Reader, Request, absolute, normal, text,
};
use crate::tls::ALPN_H2;

/// The gateway.
#[derive(Debug)]
pub struct Gateway {
    /// Passes requests on.
    pub proxy: Arc<Proxy>,
    /// The components that it serves.
    pub published: Published,
    /// What it does beside listening.
    pub settings: GatewaySettings,
    /// What a client may take of this node.
    pub limits: HttpLimits,
    /// How it is secured, and where clients go that come without TLS; `None` without TLS.
    pub tls: Option<(Arc<TlsTerminator>, Redirect)>,
    /// Whether this node can make new links.
    pub readiness: Readiness,
    /// Its places for connections.
    pub admission: Arc<Admission>,
}

/// Accepts connections until `drain` is cancelled, then waits until the requests under way are answered.
pub async fn serve(listener: TcpListener, gateway: Gateway, drain: CancellationToken) {
    let gateway = Arc::new(gateway);
    accept(listener, &gateway.admission, drain, |io, peer, ticket| {
        let gateway = Arc::clone(&gateway);
        async move {
            let _ = io.set_nodelay(true);
            let arrival = Arrival { peer: peer.ip(), secure: false, trusted: gateway.trusts(peer.ip()) };
            let first_by = Instant::now() + gateway.first_timeout();
            let visit = Visit { gateway, arrival, ticket, first_by };
            if let Err(error) = visit.serve(io).await {
                tracing::debug!(%peer, %error, "a gateway connection ended early");
            }
        }
    })
    .await;
}

/// A connection to the gateway.
struct Visit {
    gateway: Arc<Gateway>,
    arrival: Arrival,
    ticket: Ticket,
    /// When its first request must be here.
    first_by: Instant,
}

impl Visit {
    async fn serve<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        io: IO,
    ) -> Result<(), Box<dyn core::error::Error + Send + Sync>> {
        let (gateway, drain) = (Arc::clone(&self.gateway), self.ticket.drain().clone());
        let wait = self.first_by.saturating_duration_since(Instant::now());
        let Some(sniffed) = drain.run_until_cancelled(sniff(io, wait)).await else { return Ok(()) };
        let (opening, io) = sniffed?;
        match (opening, &gateway.tls) {
            (Opening::Http1, None) => connection::serve(io, Version::Http1, drain, self).await,
            (Opening::Http2, None) => connection::serve(io, Version::Http2, drain, self).await,
            (Opening::Tls, Some((tls, _))) => {
                // An idle connection holds no memory for its handshake.
                let accepting = Box::pin(timeout_at(self.first_by, tls.accept(io)));
                let Some(accepted) = drain.run_until_cancelled(accepting).await else { return Ok(()) };
                let (io, arrival) = (Box::new(accepted??), Arrival { secure: true, ..self.arrival });
                // Who agrees on nothing speaks HTTP/1.1 (RFC 9113 section 3.3).
                let is_h2 = io.get_ref().1.alpn_protocol() == Some(ALPN_H2);
                let version = if is_h2 { Version::Http2 } else { Version::Http1 };
                connection::serve(io, version, drain, Self { arrival, ..self }).await
            }
            (Opening::Http1, Some((_, redirect))) => Ok(redirect.answer(io).await?),
            _ => Err(format!("{opening:?} is not served here").into()),
        }
    }
}

impl Service for Visit {
    /// Nothing comes with a probe.
    const OWN_BODY: usize = 0;

    fn proxy(&self) -> &Proxy {
        &self.gateway.proxy
    }

    fn limits(&self) -> &HttpLimits {
        &self.gateway.limits
    }

    fn arrival(&self) -> Arrival {
        self.arrival
    }

    fn first_by(&self) -> Instant {
        self.first_by
    }

    fn reader(&self) -> Reader {
        Reader::Outside
    }

    fn take(&self, head: &RequestHead<'_, '_>, carried: Carried) -> Result<Taken, ProxyError> {
        let (asked, authority) = absolute(head.target);
        let mut buffer = Vec::new();
        let asked = normal(asked, &mut buffer)?;
        let is_probe = is_path(asked, HEALTH_CHECK) || is_path(asked, READY);
        if !self.ticket.is_admitted() {
            self.ticket.admit_request(Wish::Http, is_probe)?;
        }
        if is_probe {
            return Ok(Taken::Own);
        }
        let host = authority.or_else(|| core::str::from_utf8(find(head.fields, "host")?).ok());
        let Some((component, target)) = self.gateway.route(host.unwrap_or_default(), asked) else {
            if self.gateway.settings.rules.is_empty() && split(asked).is_none() {
                let help = "Components are at /NAME/, where NAME is that of a component";
                return Ok(Taken::Done(text(StatusCode::NOT_FOUND, help)));
            }
            // The world does not learn which components the cluster has.
            return Err(ProxyError::NoComponent);
        };
        let origin = Origin::Outside { arrival: self.arrival, component: &component, target: &target };
        let most = self.gateway.limits.timeouts.request;
        Request::take(head, carried, origin, most, self.gateway.proxy.me()).map(Taken::Forward)
    }

    async fn answer(&self, request: http::Request<Body>) -> Response<Body> {
        match request.uri().path() {
            HEALTH_CHECK => text(StatusCode::OK, "OK"),
            // The world does not learn why not.
            _ if self.gateway.readiness.check().is_ok() => text(StatusCode::OK, "ready"),
            _ => text(StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        }
    }
}

impl Gateway {
    /// How long a client may take until its first request is here, its handshake included.
    fn first_timeout(&self) -> Duration {
        let handshake = self.tls.as_ref().and_then(|(tls, _)| tls.timeout());
        self.limits.timeouts.head.max(handshake.unwrap_or_default())
    }

    /// Whether the peer is a proxy that is believed.
    fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.settings.trusted_proxies.iter().any(|range| range.contains(peer))
    }

    /// The component for a request, and the target that it sees: by the rules, or without rules by the first segment.
    fn route(&self, host: &str, asked: &str) -> Option<(Name, String)> {
        let rules = &self.settings.rules;
        if rules.is_empty() {
            let (component, target) = split(asked)?;
            let component = Name::new(component).ok()?;
            return self.published.serves(component.as_str()).then(|| (component, target.to_string()));
        }
        let found = select(rules.iter().map(GatewayRule::as_rule), host, asked)?;
        Some((rules.get(found.rule)?.component.clone(), found.target.to_string()))
    }
}

/// Whether a target is of this path, whatever its query.
fn is_path(target: &str, path: &str) -> bool {
    target.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;

    use http::Request;

    use super::*;
    use crate::port::testing::{admission, readiness};
    use crate::testing::{alone, client, component, mirror, text};

    async fn gateway() -> (core::net::SocketAddr, CancellationToken) {
        let proxy = Proxy::new(alone(), &[component("shop", mirror().await, "")]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let gateway = Gateway {
            proxy: Arc::new(proxy),
            published: Published::All,
            settings: GatewaySettings::default(),
            limits: HttpLimits::of_connections(64),
            tls: None,
            readiness: readiness(),
            admission: admission(64, 64),
        };
        tokio::spawn(serve(listener, gateway, drain.clone()));
        (addr, drain)
    }

    async fn ask(request: http::request::Builder) -> (u16, String) {
        let (addr, _drain) = gateway().await;
        let mut client = client(TcpStream::connect(addr).await.unwrap()).await;
        let request = request.header("host", "www.example.org").body(Full::<Bytes>::default()).unwrap();
        let response = client.send_request(request).await.unwrap();
        (response.status().as_u16(), text(response).await)
    }

    #[tokio::test]
    async fn the_first_segment_names_the_component() {
        let (status, seen) = ask(Request::get("/shop/cart?id=7")).await;
        assert_eq!((status, seen.lines().next()), (200, Some("GET /cart?id=7")));
        assert!(
            seen.contains("x-forwarded-for: 127.0.0.1\n") && seen.contains("host: www.example.org\n"),
            "{seen}"
        );
        assert!(ask(Request::get("/shop")).await.1.starts_with("GET /\n"));
    }

    #[tokio::test]
    async fn maelstrom_headers_from_outside_are_dropped() {
        let request = Request::get("/shop/")
            .header("MAELSTROM-COMPONENT", "other")
            .header("maelstrom-relay-path", "0".repeat(32))
            .header("maelstrom-deadline-nano", "1")
            .header("maelstrom-anything", "x");
        let (status, seen) = ask(request).await;
        assert_eq!(status, 200);
        assert!(seen.contains("maelstrom-component: shop\n") && !seen.contains("anything"), "{seen}");
    }

    #[tokio::test]
    async fn other_paths_than_those_of_components_are_not_found() {
        let (status, help) = ask(Request::get("/").header("MAELSTROM-COMPONENT", "shop")).await;
        assert!(status == 404 && help.contains("/NAME/"), "{help}");
        assert_eq!(ask(Request::get("/nothing/")).await, (404, "No component matches the request".into()));
        assert_eq!(ask(Request::get("/_mael/v1")).await.0, 404);
        assert_eq!(ask(Request::get(HEALTH_CHECK)).await, (200, "OK".into()));
        assert_eq!(ask(Request::get(READY)).await, (200, "ready".into()));
    }

    #[tokio::test]
    async fn a_probe_brings_nothing_that_is_held() {
        let (addr, _drain) = gateway().await;
        let mut io = TcpStream::connect(addr).await.unwrap();
        io.write_all(b"POST /_mael_health_check HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na")
            .await
            .unwrap();
        let mut answer = String::new();
        io.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    #[tokio::test]
    async fn other_protocols_are_closed() {
        let (addr, _drain) = gateway().await;
        for opening in [&b"\x16\x03\x01"[..], b"MAEL/1\r\n", b"\0\0"] {
            let mut io = TcpStream::connect(addr).await.unwrap();
            io.write_all(opening).await.unwrap();
            assert_eq!(io.read_to_end(&mut Vec::new()).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn draining_ends_the_gateway() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let drain = CancellationToken::new();
        let gateway = Gateway {
            proxy: Arc::new(Proxy::new(alone(), &[])),
            published: Published::All,
            settings: GatewaySettings::default(),
            limits: HttpLimits::of_connections(64),
            tls: None,
            readiness: readiness(),
            admission: admission(64, 64),
        };
        let serving = tokio::spawn(serve(listener, gateway, drain.clone()));
        let _idle = TcpStream::connect(addr).await.unwrap();
        drain.cancel();
        tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap();
    }
}
