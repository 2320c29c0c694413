//! An address to dial: a host name or IP address, and a port.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use http::Uri;
use node_core::wire::record::MAX_ADDR;

/// `HOST:PORT`, with an IPv6 host in brackets. Names are resolved when they are dialled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort(String);

impl HostPort {
    /// The address as text, for a dialler.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host and port of a URL, which has `port` if it names none.
    ///
    /// # Errors
    /// It names a user, or its port is not a port.
    pub fn of_url(url: &Uri, port: u16) -> Result<Self, BadHostPort> {
        let authority = url.authority().ok_or(BadHostPort::Form)?.as_str();
        authority.parse().or_else(|_| format!("{authority}:{port}").parse())
    }

    /// Whether it is an address of this machine alone.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_loopback()) || self.0.starts_with("localhost:")
    }

    /// The host, if it is an IP address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok().map(|addr: SocketAddr| addr.ip())
    }
}

impl FromStr for HostPort {
    type Err = BadHostPort;

    fn from_str(text: &str) -> Result<Self, BadHostPort> {
        if text.len() > MAX_ADDR {
            return Err(BadHostPort::Long);
        }
        let (host, port) = text.rsplit_once(':').ok_or(BadHostPort::Form)?;
        let host_is_fine = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
            None => is_host_name(host),
        };
        let port_is_fine = port.parse::<u16>().is_ok_and(|port| port != 0);
        if host_is_fine && port_is_fine { Ok(Self(text.to_owned())) } else { Err(BadHostPort::Form) }
    }
}

/// Name or IPv4 address: letters, digits, `-`, `_` and `.`.
fn is_host_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        Self(addr.to_string())
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHostPort {
    /// It does not have the form of an address.
    #[error("expected HOST:PORT, such as node-2.example.net:8374, 10.0.0.2:8374 or [fd00::2]:8374")]
    Form,
    /// It does not fit a member's record.
    #[error("an address is at most {MAX_ADDR} bytes long: give a shorter name, or the IP address")]
    Long,
}
