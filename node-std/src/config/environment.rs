//! Environment variables, of the process and of the file that `--env-file` names.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::env_file::{self, EnvFileError, Variable, Variables};
use super::error::ConfigError;
use super::known::{self, UnknownVariable};
use super::setting::{Port, Setting};

/// Environment variables, each with the place that sets it. An empty value counts as unset.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    process: BTreeMap<OsString, OsString>,
    file: Variables,
    path: PathBuf,
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

    /// The value of a setting: the `flag` if it was given, else the variable `key`.
    pub(super) fn setting(
        &self,
        flag: &str,
        given: Option<String>,
        key: &str,
    ) -> Result<Option<Setting>, ConfigError> {
        if let Some(value) = given {
            return Ok(Some(Setting { origin: flag.to_owned(), value }));
        }
        Ok(self.first([key])?.map(|(_, setting)| setting))
    }

    /// The first of `keys` that is set, and its setting. A variable of the process comes before any variable of the file.
    pub(super) fn first<'k, const N: usize>(
        &self,
        keys: [&'k str; N],
    ) -> Result<Option<(&'k str, Setting)>, ConfigError> {
        for key in keys {
            if let Some(value) = self.variable(key) {
                let value = value.to_str().ok_or_else(|| ConfigError::NotText(key.to_owned()))?;
                return Ok(Some((key, Setting { origin: key.to_owned(), value: value.to_owned() })));
            }
        }
        let set = |key| Some((key, self.file.get(key).filter(|variable| !variable.value.is_empty())?));
        Ok(keys.into_iter().find_map(set).map(|(key, Variable { value, line })| {
            let origin = format!("{}:{line}: {key}", self.path.display());
            (key, Setting { origin, value: value.clone() })
        }))
    }

    /// Where to listen: the `flag` if it was given, else the variable `addr` for an address or `number` for a port alone.
    pub(super) fn port(
        &self,
        flag: &str,
        given: Option<String>,
        addr: &str,
        number: &str,
    ) -> Result<Option<Port>, ConfigError> {
        if let Some(value) = given {
            return Ok(Some(Port::Addr(Setting { origin: flag.to_owned(), value })));
        }
        let set = self.first([addr, number])?;
        Ok(set.map(|(key, setting)| if key == addr { Port::Addr(setting) } else { Port::Number(setting) }))
    }

    /// The values of a setting that may be repeated as a flag and is comma separated as a variable.
    pub(super) fn settings(
        &self,
        flag: &str,
        given: Vec<String>,
        key: &str,
    ) -> Result<Vec<Setting>, ConfigError> {
        self.split_settings(flag, given, key, |c| c == ',')
    }

    /// The same for values that hold commas themselves: as a variable they are separated by blanks or `;`.
    pub(super) fn lists(
        &self,
        flag: &str,
        given: Vec<String>,
        key: &str,
    ) -> Result<Vec<Setting>, ConfigError> {
        self.split_settings(flag, given, key, |c| c == ';' || c.is_whitespace())
    }

    fn split_settings(
        &self,
        flag: &str,
        given: Vec<String>,
        key: &str,
        is_separator: fn(char) -> bool,
    ) -> Result<Vec<Setting>, ConfigError> {
        if !given.is_empty() {
            return Ok(given.into_iter().map(|value| Setting { origin: flag.to_owned(), value }).collect());
        }
        let Some(Setting { origin, value }) = self.setting(flag, None, key)? else { return Ok(Vec::new()) };
        let items = value.split(is_separator).map(str::trim).filter(|item| !item.is_empty());
        Ok(items.map(|item| Setting { origin: origin.clone(), value: item.to_owned() }).collect())
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let process = variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { process, ..Self::default() }
    }
}
