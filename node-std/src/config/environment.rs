//! Environment variables, of the process and of the file that `--env-file` names.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{ConfigError, Port, Setting};

/// The variables that the daemon reads. Another one that begins with `MAEL_` is a mistake in an env file.
const VARIABLES: [&str; 13] = [
    "MAEL_ADVERTISE_ADDR",
    "MAEL_CLUSTER_ID",
    "MAEL_COMPONENTS",
    "MAEL_DATA_DIR",
    "MAEL_JOIN",
    "MAEL_LOG",
    "MAEL_NODE_NAME",
    "MAEL_PLAINTEXT",
    "MAEL_PRIVATE_ADDR",
    "MAEL_PRIVATE_PORT",
    "MAEL_PRIVATE_TLS_DIR",
    "MAEL_PUBLIC_ADDR",
    "MAEL_PUBLIC_PORT",
];

/// Variables and where each was set. An empty value counts as unset.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    process: BTreeMap<OsString, OsString>,
    file: BTreeMap<String, Entry>,
    path: PathBuf,
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self { process: std::env::vars_os().collect(), ..Self::default() }
    }

    /// Adds the variables of the file at `path`: lines of `KEY=VALUE`, comments after `#`, values in single or
    /// double quotes if need be. Keys that do not begin with `MAEL_` are for other programs and left alone.
    ///
    /// # Errors
    /// The file cannot be read, or a line cannot: the error names it.
    pub fn with_file(self, path: &Path) -> Result<Self, EnvFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| EnvFileError::Read { path: path.to_owned(), error })?;
        let mut file = BTreeMap::new();
        for (index, text) in text.lines().enumerate() {
            let wrong = |problem| EnvFileError::Line { path: path.to_owned(), line: index + 1, problem };
            let Some((key, value)) = parse_line(text).map_err(wrong)? else { continue };
            if key.starts_with("MAEL_") && !VARIABLES.contains(&key) {
                return Err(wrong(LineProblem::Unknown(key.to_owned())));
            }
            if file.insert(key.to_owned(), Entry { value, line: index + 1 }).is_some() {
                return Err(wrong(LineProblem::Twice(key.to_owned())));
            }
        }
        Ok(Self { file, path: path.to_owned(), ..self })
    }

    /// A variable of the process, for the few defaults that depend on one.
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

    /// The first of several variables that is set, and which: one of the process, whichever it is, comes before one of
    /// the file.
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
        let set = |key| Some((key, self.file.get(key).filter(|entry| !entry.value.is_empty())?));
        Ok(keys.into_iter().find_map(set).map(|(key, Entry { value, line })| {
            let origin = format!("{}:{line}: {key}", self.path.display());
            (key, Setting { origin, value: value.clone() })
        }))
    }

    /// Where to listen: the `flag` if it was given, else the variable for an address or that for a port alone.
    pub(super) fn port(
        &self,
        (flag, given): (&str, Option<String>),
        [addr, number]: [&str; 2],
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
        if !given.is_empty() {
            return Ok(given.into_iter().map(|value| Setting { origin: flag.to_owned(), value }).collect());
        }
        let Some(Setting { origin, value }) = self.setting(flag, None, key)? else { return Ok(Vec::new()) };
        let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
        Ok(items.map(|item| Setting { origin: origin.clone(), value: item.to_owned() }).collect())
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let process = variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { process, ..Self::default() }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    value: String,
    line: usize,
}

/// Key and value of a line, `None` for a blank or a comment.
fn parse_line(line: &str) -> Result<Option<(&str, String)>, LineProblem> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (key, value) = line.split_once('=').ok_or(LineProblem::Form)?;
    let key = key.trim();
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(is_key) {
        return Err(LineProblem::Form);
    }
    let value = value.trim();
    let (value, rest) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => unquote(value, quote)?,
        _ => {
            let comment = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
            (value.get(..comment).unwrap_or_default().trim_end().to_owned(), "")
        }
    };
    match rest.trim_start() {
        rest if rest.is_empty() || rest.starts_with('#') => Ok(Some((key, value))),
        _ => Err(LineProblem::AfterQuote),
    }
}

/// The text between `quote` and its like, and what follows. A backslash keeps the next character as it is
/// between double quotes.
fn unquote(value: &str, quote: char) -> Result<(String, &str), LineProblem> {
    let mut text = String::new();
    let mut chars = value.chars();
    chars.next();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok((text, chars.as_str())),
            '\\' if quote == '"' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    Err(LineProblem::Unterminated)
}

/// Why an env file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// One of its lines is wrong.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// It cannot be read.
    #[error("cannot read the env file {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

/// What is wrong with a line of an env file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Something follows the closing quote.
    #[error("only a comment may follow the closing quote")]
    AfterQuote,
    /// It is not an assignment.
    #[error("expected KEY=VALUE, or a comment that begins with #")]
    Form,
    /// The variable was set before.
    #[error("{0} is set a second time: drop one of the lines")]
    Twice(String),
    /// A `MAEL_` variable that nothing reads.
    #[error("{0} is not a variable of maelstromd; it knows {known}", known = VARIABLES.join(", "))]
    Unknown(String),
    /// A quote is not closed.
    #[error("the quote is not closed on this line")]
    Unterminated,
}
