//! How a request reached this node.

use core::net::IpAddr;

use node_core::id::Name;
use node_core::link::Open;

/// How a request reached this node over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The address of the sender.
    pub peer: IpAddr,
    /// Whether it came over TLS.
    pub secure: bool,
    /// Whether what the sender says of those before it is believed: `X-Forwarded-*`, `Forwarded` and `Via`. Of a stranger these
    /// fields are dropped.
    pub trusted: bool,
}

/// Where a request comes from, and what that says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'r> {
    /// The gateway chose the component, and the target that it sees. Fields that only the cluster may set are dropped.
    Outside { arrival: Arrival, component: &'r Name, target: &'r str },
    /// The private port: the request names its component.
    Inside(Arrival),
    /// A link: another node let the request in.
    Link(Open),
}

impl Origin<'_> {
    /// How it came over HTTP, unless another node let it in.
    pub(crate) const fn arrival(&self) -> Option<Arrival> {
        match self {
            Self::Outside { arrival, .. } | Self::Inside(arrival) => Some(*arrival),
            Self::Link(_) => None,
        }
    }
}
