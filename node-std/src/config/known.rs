//! The environment variables that this program knows. One that only looks like them is a typing error.

use std::ffi::OsStr;

use super::key;

/// How alike two names are, from 0 to 1, when one may be meant by the other.
const ALIKE: f64 = 0.7;

/// A variable that begins with `MAEL_` and means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: no setting has this name{}", self.meant())]
pub struct UnknownVariable {
    /// The variable.
    pub name: String,
    /// The variable that may be meant.
    pub near: Option<&'static str>,
}

impl UnknownVariable {
    fn meant(&self) -> String {
        match self.near {
            Some(near) => format!(": is {near} meant?"),
            None => format!("; the names are {}", variables().collect::<Vec<_>>().join(", ")),
        }
    }
}

fn variables() -> impl Iterator<Item = &'static str> {
    key::ALL.iter().map(|key| key.variable)
}

/// Checks the name of a variable. Those of other programs, without `MAEL_`, pass.
///
/// # Errors
/// Nothing reads it.
pub fn check(name: &OsStr) -> Result<(), UnknownVariable> {
    let name = name.to_string_lossy();
    if !name.starts_with("MAEL_") || variables().any(|known| known == name) {
        return Ok(());
    }
    let near = nearest(&name, variables());
    Err(UnknownVariable { name: name.into_owned(), near })
}

/// The known name that is meant by one that is not known, if any is alike.
pub fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let alike = |known: &'static str| (strsim::normalized_damerau_levenshtein(known, name), known);
    let nearest = known.map(alike).max_by(|one, other| one.0.total_cmp(&other.0));
    nearest.filter(|(alike, _)| *alike >= ALIKE).map(|(_, known)| known)
}

/// Checks the variables of this process.
///
/// # Errors
/// Nothing reads one of them.
pub fn check_process() -> Result<(), UnknownVariable> {
    std::env::vars_os().try_for_each(|(name, _)| check(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str) -> String {
        check(OsStr::new(name)).unwrap_err().to_string()
    }

    #[test]
    fn a_typing_error_is_told_with_the_name_that_is_meant() {
        assert!(problem("MAEL_PRIVAT_TLS_DIR").ends_with("is MAEL_PRIVATE_TLS_DIR meant?"));
        assert!(problem("MAEL_PLAIN_TEXT").ends_with("is MAEL_PLAINTEXT meant?"));
        assert!(problem("MAEL_JOINS").ends_with("is MAEL_JOIN meant?"));
        assert!(problem("MAEL_NODE_LIVENESS_SECONDS").contains("the names are MAEL_ADVERTISE_ADDR, "));
    }

    #[test]
    fn other_programs_have_their_own_variables() {
        for name in ["MAEL_JOIN", "MAELSTROM_PRIVATE_URL", "PATH", "mael_join", "MAEL_TLS_KEY_PASSWORD"] {
            assert_eq!(check(OsStr::new(name)), Ok(()));
        }
    }
}
