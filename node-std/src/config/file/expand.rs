//! Variables of the environment in the values of a configuration file: `${NAME}`, `$NAME` and `${NAME:-default}`. A dollar sign is
//! written `$$`.
//!
//! They are replaced in each value after the file was read, so what a variable holds can be of several lines, and never changes the
//! structure.

use core::fmt::Write as _;

/// Replaces the variables in a text.
///
/// # Errors
/// A variable without a default is not set, or a name is not whole.
pub fn expand(text: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<String, BadVariable> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = match after.chars().next() {
            Some('$') => {
                expanded.push('$');
                after.get(1..).unwrap_or_default()
            }
            Some('{') => {
                let (inner, after) =
                    after.get(1..).and_then(|inner| inner.split_once('}')).ok_or(BadVariable::Open)?;
                let (name, default) = match inner.split_once(":-") {
                    Some((name, default)) => (name, Some(default)),
                    None => (inner, None),
                };
                if name.is_empty() || name.len() != name_len(name) {
                    return Err(BadVariable::Name(name.to_owned()));
                }
                let value = variable(name).or_else(|| default.map(str::to_owned));
                expanded.push_str(&value.ok_or_else(|| BadVariable::Unset(name.to_owned()))?);
                after
            }
            _ => {
                let (name, after) = after.split_at(name_len(after));
                if name.is_empty() {
                    return Err(BadVariable::Alone);
                }
                let value = variable(name).ok_or_else(|| BadVariable::Unset(name.to_owned()))?;
                let _ = expanded.write_str(&value);
                after
            }
        };
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// How much of a text is the name of a variable: letters, digits and `_`, and no digit first.
fn name_len(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// A variable that cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVariable {
    /// No name follows.
    #[error("$ stands before the name of a variable: write $$ for the sign itself")]
    Alone,
    /// It is no name.
    #[error("{0:?} is no name of a variable: letters, digits and _ make one")]
    Name(String),
    /// `${` without an end.
    #[error("${{ has no end: write ${{NAME}}, or $$ for the sign itself")]
    Open,
    /// It is not set.
    #[error("the variable {0} is not set: set it, or give a default as in ${{{0}:-value}}")]
    Unset(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let variable = |name: &str| match name {
            "A" => Some("one".to_owned()),
            "PEM" => Some("-----BEGIN X-----\na: b\n".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        expand(text, &variable).map_err(|bad| bad.to_string())
    }

    #[test]
    fn every_form_is_replaced() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$A", "one"),
            ("${A}", "one"),
            ("x$A-${A}y", "xone-oney"),
            ("${B:-two}", "two"),
            ("${A:-two}", "one"),
            ("${EMPTY:-two}", ""),
            ("${B:-}", ""),
            ("${B:-a:-b$}", "a:-b$"),
            ("$$A 5$$", "$A 5$"),
            ("${PEM}", "-----BEGIN X-----\na: b\n"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_set_is_an_error() {
        for (text, expected) in [
            ("$B", "the variable B is not set"),
            ("${B}", "the variable B is not set: set it, or give a default as in ${B:-value}"),
            ("${A", "${ has no end"),
            ("${}", "\"\" is no name"),
            ("${1A}", "\"1A\" is no name"),
            ("${A B}", "\"A B\" is no name"),
            ("5$", "$ stands before"),
            ("$1", "$ stands before"),
        ] {
            let said = expanded(text).unwrap_err();
            assert!(said.starts_with(expected), "{text}: {said}");
        }
    }
}
