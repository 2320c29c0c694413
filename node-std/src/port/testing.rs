//! Ports for tests, over carriers in memory.

use core::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Places, Ticket};
use super::connection;
pub(crate) use super::connection::Version;
use super::health::Readiness;
use super::private::{PrivateHttp, Visit};
use crate::api::testing::api;
use crate::api::{PortConnections, TlsStatus};
use crate::config::HttpLimits;
use crate::proxy::{Arrival, Proxy};
use crate::testing::{access, client, text};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Places of a port that has this many.
pub(super) fn admission(most: usize, per_source: usize) -> Arc<Admission> {
    Admission::new("test", Places::new(most, per_source), &[], &Arc::new(PortConnections::default()))
}

/// The ticket of a new connection from `peer`, and what becomes of its task.
pub(super) fn enter(admission: &Arc<Admission>, peer: IpAddr) -> (Ticket, tokio::task::JoinHandle<()>) {
    let held = Mutex::new(None);
    admission.enter(peer, &CancellationToken::new(), |ticket| {
        let task = tokio::spawn(core::future::pending());
        let handle = task.abort_handle();
        *held.lock().unwrap() = Some((ticket, task));
        handle
    });
    held.into_inner().unwrap().unwrap()
}

/// A node that is ready.
pub(super) fn readiness() -> Readiness {
    let (_, tls) = tokio::sync::watch::channel(TlsStatus::default());
    Readiness { tls, drain: CancellationToken::new() }
}

/// A carrier to a private port with this `proxy`, and the token that drains the port.
pub fn port(proxy: impl Into<Arc<Proxy>>) -> (DuplexStream, CancellationToken) {
    port_within(proxy, HttpLimits::of_connections(64), Version::Http1)
}

/// The same within `limits`, of a connection of this version.
pub(crate) fn port_within(
    proxy: impl Into<Arc<Proxy>>,
    limits: HttpLimits,
    version: Version,
) -> (DuplexStream, CancellationToken) {
    let (near, far) = tokio::io::duplex(4096);
    let http = PrivateHttp {
        api: Arc::new(api()),
        proxy: proxy.into(),
        access: access(),
        readiness: readiness(),
        limits,
    };
    let ticket = enter(&admission(64, 64), PEER).0;
    let drain = ticket.drain().clone();
    let arrival = Arrival { peer: PEER, secure: false, trusted: true };
    let first_by = Instant::now() + limits.timeouts.head;
    let visit = Visit { http: Arc::new(http), arrival, shown: None, ticket, first_by };
    let served = connection::serve(far, version, drain.clone(), visit);
    tokio::spawn(async move {
        let _ = served.await;
    });
    (near, drain)
}

/// Sends a request to a private port with this `proxy`, and reads the status and the text of the response.
pub async fn ask(proxy: &Arc<Proxy>, request: Request<Full<Bytes>>) -> (u16, String) {
    let mut client = client(port(Arc::clone(proxy)).0).await;
    let response = client.send_request(request).await.unwrap();
    (response.status().as_u16(), text(response).await)
}
