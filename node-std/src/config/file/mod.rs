//! The file that `--config` names: YAML, or NATS's notation of maps.
//!
//! `text -> tree (places) -> reader (variables, faults) -> settings`. What a flag or variable can set as well becomes a [`Setting`] of
//! that variable, so one rule decides which of them wins.

mod component;
mod expand;
mod fault;
mod gateway;
mod nats;
mod pair;
mod reader;
mod tls;
mod tree;

use core::fmt;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

pub use fault::{Fault, Place};
pub use tls::{Tls, host_of};

use super::in_force::InForce;
use super::setting::Setting;
use super::{Component, GatewayRule, GatewayTls};
use crate::tls::permissions::others_may_write;
use reader::{Entry, Reader, Section};
use tree::{MAX_FILE, Value};

/// The maps whose values no flag or variable can set.
const MAPS: [&str; 2] = ["components.", "gateway.tls."];

/// The settings of a configuration file.
#[derive(Default)]
pub struct ConfigFile {
    /// Those that a variable can set as well, by its name.
    pub settings: BTreeMap<&'static str, Vec<Setting>>,
    /// What only a file can say.
    pub maps: Maps,
}

/// The maps of a configuration file whose parts no flag or variable can set.
#[derive(Default)]
pub struct Maps {
    /// `tls`.
    pub tls: Option<Tls>,
    /// `components`.
    pub components: Vec<Component>,
    /// `gateway.rules`, each with its place.
    pub rules: Vec<(String, GatewayRule)>,
    /// `gateway.tls`.
    pub gateway_tls: Option<GatewayTls>,
    /// Every value of `components` and `gateway.tls`, and where it stands.
    pub in_force: Vec<InForce>,
}

impl ConfigFile {
    /// Reads the file at `path`. `variable` gives the value of a variable of the environment.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong: all faults, each with its place.
    pub fn read(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigFileError> {
        let text = read_text(path)?;
        let mode = path.metadata().map_or(0, |file| file.mode());
        if others_may_write(path, mode) {
            let message = "other users of this machine may write this file, and who does decides whom this node trusts: chmod go-w it";
            let faults = vec![Fault::at(Place::START, message)];
            return Err(ConfigFileError::Faults { path: path.to_owned(), faults });
        }
        let faults = |faults| ConfigFileError::Faults { path: path.to_owned(), faults };
        Self::parse(&path.display().to_string(), &text, variable).map_err(faults)
    }

    /// Reads the text of the file that is called `name`.
    ///
    /// # Errors
    /// All faults.
    fn parse(name: &str, text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Fault>> {
        let root = tree::parse(text).or_else(|fault| {
            // Of the two readings the one that came further tells what is wrong.
            nats::parse(text).map_err(|other| vec![if other.place > fault.place { other } else { fault }])
        })?;
        let reader = Reader::new(name, variable);
        let mut file = read_root(Section::root(&reader, root));
        let (of_tls, others): (Vec<InForce>, Vec<InForce>) =
            reader.in_force().into_iter().partition(|known| known.setting.starts_with("tls."));
        if let Some(tls) = &mut file.maps.tls {
            tls.in_force = of_tls;
        }
        let is_of_map = |known: &InForce| MAPS.iter().any(|map| known.setting.starts_with(map));
        file.maps.in_force = others.into_iter().filter(is_of_map).collect();
        match reader.into_faults() {
            faults if faults.is_empty() => Ok(file),
            faults => Err(faults),
        }
    }
}

/// The faults in the text of a configuration file, in which each variable of the environment holds `value`. Files are not opened.
#[must_use]
pub fn check_text(text: &str, value: &str) -> Vec<Fault> {
    ConfigFile::parse("text", text, &|_| Some(value.to_owned())).err().unwrap_or_default()
}

/// The text of a file that is not too long for a configuration.
fn read_text(path: &Path) -> Result<String, ConfigFileError> {
    let unreadable = |error| ConfigFileError::Read { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let fault = |message: String| {
        let faults = vec![Fault::at(Place::START, message)];
        Err(ConfigFileError::Faults { path: path.to_owned(), faults })
    };
    if bytes.len() > MAX_FILE {
        return fault(format!(
            "the file is longer than {} MiB: put bundles of certificates into files of their own",
            MAX_FILE >> 20
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let bytes = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
            fault(format!("line {line} is not UTF-8: save the file as UTF-8"))
        }
    }
}

fn read_root(mut root: Section<'_>) -> ConfigFile {
    let mut file = ConfigFile::default();
    let plain = root.given(&["allow_non_tls"]);
    let tls = root.take(&["tls"]);
    match (plain.as_ref().and_then(Entry::switch), tls) {
        (Some(true), tls) => {
            let is_empty = |entry: &Entry<'_>| match &entry.node.value {
                Value::Null => true,
                Value::Map(entries) => entries.is_empty(),
                _ => false,
            };
            match (&tls, &plain) {
                (Some(entry), _) if !is_empty(entry) => {
                    entry.fault(
                        "has settings, and allow_non_tls lets everybody in without TLS: drop one of the two",
                    );
                }
                (_, Some(entry)) => file.put("MAEL_PLAINTEXT", vec![entry]),
                _ => {}
            }
        }
        (_, Some(entry)) => file.maps.tls = Some(tls::read(entry)),
        (_, None) => {}
    }
    if let Some(entry) = root.given(&["cluster"]) {
        read_cluster(entry.section(), &mut file);
    }
    if let Some(entry) = root.given(&["gateway"]) {
        let mut gateway = entry.section();
        file.one(&mut gateway, "listen", "MAEL_PUBLIC_ADDR");
        file.many(&mut gateway, "components", "MAEL_PUBLIC_COMPONENTS");
        file.many(&mut gateway, "trusted_proxies", "MAEL_TRUSTED_PROXIES");
        file.one(&mut gateway, "redirect", "MAEL_PUBLIC_REDIRECT_ADDR");
        file.maps.rules = gateway.given(&["rules"]).map(gateway::rules).unwrap_or_default();
        file.maps.gateway_tls = gateway.given(&["tls"]).map(gateway::tls);
        gateway.finish(|_| None);
    }
    if let Some(entry) = root.given(&["components"]) {
        file.maps.components = component::read(entry);
    }
    if let Some(entry) = root.given(&["limits"]) {
        read_limits(entry.section(), &mut file);
    }
    if let Some(entry) = root.given(&["log"]) {
        match entry.node.value {
            Value::Map(_) => {
                let mut log = entry.section();
                file.one(&mut log, "filter", "MAEL_LOG");
                log.finish(|_| None);
            }
            _ => file.put("MAEL_LOG", vec![&entry]),
        }
    }
    root.finish(|name| match name {
        "listeners" | "peers" => Some(
            "other transports than TCP, and listeners and peers with settings of their own, are not built yet: this node listens at \
             cluster.listen and dials cluster.join",
        ),
        "ca" | "ca_file" | "cert" | "cert_file" | "key" | "key_file" | "mtls" | "verify" | "ca_pem" | "cert_pem"
        | "key_pem" | "timeout" | "insecure" => Some("it stands under tls: indent it"),
        "join" | "name" | "listen" | "roles" => Some("it stands under cluster"),
        _ => None,
    });
    file
}

fn read_limits(mut limits: Section<'_>, file: &mut ConfigFile) {
    for (name, variable) in [
        ("body_bytes", "MAEL_MAX_BODY_BYTES"),
        ("connections", "MAEL_MAX_CONNECTIONS"),
        ("drain", "MAEL_DRAIN"),
        ("head_bytes", "MAEL_MAX_HEAD_BYTES"),
        ("header_count", "MAEL_MAX_HEADERS"),
        ("min_rate", "MAEL_MIN_RATE"),
        ("per_source", "MAEL_MAX_PER_SOURCE"),
    ] {
        file.one(&mut limits, name, variable);
    }
    if let Some(entry) = limits.given(&["timeouts"]) {
        let mut timeouts = entry.section();
        for (name, variable) in [
            ("head", "MAEL_HEAD_TIMEOUT"),
            ("idle", "MAEL_IDLE_TIMEOUT"),
            ("read", "MAEL_READ_TIMEOUT"),
            ("request", "MAEL_REQUEST_TIMEOUT"),
            ("write", "MAEL_WRITE_TIMEOUT"),
        ] {
            file.one(&mut timeouts, name, variable);
        }
        timeouts.finish(|_| None);
    }
    limits.finish(|name| match name {
        "head" | "idle" | "read" | "request" | "write" => Some("it stands under limits.timeouts"),
        _ => None,
    });
}

fn read_cluster(mut cluster: Section<'_>, file: &mut ConfigFile) {
    for (name, variable) in [
        ("id", "MAEL_CLUSTER_ID"),
        ("name", "MAEL_NODE_NAME"),
        ("listen", "MAEL_PRIVATE_ADDR"),
        ("advertise", "MAEL_ADVERTISE_ADDR"),
        ("data_dir", "MAEL_DATA_DIR"),
        ("plaintext", "MAEL_PLAINTEXT"),
    ] {
        file.one(&mut cluster, name, variable);
    }
    file.many(&mut cluster, "join", "MAEL_JOIN");
    file.many(&mut cluster, "dial_ranges", "MAEL_DIAL_RANGES");
    file.many(&mut cluster, "allowed_ids", "MAEL_ALLOWED_IDS");
    file.rules(&mut cluster, "roles", "MAEL_ROLES");
    file.rules(&mut cluster, "bind", "MAEL_BINDINGS");
    cluster.finish(|_| None);
}

impl ConfigFile {
    fn put(&mut self, variable: &'static str, entries: Vec<&Entry<'_>>) {
        let settings: Vec<Setting> = entries.into_iter().filter_map(Entry::setting).collect();
        self.settings.insert(variable, settings);
    }

    fn one(&mut self, section: &mut Section<'_>, name: &'static str, variable: &'static str) {
        if let Some(entry) = section.given(&[name]) {
            self.put(variable, vec![&entry]);
        }
    }

    fn many(&mut self, section: &mut Section<'_>, name: &'static str, variable: &'static str) {
        if let Some(entry) = section.given(&[name]) {
            self.put(variable, entry.list().iter().collect());
        }
    }

    /// Rules of the form `WHAT=VALUE,VALUE`, or a map with the values of each.
    fn rules(&mut self, section: &mut Section<'_>, name: &'static str, variable: &'static str) {
        let Some(entry) = section.given(&[name]) else { return };
        if !matches!(entry.node.value, Value::Map(_)) {
            return self.put(variable, entry.list().iter().collect());
        }
        let path = format!("{}.", entry.path);
        let entries: Vec<Entry<'_>> = entry.section().into_entries().map(|(_, entry)| entry).collect();
        self.pairs(variable, &path, &entries);
    }

    /// The entries of a map as settings of the form `KEY=VALUE,VALUE`.
    fn pairs(&mut self, variable: &'static str, path: &str, entries: &[Entry<'_>]) {
        let mut settings = Vec::new();
        for entry in entries {
            let key = entry.path.strip_prefix(path).unwrap_or(&entry.path);
            let values: Vec<String> = match &entry.node.value {
                Value::List(nodes) => nodes.iter().filter_map(|node| entry.of(node.clone()).text()).collect(),
                _ => entry.text().into_iter().collect(),
            };
            settings.push(Setting { origin: entry.origin(), value: format!("{key}={}", values.join(",")) });
        }
        self.settings.insert(variable, settings);
    }
}

/// Why a configuration file cannot be used.
#[derive(Debug)]
pub enum ConfigFileError {
    /// It cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Something in it is wrong.
    Faults {
        /// The file.
        path: PathBuf,
        /// All that is wrong, in the order of the places.
        faults: Vec<Fault>,
    },
}

impl fmt::Display for ConfigFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => {
                write!(f, "cannot read the configuration file {}: {error}", path.display())
            }
            Self::Faults { path, faults } => {
                for (index, fault) in faults.iter().enumerate() {
                    let newline = if index == 0 { "" } else { "\n" };
                    write!(f, "{newline}{}:{fault}", path.display())?;
                }
                Ok(())
            }
        }
    }
}

impl core::error::Error for ConfigFileError {}
