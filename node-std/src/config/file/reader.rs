//! Reads the tree of a configuration file, setting by setting. Every fault is kept, so that all are told at once.

use core::cell::RefCell;
use core::str::FromStr;
use core::time::Duration;

use super::expand::expand;
use super::fault::{Fault, Place};
use super::tree::{Key, Node, Value};
use crate::config::setting::{DURATION, Setting, duration, switch};
use crate::config::{InForce, known};

/// What all parts of one file share.
pub struct Reader<'r> {
    /// The file, for the origin of settings.
    path: &'r str,
    variable: &'r dyn Fn(&str) -> Option<String>,
    faults: RefCell<Vec<Fault>>,
    /// Every value that was read.
    in_force: RefCell<Vec<InForce>>,
}

/// Settings whose values nobody else must see.
const SECRETS: [&str; 3] = ["key_pem", "key_password", "password"];

impl<'r> Reader<'r> {
    pub fn new(path: &'r str, variable: &'r dyn Fn(&str) -> Option<String>) -> Self {
        Self { path, variable, faults: RefCell::default(), in_force: RefCell::default() }
    }

    pub fn fault(&self, place: Place, message: impl Into<String>) {
        self.faults.borrow_mut().push(Fault::at(place, message));
    }

    /// Every value that was read, and where it stands.
    pub fn in_force(&self) -> Vec<InForce> {
        self.in_force.borrow().clone()
    }

    fn note(&self, setting: &str, value: &str, origin: String) {
        let name = setting.rsplit('.').next().unwrap_or(setting);
        let value = match value {
            _ if SECRETS.contains(&name) => "(hidden)".to_owned(),
            pem if pem.contains("-----BEGIN ") => "(in PEM)".to_owned(),
            value => value.to_owned(),
        };
        let known = InForce { setting: setting.to_owned(), value, origin };
        let mut all = self.in_force.borrow_mut();
        // A value may be looked at twice.
        if !all.contains(&known) {
            all.push(known);
        }
    }

    /// All faults, in the order of their places.
    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.place);
        faults
    }
}

/// A map of the file. What nobody takes out of it is a fault.
pub struct Section<'r> {
    reader: &'r Reader<'r>,
    /// Its name with those around it: `tls.server.`, or nothing for the root.
    path: String,
    entries: Vec<(Key, Node)>,
    known: Vec<&'static str>,
}

impl<'r> Section<'r> {
    /// The root of a file.
    pub fn root(reader: &'r Reader<'r>, root: Node) -> Self {
        Entry { reader, path: String::new(), place: root.place, node: root }.section()
    }

    /// The setting of this name. Several names are those that different systems give to the same thing.
    pub fn take(&mut self, names: &[&'static str]) -> Option<Entry<'r>> {
        self.known.extend(names);
        let mut found = None::<(Key, Node)>;
        while let Some(index) = self.entries.iter().position(|(key, _)| names.contains(&key.name.as_str())) {
            let (key, node) = self.entries.remove(index);
            if let Some((first, _)) = &found {
                let message =
                    format!("{} and {} are two names of one setting: drop one", first.name, key.name);
                self.reader.fault(key.place, message);
            } else {
                found = Some((key, node));
            }
        }
        let (key, node) = found?;
        Some(Entry {
            reader: self.reader,
            path: format!("{}{}", self.path, key.name),
            place: key.place,
            node,
        })
    }

    /// The setting of this name, unless it stands there without a value.
    pub fn given(&mut self, names: &[&'static str]) -> Option<Entry<'r>> {
        let entry = self.take(names)?;
        if entry.node.value == Value::Null {
            entry.fault("has no value: give it one, or drop it");
            return None;
        }
        Some(entry)
    }

    /// All entries, for a map whose keys are names of the user's.
    pub fn into_entries(self) -> impl Iterator<Item = (String, Entry<'r>)> {
        let Self { reader, path, entries, .. } = self;
        entries.into_iter().map(move |(key, node)| {
            let path = format!("{path}{}", key.name);
            (key.name, Entry { reader, path, place: key.place, node })
        })
    }

    /// Every entry that nobody took is a fault. `elsewhere` knows names that belong to another place, and says so.
    pub fn finish(self, elsewhere: impl Fn(&str) -> Option<&'static str>) {
        for (key, _) in &self.entries {
            let name = &key.name;
            let advice = match elsewhere(name) {
                Some(advice) => format!(": {advice}"),
                None => match known::nearest(name, self.known.iter().copied()) {
                    Some(near) => format!(": is {near} meant?"),
                    None => {
                        let mut known = self.known.clone();
                        known.sort_unstable();
                        format!("; the settings here are {}", known.join(", "))
                    }
                },
            };
            self.reader.fault(key.place, format!("{}{name}: no setting has this name{advice}", self.path));
        }
    }
}

/// A setting of the file.
pub struct Entry<'r> {
    reader: &'r Reader<'r>,
    /// Its name with those around it.
    pub path: String,
    place: Place,
    pub node: Node,
}

impl<'r> Entry<'r> {
    /// Says what is wrong with the setting.
    pub fn fault(&self, problem: impl core::fmt::Display) {
        let name = if self.path.is_empty() { "the file" } else { &self.path };
        self.reader.fault(self.node.place.max(self.place), format!("{name} {problem}"));
    }

    fn expected<T>(&self, expected: &str) -> Option<T> {
        self.fault(format!("is {}: expected {expected}", self.node.kind()));
        None
    }

    /// Another value of the same setting.
    pub fn of(&self, node: Node) -> Self {
        Self { reader: self.reader, path: self.path.clone(), place: self.place, node }
    }

    /// The value as a map.
    pub fn section(mut self) -> Section<'r> {
        let entries = match core::mem::replace(&mut self.node.value, Value::Null) {
            Value::Map(entries) => entries,
            Value::Null => Vec::new(),
            other => {
                self.node.value = other;
                self.expected::<()>("a map, one indented NAME: VALUE a line");
                Vec::new()
            }
        };
        let path = if self.path.is_empty() { String::new() } else { format!("{}.", self.path) };
        Section { reader: self.reader, path, entries, known: Vec::new() }
    }

    /// The value as text, with its variables replaced.
    pub fn text(&self) -> Option<String> {
        let Value::Scalar(text) = &self.node.value else { return self.expected("a text") };
        match expand(text, &self.reader.variable) {
            Ok(text) => {
                self.reader.note(&self.path, &text, self.origin());
                Some(text)
            }
            Err(bad) => {
                self.fault(format!("cannot be read: {bad}"));
                None
            }
        }
    }

    /// The value as text for one of the settings that a flag or variable can set as well.
    pub fn setting(&self) -> Option<Setting> {
        Some(Setting { origin: self.origin(), value: self.text()? })
    }

    /// Where the value stands.
    pub fn origin(&self) -> String {
        format!("{}:{}: {}", self.reader.path, self.node.place.max(self.place), self.path)
    }

    /// The value as what a type reads.
    pub fn parse<T: FromStr<Err: core::fmt::Display>>(&self) -> Option<T> {
        let text = self.text()?;
        let parsed = text.parse::<T>();
        parsed.map_err(|error| self.fault(format!("is {text:?}: {error}"))).ok()
    }

    /// The value as what `read` makes of it; `None` for what is not `expected`.
    pub fn choose<T>(&self, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text()?;
        let chosen = read(&text);
        if chosen.is_none() {
            self.fault(format!("is {text:?}: expected {expected}"));
        }
        chosen
    }

    /// The value as on or off.
    pub fn switch(&self) -> Option<bool> {
        self.choose("true or false", switch)
    }

    /// The value as a number of seconds, with a fraction, or with a unit: `2`, `0.5`, `250ms`, `1m`.
    pub fn duration(&self) -> Option<Duration> {
        self.choose(DURATION, duration)
    }

    /// The parts of a list. A single value is a list of one.
    pub fn list(self) -> Vec<Self> {
        let Self { reader, path, place, node } = self;
        match node.value {
            Value::List(nodes) => {
                nodes.into_iter().map(|node| Self { reader, path: path.clone(), place, node }).collect()
            }
            value => vec![Self { reader, path, place, node: Node { value, ..node } }],
        }
    }
}
