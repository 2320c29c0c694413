//! Records lines into the [`Ring`], as a layer of `tracing`.

use core::fmt::{self, Debug, Write as _};
use std::sync::Arc;

use node_core::rpc::LogLevel;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::ring::{Line, Ring};
use crate::clock::unix_millis;

/// Longest message, in bytes. What exceeds it is cut off.
const MESSAGE: usize = 2048;
/// Longest name of a part of the program.
const TARGET: usize = 128;
/// Longest value of a field.
const VALUE: usize = 512;
/// All fields of a line.
const FIELDS: usize = 1536;

const _: () = assert!(MESSAGE + TARGET + FIELDS + 64 <= node_core::rpc::MAX_LOG_ITEM);

/// Records each line that the filter beside it lets through.
#[derive(Clone, Debug)]
pub struct Recorder {
    pub(super) ring: Arc<Ring>,
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut parts = Parts::default();
        event.record(&mut parts);
        let target = parts.target.as_deref().unwrap_or(metadata.target());
        let level = match *metadata.level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        };
        self.ring.push(Line {
            level,
            at: unix_millis(),
            target: target.get(..target.floor_char_boundary(TARGET)).unwrap_or_default(),
            message: &parts.message.text,
            fields: &parts.fields,
        });
    }
}

/// The parts of a line.
#[derive(Default)]
struct Parts {
    message: Cut<MESSAGE>,
    /// Of a line of the crate `log`.
    target: Option<String>,
    /// Names and values in postcard.
    fields: Vec<u8>,
}

impl Parts {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing into a text fails only where it is cut off.
        match field.name() {
            "message" => {
                let _ = self.message.write_fmt(value);
            }
            "log.target" => self.target = Some(value.to_string()),
            // Where in its source a line of the crate `log` stands.
            name if name.starts_with("log.") => {}
            name => {
                let mut text = Cut::<VALUE>::default();
                let _ = text.write_fmt(value);
                if self.fields.len() + name.len() + text.text.len() + 4 <= FIELDS {
                    let fields = core::mem::take(&mut self.fields);
                    self.fields = postcard::to_extend(&(name, &text.text), fields).unwrap_or_default();
                }
            }
        }
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

/// A text that ends with an ellipsis where it was cut off.
#[derive(Default)]
struct Cut<const LEN: usize> {
    text: String,
    is_cut: bool,
}

impl<const LEN: usize> fmt::Write for Cut<LEN> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        let room = LEN - '…'.len_utf8() - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        self.text.push_str(piece.get(..piece.floor_char_boundary(room)).unwrap_or_default());
        self.text.push('…');
        self.is_cut = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use node_core::rpc::{LogItem, LogLine, MAX_LOG_ITEM};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What `say` logs, the items as they travel.
    fn recorded(say: impl FnOnce()) -> Vec<Vec<u8>> {
        let ring = Arc::new(Ring::new());
        let subscriber = tracing_subscriber::registry().with(Recorder { ring: Arc::clone(&ring) });
        tracing::subscriber::with_default(subscriber, say);
        let lines = ring.lock();
        lines.from(1).map(|(_, kept)| kept.item.to_vec()).collect()
    }

    fn line(item: &[u8]) -> LogLine<'_> {
        match postcard::from_bytes(item).unwrap() {
            LogItem::Line(line) => line,
            item => panic!("no line: {item:?}"),
        }
    }

    #[test]
    fn a_line_keeps_its_parts() {
        let items = recorded(|| {
            let component = "web";
            tracing::warn!(component, peer = %"::1", count = 7, "{component} is {:?}", Some("up"));
            tracing::info!(target: "elsewhere", "plain");
        });
        let [first, second] = [0, 1].map(|index| line(&items[index]));
        assert_eq!((first.number, first.level, first.message), (1, LogLevel::Warn, "web is Some(\"up\")"));
        assert_eq!(first.target, module_path!());
        assert!(first.fields().eq([("component", "web"), ("peer", "::1"), ("count", "7")]));
        assert_eq!((second.number, second.target, second.fields.len()), (2, "elsewhere", 0));
    }

    #[test]
    fn what_is_too_long_is_cut_off_and_still_travels() {
        let long = "ä".repeat(10_000);
        let items = recorded(|| {
            tracing::error!(target: "ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt", a = %long, b = %long, c = %long, d = %long, "{long}{long}");
        });
        let line = line(&items[0]);
        assert!(line.message.ends_with("ä…") && line.message.len() <= MESSAGE, "{}", line.message.len());
        assert_eq!(line.fields().count(), 2, "the others have no room");
        assert!(line.fields().all(|(_, value)| value.ends_with('…')));
        assert!(items[0].len() <= MAX_LOG_ITEM);
    }
}
