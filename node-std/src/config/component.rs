//! A component that this node offers.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use http::Uri;
use node_core::id::{BadName, Name};
use node_core::route::deadline::MAX_BUDGET;
use node_core::route::path::normalize;
use rustls::pki_types::ServerName;

use super::host_port::HostPort;
use crate::tls::settings::Pem;

/// Most upstreams of a component.
pub const MAX_UPSTREAMS: usize = 16;
/// Requests under way to a component of this node, unless the operator says otherwise.
pub const MAX_REQUESTS: u32 = 1024;
/// The longest time that a component may allow its requests.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// An HTTP service under a name that every node of the cluster can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name that requests ask for.
    pub name: Name,
    /// Where it answers: one at least, [`MAX_UPSTREAMS`] at most. Equals share the requests.
    pub upstreams: Vec<UpstreamUrl>,
    /// How an `https` upstream proves who it is; there if any upstream is one.
    pub tls: Option<UpstreamTls>,
    /// The longest that a request may take on this node, its body and the answer included: up to [`LONGEST`].
    pub max_duration: Duration,
    /// Most requests under way at once on this node. One more is answered with 503.
    pub max_requests: u32,
    /// The longest body of a request, in bytes, `None` for any.
    pub max_body: Option<u64>,
    /// How this node finds out whether an upstream answers, `None` without asking.
    pub health_check: Option<HealthCheck>,
}

impl Component {
    /// A component with one upstream and the limits that hold by default.
    ///
    /// # Errors
    /// The name is the node's own.
    pub fn new(name: Name, upstreams: Vec<UpstreamUrl>) -> Result<Self, BadComponent> {
        if name.as_str().starts_with("_mael") {
            return Err(BadComponent::Reserved);
        }
        Ok(Self {
            name,
            upstreams,
            tls: None,
            max_duration: MAX_BUDGET,
            max_requests: MAX_REQUESTS,
            max_body: None,
            health_check: None,
        })
    }
}

impl FromStr for Component {
    type Err = BadComponent;

    fn from_str(text: &str) -> Result<Self, BadComponent> {
        let (name, url) = text.split_once('=').ok_or(BadComponent::Form)?;
        let name = Name::new(name)?;
        let url: UpstreamUrl = url.parse()?;
        if url.protocol == UpstreamProtocol::Https {
            return Err(BadComponent::NeedsCa);
        }
        Self::new(name, vec![url])
    }
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamProtocol {
    /// `http`: HTTP/1.1.
    Http,
    /// `https`: HTTP/2 or HTTP/1.1 over TLS, as the upstream chooses by ALPN.
    Https,
    /// `h2c`: HTTP/2 without TLS, with prior knowledge (RFC 9113 section 3.3).
    H2c,
}

impl UpstreamProtocol {
    /// The scheme of URLs.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http | Self::H2c => 80,
            Self::Https => 443,
        }
    }
}

/// Where an upstream answers: `http://HOST[:PORT][/PREFIX]`, or `https` or `h2c`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    /// How it is spoken to.
    pub protocol: UpstreamProtocol,
    /// Where it is dialled.
    pub address: HostPort,
    /// What stands before the path of every request, without a slash at its end.
    pub prefix: String,
}

impl FromStr for UpstreamUrl {
    type Err = BadComponent;

    fn from_str(text: &str) -> Result<Self, BadComponent> {
        let url: Uri = text.parse().map_err(|_| BadComponent::Url)?;
        let protocol = match url.scheme_str() {
            Some("http") => UpstreamProtocol::Http,
            Some("https") => UpstreamProtocol::Https,
            Some("h2c") => UpstreamProtocol::H2c,
            _ => return Err(BadComponent::Url),
        };
        if url.query().is_some() {
            return Err(BadComponent::Url);
        }
        let address = HostPort::of_url(&url, protocol.port()).map_err(|_| BadComponent::Url)?;
        let path = url.path();
        // Requests could not be told to stay below it.
        if normalize(path, &mut vec![0; path.len()]) != Ok(path) {
            return Err(BadComponent::Prefix);
        }
        Ok(Self { protocol, address, prefix: path.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.protocol.scheme(), self.address, self.prefix)
    }
}

/// How an upstream proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The CAs that may have signed its certificate. Those of the system do not count.
    pub authorities: Vec<Pem>,
    /// The name to ask for and to expect, instead of the host of its URL.
    pub server_name: Option<ServerName<'static>>,
}

/// How this node finds out whether an upstream answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked for by GET, without the prefix of the URL. An answer 200 to 399 is good.
    pub path: String,
    /// How often.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// The text is not a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadComponent {
    /// There is no `=`.
    #[error("expected NAME=URL, such as shop=http://127.0.0.1:8080")]
    Form,
    /// The text before `=` is not a name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// An `https` URL stands alone.
    #[error(
        "https needs the CA that signed the upstream's certificate: write the component as a map with url and ca in the \
         configuration file"
    )]
    NeedsCa,
    /// The path of the URL is not one below which requests stay.
    #[error("the path of the URL must hold no . or .. segments and no characters that URLs do not hold")]
    Prefix,
    /// The gateway answers such paths itself.
    #[error("names that begin with _mael are the node's own: choose another")]
    Reserved,
    /// The text after `=` is not a URL that requests can be proxied to.
    #[error(
        "the URL must be http://HOST:PORT, or h2c or https instead of http, with a path prefix if need be"
    )]
    Url,
}
