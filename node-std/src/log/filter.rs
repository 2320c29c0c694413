//! Which lines are logged: `LEVEL` and `TARGET=LEVEL`, separated by commas.

use tracing_subscriber::EnvFilter;

/// A filter of log lines.
pub type Filter = EnvFilter;

/// The levels, and the numbers that stand for them.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The crates that log.
const CRATES: [&str; 11] = [
    "h2",
    "hyper",
    "hyper_util",
    "maelstromd",
    "mio",
    "node_core",
    "node_std",
    "notify",
    "rustls",
    "tokio",
    "tokio_util",
];

/// What watches files logs each change, also those of a log file that lies beside what is watched. A finer level has to name it.
const QUIET: &str = "notify=info,mio=info";

/// The text is no filter, or lets nothing through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// A word that is no level.
    #[error(
        "{0:?} is no level: the levels are off, error, warn, info, debug and trace; a part of the program is named as in \
         node_std=debug"
    )]
    Level(String),
    /// Nothing logs under this name.
    #[error("nothing here logs as {0:?}: the names are {names}, and modules of them such as node_std::cluster", names = CRATES.join(", "))]
    Target(String),
    /// The syntax is wrong.
    #[error("{0}: say for example info or info,node_std::cluster=debug")]
    Syntax(String),
}

/// Reads a filter.
///
/// # Errors
/// [`BadFilter`] says which part is wrong.
pub fn parse(text: &str) -> Result<Filter, BadFilter> {
    // Spans and fields are for those who know them.
    if text.contains(['[', '{']) {
        return EnvFilter::try_new(text).map_err(|error| BadFilter::Syntax(error.to_string()));
    }
    let directives: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    directives.iter().try_for_each(|directive| check(directive))?;
    EnvFilter::try_new(format!("{QUIET},{}", directives.join(",")))
        .map_err(|error| BadFilter::Syntax(error.to_string()))
}

fn check(directive: &str) -> Result<(), BadFilter> {
    let (target, level) = match directive.split_once('=') {
        Some((target, level)) => (Some(target), level),
        None => (None, directive),
    };
    let is_level = LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level));
    if !is_level && !matches!(level.as_bytes(), [b'0'..=b'5']) {
        return Err(BadFilter::Level(level.to_owned()));
    }
    let root = target.map(|target| target.split("::").next().unwrap_or_default());
    match root {
        Some(root) if !CRATES.contains(&root) => {
            Err(BadFilter::Target(target.unwrap_or_default().to_owned()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_parts_of_the_program_are_filters() {
        for text in
            ["info", "WARN", "3", "info,node_std::cluster=debug", "node_core=trace, hyper=warn", "off", ""]
        {
            assert!(parse(text).is_ok(), "{text}");
        }
        assert!(parse("info,node_std[span]=debug").is_ok());
    }

    #[test]
    fn what_matches_nothing_is_refused_by_its_name() {
        for level in ["warning", "verbose", "err", "info,node_std=debg"] {
            let error = parse(level).unwrap_err().to_string();
            assert!(error.contains("error, warn, info, debug and trace"), "{error}");
        }
        for target in ["nodestd=debug", "info,clustr=trace", "node_std::x=info,core=debug"] {
            let error = parse(target).unwrap_err();
            assert!(matches!(error, BadFilter::Target(_)), "{error}");
        }
        assert!(matches!(parse("node_std[span=info"), Err(BadFilter::Syntax(_))));
    }
}
