//! What a port does with a request.

use core::future::Future;

use http::Response;
use node_core::http::RequestHead;
use tokio::time::Instant;

use crate::config::HttpLimits;
use crate::proxy::{Arrival, Body, Carried, Proxy, ProxyError, Reader, Request};

/// A port, as one connection sees it.
pub(super) trait Service: Send + Sync + 'static {
    /// The longest body of a request that this node answers itself, in bytes.
    const OWN_BODY: usize;

    /// Passes requests on.
    fn proxy(&self) -> &Proxy;

    /// What a client may take of this node.
    fn limits(&self) -> &HttpLimits;

    /// How requests arrive here.
    fn arrival(&self) -> Arrival;

    /// When the client's first request must be here.
    fn first_by(&self) -> Instant;

    /// Who reads errors.
    fn reader(&self) -> Reader;

    /// Decides what becomes of a request, whose head came so.
    fn take(&self, head: &RequestHead<'_, '_>, carried: Carried) -> Result<Taken, ProxyError>;

    /// Answers a request that this node answers itself.
    fn answer(&self, request: http::Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Taken {
    /// This node answers it by [`Service::answer`].
    Own,
    /// This is the answer.
    Done(Response<Body>),
    /// A component answers it.
    Forward(Request),
}
