//! Where settings come from, beside flags: the environment of the process, the file that `--env-file` names, and the configuration
//! file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::env_file::{self, EnvFileError, Variable, Variables};
use super::error::ConfigError;
use super::file::{ConfigFile, ConfigFileError, Maps};
use super::key::Key;
use super::known::{self, UnknownVariable};
use super::setting::{Port, Setting};

/// Environment variables and the settings of files, each with the place that sets it. An empty variable counts as unset.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    process: BTreeMap<OsString, OsString>,
    file: Variables,
    path: PathBuf,
    /// The settings of the configuration file, by their variables.
    config: BTreeMap<&'static str, Vec<Setting>>,
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self { process: std::env::vars_os().collect(), ..Self::default() }
    }

    /// Adds the variables of the file at `path`: lines of `KEY=VALUE`, comments after `#`, values in single or
    /// double quotes if need be. Keys that do not begin with `MAEL_` are for other programs and have no effect.
    ///
    /// # Errors
    /// The file cannot be read or a line is wrong. The error names the file and the line.
    pub fn with_file(self, path: &Path) -> Result<Self, EnvFileError> {
        Ok(Self { file: env_file::read(path)?, path: path.to_owned(), ..self })
    }

    /// Adds the settings of the configuration file at `path`, and returns what only a file can say.
    ///
    /// # Errors
    /// The file cannot be read, or something in it is wrong. All faults are told.
    pub(super) fn read_config(&mut self, path: &Path) -> Result<Maps, ConfigFileError> {
        let variable = |name: &str| {
            let process =
                self.process.get(OsStr::new(name)).and_then(|value| value.clone().into_string().ok());
            process.or_else(|| self.file.get(name).map(|variable| variable.value.clone()))
        };
        let file = ConfigFile::read(path, &variable)?;
        self.config = file.settings;
        Ok(file.maps)
    }

    /// Checks that something reads each variable of this program in the process; those of a file were checked with it.
    ///
    /// # Errors
    /// Names the first one that nothing reads.
    pub(super) fn check(&self) -> Result<(), UnknownVariable> {
        self.process.keys().try_for_each(|name| known::check(name))
    }

    /// A variable of the process, for a default that depends on it.
    pub(super) fn variable(&self, key: &str) -> Option<&OsStr> {
        self.process.get(OsStr::new(key)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The value of a setting: the flag if it was `given`, else the variable, else that of the configuration file.
    pub(super) fn setting(&self, key: Key, given: Option<String>) -> Result<Option<Setting>, ConfigError> {
        if let Some(value) = given {
            return Ok(Some(Setting { origin: key.flag.to_owned(), value }));
        }
        Ok(self.first([key])?.map(|(_, setting)| setting))
    }

    /// The first of `keys` that is set, and its setting. A variable of the process comes before any variable of a file, and those
    /// before the configuration file.
    fn first<const N: usize>(&self, keys: [Key; N]) -> Result<Option<(Key, Setting)>, ConfigError> {
        for key in keys {
            if let Some(value) = self.variable(key.variable) {
                let value = value.to_str().ok_or_else(|| ConfigError::NotText(key.variable.to_owned()))?;
                return Ok(Some((key, Setting { origin: key.variable.to_owned(), value: value.to_owned() })));
            }
        }
        let set = |key: Key| {
            Some((key, self.file.get(key.variable).filter(|variable| !variable.value.is_empty())?))
        };
        if let Some((key, Variable { value, line })) = keys.into_iter().find_map(set) {
            let origin = format!("{}:{line}: {}", self.path.display(), key.variable);
            return Ok(Some((key, Setting { origin, value: value.clone() })));
        }
        let set = |key: Key| Some((key, self.config.get(key.variable)?.first()?.clone()));
        Ok(keys.into_iter().find_map(set))
    }

    /// Where to listen: the flag if it was given, else the variable of `addr` for an address or that of `number` for a port alone.
    pub(super) fn port(
        &self,
        addr: Key,
        number: Key,
        given: Option<String>,
    ) -> Result<Option<Port>, ConfigError> {
        if let Some(value) = given {
            return Ok(Some(Port::Addr(Setting { origin: addr.flag.to_owned(), value })));
        }
        let set = self.first([addr, number])?;
        Ok(set.map(
            |(key, setting)| {
                if key.variable == addr.variable { Port::Addr(setting) } else { Port::Number(setting) }
            },
        ))
    }

    /// The values of a setting that may be repeated as a flag, is a list in the configuration file, and as a variable is split where
    /// `is_separator`.
    pub(super) fn settings(
        &self,
        key: Key,
        given: Vec<String>,
        is_separator: fn(char) -> bool,
    ) -> Result<Vec<Setting>, ConfigError> {
        if !given.is_empty() {
            return Ok(given
                .into_iter()
                .map(|value| Setting { origin: key.flag.to_owned(), value })
                .collect());
        }
        let set = self.variable(key.variable).is_some()
            || self.file.get(key.variable).is_some_and(|variable| !variable.value.is_empty());
        if !set {
            return Ok(self.config.get(key.variable).cloned().unwrap_or_default());
        }
        let Some(Setting { origin, value }) = self.setting(key, None)? else { return Ok(Vec::new()) };
        let items = value.split(is_separator).map(str::trim).filter(|item| !item.is_empty());
        Ok(items.map(|item| Setting { origin: origin.clone(), value: item.to_owned() }).collect())
    }
}

/// Separates the values of most lists.
pub(super) fn is_comma(c: char) -> bool {
    c == ','
}

/// Separates values that hold commas themselves.
pub(super) fn is_blank(c: char) -> bool {
    c == ';' || c.is_whitespace()
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let process = variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { process, ..Self::default() }
    }
}
