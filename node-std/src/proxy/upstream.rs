//! The components of this node, reached over HTTP/1.1 with pooled connections.

use core::error::Error;
use core::time::Duration;
use std::collections::HashMap;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use super::body::Body;
use super::error::ProxyError;
use super::fields;
use super::head::MAX_HEAD;
use super::request::ProxyRequest;
use crate::config::{Component, UpstreamProtocol};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the usual idle timeouts of application servers, so that this side closes first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_CONNECTIONS: usize = 64;

#[derive(Debug)]
pub struct Upstream {
    client: Client<HttpConnector, Body>,
    urls: HashMap<String, Uri>,
}

impl Upstream {
    pub fn new(components: &[Component]) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .http1_max_buf_size(MAX_HEAD)
            .build(connector);
        let urls = components.iter().filter_map(|component| {
            let url = component.upstreams.iter().find(|url| url.protocol == UpstreamProtocol::Http)?;
            Some((component.name.to_string(), url.to_string().parse().ok()?))
        });
        Self { client, urls: urls.collect() }
    }

    /// Whether this node has the component.
    pub fn offers(&self, component: &str) -> bool {
        self.urls.contains_key(component)
    }

    /// Sends a request to the component that its head names. The head stays with the request, for another try.
    pub async fn send(&self, incoming: &mut ProxyRequest) -> Result<Response<Body>, ProxyError> {
        let component = fields::component(&incoming.parts.headers)?;
        let base = self.urls.get(component).ok_or(ProxyError::NoComponent)?;
        let who = || format!("component {component} at {base}");
        let mut request = Request::new(core::mem::take(&mut incoming.body));
        *request.method_mut() = incoming.parts.method.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = target(base, &incoming.parts.uri)?;
        *request.headers_mut() = incoming.parts.headers.clone();
        let remaining = incoming.deadline.saturating_duration_since(Instant::now());
        fields::set_deadline(request.headers_mut(), remaining);
        let response = self.client.request(request).await.map_err(|error| {
            let reason = root_cause(&error);
            if error.is_connect() {
                ProxyError::unreachable(&who(), &reason)
            } else {
                ProxyError::broke_off(&who(), &reason)
            }
        })?;
        let mut response = response.map(Body::from);
        fields::strip_hop_by_hop(response.headers_mut());
        Ok(response)
    }
}

/// A request's target under a component's URL.
fn target(base: &Uri, request: &Uri) -> Result<Uri, ProxyError> {
    let prefix = base.path().trim_end_matches('/');
    let asked = request.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = if prefix.is_empty() { asked.parse() } else { format!("{prefix}{asked}").parse() };
    let path: PathAndQuery = path.map_err(|error| ProxyError::BadRequest(format!("{asked}: {error}")))?;
    let authority = base.authority().map_or("", Authority::as_str);
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path).build();
    uri.map_err(|error| ProxyError::BadRequest(error.to_string()))
}

/// The last error of the chain. The errors before it name layers, not causes.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
