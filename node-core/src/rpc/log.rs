//! Lines of a node's log, as they travel between nodes (PROTOCOL.md, R-120).

use serde::{Deserialize, Serialize};

/// How long new lines follow, in seconds. Then the stream ends with [`LogItem::Until`], so that it keeps no link from draining.
pub const LOG_STREAM_S: u32 = 60;
/// Longest item of the stream, in bytes. The node whose line is longer cuts it off.
pub const MAX_LOG_ITEM: usize = 4096;

/// How grave a line is. An earlier level is graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogLevel {
    /// Something failed that the node needs.
    Error,
    /// Something to look at.
    Warn,
    /// What happens.
    Info,
    /// For those who look for a mistake.
    Debug,
    /// All of it.
    Trace,
}

impl LogLevel {
    /// All levels and their names, the gravest first.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Error, "error"),
        (Self::Warn, "warn"),
        (Self::Info, "info"),
        (Self::Debug, "debug"),
        (Self::Trace, "trace"),
    ];

    /// The level with this name, in small or large letters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(level, _)| *level)
    }

    /// Its name, in small letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Which lines of a node are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRequest {
    /// Only those with a larger number; 0 for all.
    pub after: u64,
    /// Only those that are no older, in milliseconds. It needs no common clock.
    pub max_age_ms: Option<u64>,
    /// Only those of this level, and graver ones.
    pub level: LogLevel,
    /// Whether new lines follow those that are there.
    pub follow: bool,
}

impl LogRequest {
    /// Every line, and the new ones after them.
    pub const ALL: Self = Self { after: 0, max_age_ms: None, level: LogLevel::Trace, follow: true };
}

/// An item of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogItem<'b> {
    /// As many lines are missing here: the node keeps them no longer.
    Lost(u64),
    /// A line.
    #[serde(borrow)]
    Line(LogLine<'b>),
    /// The last item where new lines would follow: who wants them asks again, for those after this number.
    Until(u64),
}

/// When a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogTime {
    /// In Unix milliseconds, by the node's clock.
    Unix(u64),
    /// So many milliseconds ago, when it was sent: the node has no clock.
    Ago(u64),
}

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine<'b> {
    /// Its number, from 1 on since the start of the node.
    pub number: u64,
    /// When it was written.
    pub time: LogTime,
    /// How grave it is.
    pub level: LogLevel,
    /// The part of the program that wrote it.
    pub target: &'b str,
    /// What it says.
    pub message: &'b str,
    /// Names and values, two `str` for each, one after the other until the end: see [`fields`](Self::fields).
    pub fields: &'b [u8],
}

impl<'b> LogLine<'b> {
    /// Its names and values, as far as they can be read.
    pub fn fields(&self) -> impl Iterator<Item = (&'b str, &'b str)> + use<'b> {
        let mut rest = self.fields;
        core::iter::from_fn(move || {
            let (field, after) = postcard::take_from_bytes(rest).ok()?;
            rest = after;
            Some(field)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_name_and_the_graver_is_less() {
        for (level, name) in LogLevel::ALL {
            assert_eq!((level.name(), LogLevel::from_name(name)), (name, Some(level)));
        }
        assert!(LogLevel::ALL.is_sorted());
        assert_eq!(LogLevel::from_name("WARN"), Some(LogLevel::Warn));
        assert_eq!(LogLevel::from_name("warning"), None);
    }

    #[test]
    fn fields_end_where_they_cannot_be_read() {
        let line = |fields| LogLine {
            number: 1,
            time: LogTime::Ago(0),
            level: LogLevel::Info,
            target: "",
            message: "",
            fields,
        };
        assert!(line(b"\x01a\x011\x01b\x012").fields().eq([("a", "1"), ("b", "2")]));
        assert!(line(b"\x01a\x011\x09b").fields().eq([("a", "1")]));
    }
}
