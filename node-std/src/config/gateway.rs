//! The settings of the public gateway.

use core::fmt;
use core::net::SocketAddr;
use core::str::FromStr;
use core::time::Duration;

use node_core::id::{BadName, Name};
use node_core::route::path::normalize;
use node_core::route::rules::{Host, Rule};

use super::AddressRange;
use crate::tls::settings::{PairSource, Protocol};

/// Most rules of a gateway.
pub const MAX_RULES: usize = 256;
/// Most ranges of trusted proxies.
pub const MAX_PROXIES: usize = 64;
/// The longest host name (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;
/// The longest path of a rule.
const MAX_PATH: usize = 1024;

/// What the public gateway does beside listening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Which component answers for a host and path. Without rules, `/NAME/rest` is `/rest` of the component NAME.
    pub rules: Vec<GatewayRule>,
    /// How it is secured, `None` without TLS.
    pub tls: Option<GatewayTls>,
    /// Where a port listens that sends everybody to the gateway over TLS.
    pub redirect_addr: Option<SocketAddr>,
    /// The proxies whose `X-Forwarded-*` and `Forwarded` are believed.
    pub trusted_proxies: Vec<AddressRange>,
}

/// The gateway's own certificates: unlike those of the private port, they are for the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayTls {
    /// One at least. A client is shown the one that names the host it asks for, else the first.
    pub pairs: Vec<PairSource>,
    /// Versions, suites and curves.
    pub protocol: Protocol,
    /// How long a handshake may take; `None` for [`TIMEOUT`](Self::TIMEOUT), and no longer than a first request may.
    pub timeout: Option<Duration>,
}

impl GatewayTls {
    /// How long a handshake may take, unless the operator says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// One pair, and otherwise what holds by default: TLS 1.2 is spoken too, because clients are of all kinds.
    #[must_use]
    pub fn new(pairs: Vec<PairSource>) -> Self {
        let protocol = Protocol { tls12: true, ..Protocol::default() };
        Self { pairs, protocol, timeout: None }
    }
}

/// A rule of the gateway, with its own memory. As text it is `[HOST]/PATH=COMPONENT[/REWRITE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRule {
    host: String,
    path: String,
    /// The component that answers.
    pub component: Name,
    rewrite: Option<String>,
}

impl GatewayRule {
    /// A rule for `host` (a name, `*.` and a name, or nothing for all) and `path` with all below it. The component sees `rewrite`
    /// instead of that path; `/` or nothing strips it.
    ///
    /// # Errors
    /// [`BadRule`].
    pub fn new(host: &str, path: &str, component: Name, rewrite: Option<&str>) -> Result<Self, BadRule> {
        let host = if host == "*" { "" } else { host }.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(BadRule::Host);
        }
        if component.as_str().starts_with("_mael") {
            return Err(BadRule::Reserved);
        }
        let rewrite = rewrite.map(prefix).transpose()?;
        Ok(Self { host, path: prefix(path)?, component, rewrite })
    }

    /// The rule as the core asks for it.
    #[must_use]
    pub fn as_rule(&self) -> Rule<'_> {
        Rule { host: Host::parse(&self.host), path: &self.path, rewrite: self.rewrite.as_deref() }
    }

    /// Whether both are for the same requests: then the later one has no effect.
    #[must_use]
    pub fn hides(&self, later: &Self) -> bool {
        (&self.host, &self.path) == (&later.host, &later.path)
    }
}

/// The prefix of a path, without a slash at its end.
fn prefix(path: &str) -> Result<String, BadRule> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let is_plain = path.len() <= MAX_PATH && !path.contains(['?', '#']);
    if !is_plain || normalize(path, &mut vec![0; path.len()]) != Ok(path) {
        return Err(BadRule::Path);
    }
    Ok(path.trim_end_matches('/').to_owned())
}

/// A name, an IPv4 address, an IPv6 address in brackets, or `*.` and a name; nothing for all.
fn is_host(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<core::net::Ipv6Addr>().is_ok(),
        None => host.is_empty() || (name.len() <= MAX_HOST && name.split('.').all(is_label)),
    }
}

impl FromStr for GatewayRule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let (from, to) = text.split_once('=').ok_or(BadRule::Form)?;
        let (host, path) = from.split_at(from.find('/').unwrap_or(from.len()));
        let (component, rewrite) = match to.find('/') {
            Some(at) => (to.get(..at).unwrap_or_default(), to.get(at..)),
            None => (to, None),
        };
        Self::new(host, path, Name::new(component)?, rewrite)
    }
}

impl fmt::Display for GatewayRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, path, component, rewrite } = self;
        let slash = if path.is_empty() { "/" } else { "" };
        write!(f, "{host}{path}{slash}={component}")?;
        match rewrite.as_deref() {
            None => Ok(()),
            Some("") => f.write_str("/"),
            Some(rewrite) => f.write_str(rewrite),
        }
    }
}

/// The text is no rule of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// The text after `=` does not begin with the name of a component.
    #[error(transparent)]
    Component(#[from] BadName),
    /// There is no `=`.
    #[error("expected [HOST]/PATH=COMPONENT[/REWRITE], such as www.example.org/shop=shop/ to strip /shop")]
    Form,
    /// The host is none.
    #[error(
        "the host must be a name such as www.example.org, or *.example.org, without a port; nothing or * is for all"
    )]
    Host,
    /// The path or the rewrite is none.
    #[error(
        "a path must begin with /, and hold no query, no . or .. segments and no characters that URLs do not hold"
    )]
    Path,
    /// The component is the node's own.
    #[error("names that begin with _mael are the node's own")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_and_written() {
        for (text, shown) in [
            ("/shop=shop", "/shop=shop"),
            ("*/shop/=shop/", "/shop=shop/"),
            ("WWW.example.org=web", "www.example.org/=web"),
            ("*.example.org/a/b=web/v2/", "*.example.org/a/b=web/v2"),
            ("[fd00::1]/=web", "[fd00::1]/=web"),
            ("/a=web/x=y", "/a=web/x=y"),
            ("=web", "/=web"),
        ] {
            let rule: GatewayRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(rule));
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (text, expected) in [
            ("/shop", BadRule::Form),
            ("/shop=", BadRule::Component(BadName)),
            ("/shop=a b", BadRule::Component(BadName)),
            ("/_x=_mael", BadRule::Reserved),
            ("host:80/=a", BadRule::Host),
            ("a..b/=a", BadRule::Host),
            ("a.*.b/=a", BadRule::Host),
            ("*./=a", BadRule::Host),
            ("/a/../b=a", BadRule::Path),
            ("/a?b/=a", BadRule::Path),
            ("/a=b/../c", BadRule::Path),
            ("/a%=b", BadRule::Path),
        ] {
            assert_eq!(text.parse::<GatewayRule>(), Err(expected), "{text}");
        }
    }
}
