//! The file that `--env-file` names: lines of `KEY=VALUE`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::known::{self, UnknownVariable};

/// The variables of a file, by name.
pub type Variables = BTreeMap<String, Variable>;

/// A variable that a file sets.
#[derive(Clone, Debug)]
pub struct Variable {
    pub value: String,
    /// The number of its line, from 1.
    pub line: usize,
}

/// Reads the file at `path`. A comment begins with `#`, and a value may stand in single or double quotes. Keys that do
/// not begin with `MAEL_` are for other programs.
pub fn read(path: &Path) -> Result<Variables, EnvFileError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| EnvFileError::Read { path: path.to_owned(), error })?;
    let mut variables = Variables::new();
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        let wrong = |problem| EnvFileError::Line { path: path.to_owned(), line, problem };
        let Some((key, value)) = parse_line(text).map_err(wrong)? else { continue };
        known::check(OsStr::new(key)).map_err(|unknown| wrong(unknown.into()))?;
        if variables.insert(key.to_owned(), Variable { value, line }).is_some() {
            return Err(wrong(LineProblem::Twice(key.to_owned())));
        }
    }
    Ok(variables)
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

/// The text between `quote` and the next `quote`, and the rest of the line. Between double quotes a backslash keeps the
/// next character as it is.
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
        /// The problem.
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

/// The problem with a line of an env file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Something follows the closing quote.
    #[error("only a comment may follow the closing quote")]
    AfterQuote,
    /// It does not assign a value.
    #[error("expected KEY=VALUE, or a comment that begins with #")]
    Form,
    /// The variable was set before.
    #[error("{0} is set a second time: drop one of the lines")]
    Twice(String),
    /// Nothing reads such a `MAEL_` variable.
    #[error(transparent)]
    Unknown(#[from] UnknownVariable),
    /// A quote is not closed.
    #[error("the quote is not closed on this line")]
    Unterminated,
}
