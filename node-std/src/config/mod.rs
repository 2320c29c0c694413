//! The settings of `maelstromd`. A flag comes before an environment variable, a variable before `--env-file`, that before the
//! configuration file, and that before the default. Every setting has a default, so the daemon starts without a file and without a
//! flag.
//!
//! ```text
//! flags, environment (env_file, file) -> resolve (key, setting) -> Config
//! ```

mod address_range;
mod check;
mod component;
mod env_file;
mod environment;
mod error;
mod file;
mod flags;
mod gateway;
mod host_port;
mod in_force;
mod key;
mod known;
mod limits;
mod published;
mod resolve;
mod setting;
#[cfg(test)]
mod tests;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::net::UdpSocket;
use std::path::PathBuf;

use node_core::id::{Name, NodeId};
use node_core::route::owners::Binding;
use node_core::trust::RoleRule;

pub use address_range::{AddressRange, BadAddressRange};
pub use check::Problems;
pub use component::{
    BadComponent, Component, HealthCheck, LONGEST, MAX_UPSTREAMS, UpstreamProtocol, UpstreamTls, UpstreamUrl,
};
pub use env_file::{EnvFileError, LineProblem};
pub use environment::Environment;
pub use error::{ConfigError, ConfigErrors};
pub use file::{ConfigFileError, Fault, Place, check_text, host_of};
pub use flags::Flags;
pub use gateway::{BadRule, GatewayRule, GatewaySettings, GatewayTls};
pub use host_port::{BadHostPort, HostPort};
pub use in_force::InForce;
pub use known::{UnknownVariable, check_process};
pub use limits::{HttpLimits, MOST_HEADERS, Timeouts};
pub use published::Published;
pub use resolve::{TlsFlags, resolve_tls};
pub(crate) use setting::{duration, switch};

use crate::tls::settings::TlsSettings;

/// The private port's number by default.
pub const PRIVATE_PORT: u16 = 8374;

/// Most members to join through. The core takes as many.
pub const MAX_JOIN: usize = 8;

/// Most ranges of addresses that may be dialled.
pub const MAX_DIAL_RANGES: usize = 64;

/// A daemon's settings, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name of this node.
    pub name: Name,
    /// Where the private port listens. With port 0 the system chooses the port.
    pub private_addr: SocketAddr,
    /// The address that other nodes dial, `None` to derive it from the bound address.
    pub advertise_addr: Option<HostPort>,
    /// Where the public gateway listens, `None` when it is off.
    pub public_addr: Option<SocketAddr>,
    /// Members to join the cluster through.
    pub join: Vec<HostPort>,
    /// Where the addresses lie that other members advertise and this node dials; empty for anywhere.
    pub dial_ranges: Vec<AddressRange>,
    /// Where the node keeps its identity.
    pub data_dir: PathBuf,
    /// How the private port is secured, `None` without TLS.
    pub tls: Option<TlsSettings>,
    /// The components that this node offers.
    pub components: Vec<Component>,
    /// The roles of peers. Where no rule names a peer, its certificate decides.
    pub roles: Vec<RoleRule>,
    /// The nodes that may be linked; empty for every one that is trusted.
    pub allowed_ids: Vec<NodeId>,
    /// The owners of components.
    pub bindings: Vec<Binding>,
    /// The components that the public gateway serves at `/NAME/`, when it has no rules.
    pub published: Published,
    /// What the gateway does beside listening.
    pub gateway: GatewaySettings,
    /// Nodes link only to nodes of the same cluster.
    pub cluster_id: Name,
    /// Whether other machines may reach the private port without TLS.
    pub plaintext: bool,
    /// The filter of log lines, in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// Most connections of a port at once.
    pub max_connections: usize,
    /// Limits of HTTP on both ports.
    pub http: HttpLimits,
    /// How long requests under way may take when the daemon is told to stop.
    pub drain: Duration,
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// What was set and has no effect, and why.
    pub notes: Vec<String>,
    /// Each setting, its value and where that comes from.
    pub in_force: Vec<InForce>,
}

impl Config {
    /// The address that other nodes dial when the private port is bound to `bound`: the configured address, else the bound
    /// one. A port that is bound to every address advertises the address of this machine on the route to the first member to
    /// join, or to the Internet. Looking up the route sends no packet.
    #[must_use]
    pub fn advertised(&self, bound: SocketAddr) -> HostPort {
        if let Some(addr) = &self.advertise_addr {
            return addr.clone();
        }
        if !bound.ip().is_unspecified() {
            return bound.into();
        }
        let seeds = self.join.iter().filter_map(HostPort::ip);
        let world = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])];
        let own = seeds.chain(world).filter(|ip| bound.is_ipv6() || ip.is_ipv4()).find_map(own_address);
        SocketAddr::from((own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), bound.port())).into()
    }
}

/// The address that this machine would use towards `peer`, `None` without a route.
fn own_address(peer: IpAddr) -> Option<IpAddr> {
    let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    // To connect a datagram socket looks up the route and sends nothing.
    socket.connect((peer, PRIVATE_PORT)).ok()?;
    socket.local_addr().ok().map(|addr| addr.ip()).filter(|ip| !ip.is_unspecified())
}

/// The machine's name. A character that no [`Name`] may hold becomes `-`.
pub(crate) fn host_name() -> Result<Name, ConfigError> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    default_name(&host).or_else(|_| default_name("node"))
}

fn default_name(text: &str) -> Result<Name, ConfigError> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = text.chars().map(allowed).take(node_core::id::MAX_NAME).collect();
    Name::new(&name).map_err(|error| ConfigError::Invalid {
        origin: "--name".to_owned(),
        value: text.to_owned(),
        problem: error.to_string(),
    })
}

/// Where a daemon of this user keeps its data without `--data-dir`.
pub(crate) fn default_data_dir(env: &Environment) -> Result<PathBuf, ConfigError> {
    if rustix::process::geteuid().is_root() {
        return Ok("/var/lib/maelstrom".into());
    }
    let dir = |key| env.variable(key).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = dir("XDG_STATE_HOME").or_else(|| Some(dir("HOME")?.join(".local/state")));
    Ok(state.ok_or(ConfigError::NoHome)?.join("maelstrom"))
}
