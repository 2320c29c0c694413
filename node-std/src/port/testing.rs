//! A port for tests, which sends everything to a proxy.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use node_core::http::{Connection, RequestHead};
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;

pub(crate) use super::connection::Version;
use super::connection;
use super::service::{Service, Taken};
use crate::config::HttpLimits;
use crate::proxy::{Arrival, Body, Origin, Proxy, ProxyError, Reader, Request as Forwarded};
use crate::testing::{client, text};

/// A connection to such a port.
struct Visit {
    proxy: Arc<Proxy>,
    limits: HttpLimits,
    arrival: Arrival,
}

impl Service for Visit {
    fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    fn limits(&self) -> &HttpLimits {
        &self.limits
    }

    fn arrival(&self) -> Arrival {
        self.arrival
    }

    fn reader(&self) -> Reader {
        Reader::Inside
    }

    fn take(
        &self,
        head: &RequestHead<'_, '_>,
        _: &Connection<'_, '_>,
        ends_itself: bool,
    ) -> Result<Taken, ProxyError> {
        let most = self.limits.timeouts.request;
        Forwarded::take(head, ends_itself, Origin::Inside(self.arrival), most, self.proxy.me()).map(Taken::Forward)
    }

    async fn answer(&self, _: Request<Body>) -> Response<Body> {
        Response::default()
    }
}

/// The client's end of a connection.
pub(crate) fn connect(proxy: &Arc<Proxy>, version: Version, limits: HttpLimits) -> DuplexStream {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let arrival = Arrival { peer: [192, 0, 2, 7].into(), secure: true, trusted: true };
    let visit = Visit { proxy: Arc::clone(proxy), limits, arrival };
    tokio::spawn(async move {
        let _ = connection::serve(far, version, CancellationToken::new(), visit).await;
    });
    near
}

/// Sends a request, and reads the status and the text of the response.
pub(crate) async fn ask(proxy: &Arc<Proxy>, request: Request<Full<Bytes>>) -> (u16, String) {
    let mut client = client(connect(proxy, Version::Http1, HttpLimits::of_connections(100))).await;
    let response = client.send_request(request).await.unwrap();
    (response.status().as_u16(), text(response).await)
}
