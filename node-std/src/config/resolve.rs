//! Resolves each setting from flags, the environment and files. All faults are told at once.

mod gateway;
mod limits;
mod tls;

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeSet;
use std::path::PathBuf;

use node_core::id::Name;
use node_core::route::owners::{Binding, MAX_BINDINGS};
use node_core::trust::MAX_ROLE_RULES;
use node_core::wire::record::MAX_COMPONENTS;

use super::environment::{Environment, is_blank, is_comma};
use super::error::{ConfigError, ConfigErrors};
use super::file::Maps;
use super::key::{self, Key};
use super::published::Entry;
use super::setting::{Port, Setting};
use super::{
    Component, Config, Flags, HostPort, InForce, MAX_DIAL_RANGES, MAX_JOIN, PRIVATE_PORT, Published,
    default_data_dir, default_name, host_name,
};
use gateway::GatewayFlags;
use limits::LimitFlags;
pub use tls::{TlsFlags, resolve_tls};

/// Most nodes in the list of those that may be linked.
const MAX_ALLOWED: usize = 1024;
/// Most components in the list of the public gateway.
const MAX_PUBLISHED: usize = 64;
/// Connections of a port at once, unless the operator says otherwise.
const MAX_CONNECTIONS: usize = 4096;
/// How long requests under way may take at the end, unless the operator says otherwise.
const DRAIN: Duration = Duration::from_secs(20);

impl Config {
    /// Resolves each setting from `flags`, then `environment`, then the files that `flags` may name.
    ///
    /// # Errors
    /// [`ConfigErrors`]: all that is wrong. Each names the flag or variable, or the file with line and column, and what it should be.
    pub fn resolve(flags: Flags, environment: Environment) -> Result<Self, ConfigErrors> {
        let mut env = match &flags.env_file {
            Some(path) => environment.with_file(path).map_err(ConfigError::from)?,
            None => environment,
        };
        env.check().map_err(ConfigError::from)?;
        let file =
            env.setting(key::CONFIG, flags.config.clone())?.map(|setting| PathBuf::from(setting.value));
        let maps = match &file {
            Some(path) => env.read_config(path).map_err(ConfigError::from)?,
            None => Maps::default(),
        };
        Resolver::new(env).resolve(flags, file, maps)
    }
}

/// Reads settings one after the other, and keeps what is wrong with them.
struct Resolver {
    env: Environment,
    errors: Vec<ConfigError>,
    in_force: Vec<InForce>,
}

impl Resolver {
    const fn new(env: Environment) -> Self {
        Self { env, errors: Vec::new(), in_force: Vec::new() }
    }

    fn resolve(
        mut self,
        flags: Flags,
        file: Option<PathBuf>,
        mut maps: Maps,
    ) -> Result<Config, ConfigErrors> {
        let limits = LimitFlags::of(&flags);
        let gateway_flags = GatewayFlags::of(&flags);
        let join: Vec<HostPort> =
            self.list(key::JOIN, flags.join, is_comma, MAX_JOIN, "members to join through");
        let dial_ranges = self.list(
            key::DIAL_RANGES,
            flags.dial_ranges,
            is_comma,
            MAX_DIAL_RANGES,
            "ranges of addresses to dial",
        );
        let mut components: Vec<Component> =
            self.list(key::COMPONENTS, flags.components, is_comma, MAX_COMPONENTS, "components");
        // Those that are given otherwise replace those of the file, as lists do.
        if components.is_empty() {
            components = core::mem::take(&mut maps.components);
            self.note_map(&maps, "components.");
        }
        if let Some(name) = duplicate(components.iter().map(|component| &component.name)) {
            self.errors.push(ConfigError::ComponentTwice(name));
        }
        let roles = self.list(key::ROLES, flags.roles, is_blank, MAX_ROLE_RULES, "rules for roles");
        let allowed_ids =
            self.list(key::ALLOWED_IDS, flags.allowed_ids, is_comma, MAX_ALLOWED, "ids of nodes");
        let bindings: Vec<Binding> =
            self.list(key::BINDINGS, flags.bindings, is_blank, MAX_BINDINGS, "bindings");
        if let Some(name) = duplicate(bindings.iter().map(|binding| &binding.component)) {
            self.errors.push(ConfigError::BoundTwice(name));
        }
        let listed: Vec<Entry> = self.list(
            key::PUBLIC_COMPONENTS,
            flags.public_components,
            is_comma,
            MAX_PUBLISHED,
            "public components",
        );
        let mut notes = Vec::new();
        let given =
            TlsFlags { dir: flags.tls_dir, cert: flags.tls_cert, key: flags.tls_key, ca: flags.tls_ca };
        let tls = self.tls(given, maps.tls.take(), flags.tls, &join, &mut notes);
        let plaintext = flags.plaintext.then(|| "true".to_owned());
        let plaintext = self.value(key::PLAINTEXT, plaintext, Setting::switch, || Ok(false), bool::to_string);
        let plaintext = plaintext.unwrap_or(false);
        if plaintext && tls.is_some() {
            self.errors.push(ConfigError::PlaintextWithTls);
        }
        let private_addr = self.private_addr(flags.private_addr, plaintext || tls.is_some());
        let public_addr = self.public_addr(flags.public_addr);
        let gateway = self.gateway(gateway_flags, maps, public_addr, !listed.is_empty(), &mut notes);
        let env = self.env.clone();
        let path = |setting: &Setting| Ok(PathBuf::from(&setting.value));
        let data_dir = || default_data_dir(&env);
        let data_dir =
            self.value(key::DATA_DIR, flags.data_dir, path, data_dir, |dir| dir.display().to_string());
        let name = self.value(key::NAME, flags.name, Setting::parse, host_name, Name::to_string);
        let cluster_id = || default_name("maelstrom");
        let cluster_id =
            self.value(key::CLUSTER_ID, flags.cluster_id, Setting::parse, cluster_id, Name::to_string);
        let advertise = |setting: &Setting| setting.parse::<HostPort>().map(Some);
        let found = |_: &Option<HostPort>| "the bound address, or one of this machine".to_owned();
        let advertise_addr = self.value(key::ADVERTISE, flags.advertise_addr, advertise, || Ok(None), found);
        let log = || Ok("info".to_owned());
        let log = self.value(key::LOG, flags.log, Setting::log_filter, log, String::clone);
        let most = || Ok(MAX_CONNECTIONS);
        let max_connections =
            self.value(key::CONNECTIONS, flags.max_connections, Setting::count, most, usize::to_string);
        let max_connections = max_connections.unwrap_or(MAX_CONNECTIONS);
        let http = self.limits(limits, max_connections);
        let drain = || Ok(DRAIN);
        let drain =
            self.value(key::DRAIN, flags.drain, Setting::duration, drain, |drain| format!("{drain:?}"));
        let whole = (name, data_dir, cluster_id, private_addr, log);
        let (true, (Some(name), Some(data_dir), Some(cluster_id), Some(private_addr), Some(log))) =
            (self.errors.is_empty(), whole)
        else {
            return Err(ConfigErrors(self.errors));
        };
        self.in_force.sort_by(|one, other| one.setting.cmp(&other.setting));
        Ok(Config {
            name,
            private_addr,
            advertise_addr: advertise_addr.flatten(),
            public_addr,
            join,
            dial_ranges,
            data_dir,
            tls,
            published: published(&listed, &components, &bindings),
            components,
            gateway,
            roles,
            allowed_ids,
            bindings,
            cluster_id,
            plaintext,
            log,
            max_connections,
            http,
            drain: drain.unwrap_or(DRAIN),
            file,
            notes,
            in_force: self.in_force,
        })
    }

    /// The value of one setting. `None` when something is wrong with it.
    fn value<T>(
        &mut self,
        key: Key,
        given: Option<String>,
        read: impl FnOnce(&Setting) -> Result<T, ConfigError>,
        default: impl FnOnce() -> Result<T, ConfigError>,
        show: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let setting = self.env.setting(key, given);
        let setting = self.keep(setting)?;
        let value = match &setting {
            Some(setting) => read(setting),
            None => default(),
        };
        let value = self.keep(value)?;
        match setting {
            Some(Setting { origin, value }) => self.note(key, value, origin),
            None => self.note(key, show(&value), InForce::DEFAULT.to_owned()),
        }
        Some(value)
    }

    /// The values of a list.
    fn list<T: core::str::FromStr<Err: core::fmt::Display>>(
        &mut self,
        key: Key,
        given: Vec<String>,
        is_separator: fn(char) -> bool,
        most: usize,
        what: &'static str,
    ) -> Vec<T> {
        let settings = self.env.settings(key, given, is_separator);
        let settings = self.keep(settings).unwrap_or_default();
        if let Some(Setting { origin, .. }) = settings.get(most) {
            self.errors.push(ConfigError::TooMany { origin: origin.clone(), most, what });
            return Vec::new();
        }
        let mut values = Vec::new();
        for setting in settings {
            let value = setting.parse();
            values.extend(self.keep(value));
            self.note(key, setting.value, setting.origin);
        }
        values
    }

    fn keep<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    fn note(&mut self, key: Key, value: String, origin: String) {
        self.in_force.push(InForce { setting: key.name.to_owned(), value, origin });
    }

    /// Notes what the file says in one of its maps.
    fn note_map(&mut self, maps: &Maps, map: &str) {
        self.in_force.extend(maps.in_force.iter().filter(|known| known.setting.starts_with(map)).cloned());
    }

    fn private_addr(&mut self, given: Option<String>, exposed: bool) -> Option<SocketAddr> {
        let port = self.env.port(key::PRIVATE_ADDR, key::PRIVATE_PORT, given);
        let ip = if exposed { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        let (addr, origin) = match self.keep(port)? {
            Some(Port::Addr(setting)) => {
                let addr = setting.addr();
                let addr = self.keep(addr)?;
                if !exposed && !addr.ip().is_loopback() {
                    self.errors.push(ConfigError::Exposed { origin: setting.origin, addr });
                    return None;
                }
                (addr, setting.origin)
            }
            Some(Port::Number(setting)) => {
                let port = setting.parse();
                (SocketAddr::from((ip, self.keep(port)?)), setting.origin)
            }
            None => (SocketAddr::from((ip, PRIVATE_PORT)), InForce::DEFAULT.to_owned()),
        };
        self.note(key::PRIVATE_ADDR, addr.to_string(), origin);
        Some(addr)
    }

    fn public_addr(&mut self, given: Option<String>) -> Option<SocketAddr> {
        let port = self.env.port(key::PUBLIC_ADDR, key::PUBLIC_PORT, given);
        let (addr, origin) = match self.keep(port)?? {
            Port::Addr(setting) => (setting.addr(), setting.origin),
            Port::Number(setting) => {
                (setting.parse().map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))), setting.origin)
            }
        };
        let addr = self.keep(addr)?;
        self.note(key::PUBLIC_ADDR, addr.to_string(), origin);
        Some(addr)
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
