//! The settings of `maelstromd`. A flag comes before an environment variable, a variable before `--env-file`, and the file
//! before the default. Every setting has a default, so the daemon starts without a file and without a flag.

mod component;
mod dial_range;
mod env_file;
mod environment;
mod error;
mod flags;
mod host_port;
mod known;
mod published;
mod setting;
#[cfg(test)]
mod tests;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::path::PathBuf;

use node_core::id::Name;
use node_core::route::owners::{Binding, MAX_BINDINGS};
use node_core::trust::{MAX_ROLE_RULES, RoleRule};
use node_core::wire::record::MAX_COMPONENTS;

pub use component::{BadComponent, Component};
pub use dial_range::{BadDialRange, DialRange};
pub use env_file::{EnvFileError, LineProblem};
pub use environment::Environment;
pub use error::ConfigError;
pub use flags::Flags;
pub use host_port::{BadHostPort, HostPort};
pub use known::{UnknownVariable, check_process};
pub use published::Published;

use published::Entry;
use setting::{Port, Setting};

/// The private port's number by default.
pub const PRIVATE_PORT: u16 = 8374;

/// Most members to join through. The core takes as many.
pub const MAX_JOIN: usize = 8;

/// Most components in the list of the public gateway.
const MAX_PUBLISHED: usize = 64;
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
    pub dial_ranges: Vec<DialRange>,
    /// Where the node keeps its identity.
    pub data_dir: PathBuf,
    /// The keys of the private port, `None` without TLS.
    pub tls_dir: Option<PathBuf>,
    /// The components that this node offers.
    pub components: Vec<Component>,
    /// The roles of peers. Where no rule names a peer, its certificate decides.
    pub roles: Vec<RoleRule>,
    /// The owners of components.
    pub bindings: Vec<Binding>,
    /// The components that the public gateway serves.
    pub published: Published,
    /// Nodes link only to nodes of the same cluster.
    pub cluster_id: Name,
    /// Whether other machines may reach the private port without TLS.
    pub plaintext: bool,
    /// The filter of log lines, in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
}

impl Config {
    /// Resolves each setting from `flags`, then `environment`, then the file that `flags` may name.
    ///
    /// # Errors
    /// [`ConfigError`] names the flag or variable (and for a file its line) and what it should be.
    pub fn resolve(flags: Flags, environment: Environment) -> Result<Self, ConfigError> {
        let env = match &flags.env_file {
            Some(path) => environment.with_file(path)?,
            None => environment,
        };
        env.check()?;
        let tls_dir = env.setting("--tls-dir", flags.tls_dir, "MAEL_PRIVATE_TLS_DIR")?;
        let tls_dir = tls_dir.map(|setting| PathBuf::from(setting.value));
        let plaintext = match flags.plaintext {
            true => true,
            false => env.setting("", None, "MAEL_PLAINTEXT")?.map_or(Ok(false), |s| s.switch())?,
        };
        if plaintext && tls_dir.is_some() {
            return Err(ConfigError::PlaintextWithTls);
        }
        let exposed = plaintext || tls_dir.is_some();
        let private =
            env.port("--private-addr", flags.private_addr, "MAEL_PRIVATE_ADDR", "MAEL_PRIVATE_PORT")?;
        let private_addr = match private {
            Some(Port::Addr(setting)) => {
                let addr = setting.addr()?;
                if !exposed && !addr.ip().is_loopback() {
                    return Err(ConfigError::Exposed { origin: setting.origin, addr });
                }
                addr
            }
            other => {
                let ip = if exposed { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
                let port =
                    if let Some(Port::Number(setting)) = other { setting.parse()? } else { PRIVATE_PORT };
                SocketAddr::from((ip, port))
            }
        };
        let public = env.port("--public-addr", flags.public_addr, "MAEL_PUBLIC_ADDR", "MAEL_PUBLIC_PORT")?;
        let public_addr = match public {
            Some(Port::Addr(setting)) => Some(setting.addr()?),
            Some(Port::Number(setting)) => Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, setting.parse()?))),
            None => None,
        };
        let data_dir = match env.setting("--data-dir", flags.data_dir, "MAEL_DATA_DIR")? {
            Some(setting) => PathBuf::from(setting.value),
            None => default_data_dir(&env)?,
        };
        let name = env.setting("--name", flags.name, "MAEL_NODE_NAME")?;
        let cluster_id = env.setting("--cluster-id", flags.cluster_id, "MAEL_CLUSTER_ID")?;
        let advertise = env.setting("--advertise-addr", flags.advertise_addr, "MAEL_ADVERTISE_ADDR")?;
        let join = env.settings("--join", flags.join, "MAEL_JOIN")?;
        at_most(MAX_JOIN, "members to join through", &join)?;
        let dial_ranges = env.settings("--dial-range", flags.dial_ranges, "MAEL_DIAL_RANGES")?;
        at_most(MAX_DIAL_RANGES, "ranges of addresses to dial", &dial_ranges)?;
        let components = env.settings("--component", flags.components, "MAEL_COMPONENTS")?;
        at_most(MAX_COMPONENTS, "components", &components)?;
        let components = components.iter().map(Setting::parse).collect::<Result<Vec<Component>, _>>()?;
        if let Some(name) = duplicate(components.iter().map(|component| &component.name)) {
            return Err(ConfigError::ComponentTwice(name));
        }
        let roles = env.lists("--role", flags.roles, "MAEL_ROLES")?;
        at_most(MAX_ROLE_RULES, "rules for roles", &roles)?;
        let bindings = env.lists("--bind", flags.bindings, "MAEL_BINDINGS")?;
        at_most(MAX_BINDINGS, "bindings", &bindings)?;
        let bindings = bindings.iter().map(Setting::parse).collect::<Result<Vec<Binding>, _>>()?;
        if let Some(name) = duplicate(bindings.iter().map(|binding| &binding.component)) {
            return Err(ConfigError::BoundTwice(name));
        }
        let listed = env.settings("--public-component", flags.public_components, "MAEL_PUBLIC_COMPONENTS")?;
        at_most(MAX_PUBLISHED, "public components", &listed)?;
        let listed = listed.iter().map(Setting::parse).collect::<Result<Vec<Entry>, _>>()?;
        let published = published(&listed, &components, &bindings);
        let log = env.setting("--log", flags.log, "MAEL_LOG")?;
        Ok(Self {
            name: name.map_or_else(host_name, |setting| setting.parse())?,
            private_addr,
            advertise_addr: advertise.map(|setting| setting.parse()).transpose()?,
            public_addr,
            join: join.iter().map(Setting::parse).collect::<Result<_, _>>()?,
            dial_ranges: dial_ranges.iter().map(Setting::parse).collect::<Result<_, _>>()?,
            data_dir,
            tls_dir,
            components,
            roles: roles.iter().map(Setting::parse).collect::<Result<_, _>>()?,
            bindings,
            published,
            cluster_id: cluster_id.map_or_else(|| default_name("maelstrom"), |setting| setting.parse())?,
            plaintext,
            log: log.map_or_else(|| Ok("info".to_owned()), |setting| setting.log_filter())?,
        })
    }

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

fn at_most(most: usize, what: &'static str, given: &[Setting]) -> Result<(), ConfigError> {
    match given.get(most) {
        Some(Setting { origin, .. }) => Err(ConfigError::TooMany { origin: origin.clone(), most, what }),
        None => Ok(()),
    }
}

/// The first name that comes twice.
fn duplicate<'n>(names: impl Iterator<Item = &'n Name>) -> Option<Name> {
    let mut seen = BTreeSet::new();
    let mut names = names;
    names.find(|name| !seen.insert(*name)).cloned()
}

/// The components of the public gateway: those that are `listed`, else those that this node's own configuration names.
fn published(listed: &[Entry], components: &[Component], bindings: &[Binding]) -> Published {
    if listed.iter().any(|entry| matches!(entry, Entry::All)) {
        return Published::All;
    }
    if listed.is_empty() {
        let own = components.iter().map(|component| &component.name);
        let bound = bindings.iter().map(|binding| &binding.component);
        return Published::Only(own.chain(bound).cloned().collect());
    }
    let name = |entry: &Entry| match entry {
        Entry::All => None,
        Entry::Component(name) => Some(name.clone()),
    };
    Published::Only(listed.iter().filter_map(name).collect())
}
