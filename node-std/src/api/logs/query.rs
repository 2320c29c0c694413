//! The parameters of a request for a log.

use node_core::rpc::{LogLevel, LogRequest};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::line::Components;
use crate::clock::unix_millis;
use crate::config::{duration, switch};

/// From this number on a Unix time is in milliseconds: as seconds it would be in the year 5138.
const MILLIS: u64 = 100_000_000_000;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) node: Option<String>,
    pub(super) components: Components,
    pub(super) request: LogRequest,
}

/// A parameter that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadQuery {
    #[error("{0:?} is no parameter here: there are node, since, after, level, components and follow")]
    Name(String),
    #[error(
        "since={0:?} is no time: expected 2026-01-31T08:00:00Z, a time ago such as 90s, 5m or 2h, or a Unix time"
    )]
    Since(String),
    #[error("after={0:?} is no number of a line")]
    After(String),
    #[error("level={0:?} is no level: the levels are error, warn, info, debug and trace")]
    Level(String),
    #[error("follow={0:?} is neither true nor false")]
    Follow(String),
}

impl Query {
    /// Reads the part of a URL behind its question mark.
    pub(super) fn read(query: &str) -> Result<Self, BadQuery> {
        let mut read = Self { node: None, components: Components::default(), request: LogRequest::ALL };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let given = || value.clone().into_owned();
            match &*name {
                // As if it were not there.
                _ if value.is_empty() => {}
                "node" => read.node = Some(given()),
                "since" => {
                    let age = age(&value, unix_millis()).ok_or_else(|| BadQuery::Since(given()))?;
                    read.request.max_age_ms = Some(age);
                }
                "after" => read.request.after = value.parse().map_err(|_| BadQuery::After(given()))?,
                "level" => {
                    let level = LogLevel::from_name(&value);
                    read.request.level = level.ok_or_else(|| BadQuery::Level(given()))?;
                }
                "components" => read.components = Components::read(&value),
                "follow" => {
                    read.request.follow = switch(&value).ok_or_else(|| BadQuery::Follow(given()))?;
                }
                _ => return Err(BadQuery::Name(name.into_owned())),
            }
        }
        Ok(read)
    }
}

/// How many milliseconds before `now` a time is, 0 for one to come.
fn age(text: &str, now: u64) -> Option<u64> {
    let since = match text.parse::<u64>() {
        Ok(millis @ MILLIS..) => millis,
        Ok(seconds) => seconds * 1000,
        Err(_) => match OffsetDateTime::parse(text, &Rfc3339) {
            Ok(time) => u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0),
            Err(_) => return duration(text).and_then(|ago| u64::try_from(ago.as_millis()).ok()),
        },
    };
    Some(now.saturating_sub(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_parameters_everything_is_meant() {
        for query in ["", "node=&since=&follow=", "&"] {
            let read = Query::read(query).unwrap();
            assert_eq!((read.node, read.request), (None, LogRequest::ALL));
        }
    }

    #[test]
    fn parameters_are_read() {
        let read = Query::read("node=the%20kitchen&after=7&level=WARN&follow=false&components=a").unwrap();
        assert_eq!(read.node.as_deref(), Some("the kitchen"));
        let request = LogRequest { after: 7, max_age_ms: None, level: LogLevel::Warn, follow: false };
        assert_eq!(read.request, request);
        assert!(read.components.contain("a") && !read.components.contain("b"));
    }

    #[test]
    fn a_time_has_several_forms() {
        const NOW: u64 = 1_700_000_060_000;
        for text in [
            "1m",
            "60s",
            "1700000000",
            "1700000000000",
            "2023-11-14T22:13:20Z",
            "2023-11-14T23:13:20.000+01:00",
        ] {
            assert_eq!(age(text, NOW), Some(60_000), "{text}");
        }
        assert_eq!(age("1800000000", NOW), Some(0));
        assert_eq!(age("1969-01-01T00:00:00Z", NOW), Some(NOW));
        for text in ["yesterday", "2023-11-14", "-1", "5 weeks", "1m30"] {
            assert_eq!(age(text, NOW), None, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for (query, named) in [
            ("sinc=1m", "sinc"),
            ("since=1fortnight", "1fortnight"),
            ("after=x", "after"),
            ("level=loud", "loud"),
            ("follow=perhaps", "perhaps"),
        ] {
            let error = Query::read(query).unwrap_err().to_string();
            assert!(error.contains(named), "{query}: {error}");
        }
    }
}
