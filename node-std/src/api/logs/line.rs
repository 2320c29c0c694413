//! Items of a log as lines of JSON.

use bytes::{Buf, BytesMut};
use node_core::id::NodeId;
use node_core::rpc::{LogItem, LogLine, LogTime, MAX_LOG_ITEM};
use node_core::time::UnixTime;
use node_core::trust::Rfc3339;
use serde::{Serialize, Serializer};

use crate::clock::unix_millis;

/// What ends a line, as in Maelstrom.
const END: &[u8] = b"\r\n";
/// The line that says that the node is still here.
pub(super) const PING: &[u8] = b"{}\r\n";

/// Writes lines of one node.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    node: String,
    components: Components,
    /// The start of an item whose rest is on its way.
    begun: BytesMut,
    /// The last number, where the node wants to be asked again for more.
    pub(super) until: Option<u64>,
}

/// What arrived is no log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node sent what cannot be read")]
pub(super) struct Unreadable;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'l> {
    #[serde(serialize_with = "rfc3339")]
    time: u64,
    number: u64,
    level: &'static str,
    node: &'l str,
    node_id: &'l str,
    target: &'l str,
    message: &'l str,
    #[serde(skip_serializing_if = "is_empty", serialize_with = "fields")]
    fields: LogLine<'l>,
}

/// What happened to the lines of a node.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Remark<'l> {
    node: &'l str,
    node_id: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'l str>,
}

impl Writer {
    pub(super) fn new(id: NodeId, node: String, components: Components) -> Self {
        Self { id: id.to_string(), node, components, begun: BytesMut::new(), until: None }
    }

    /// The lines for items, which arrive in pieces of any size.
    pub(super) fn lines(&mut self, items: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let mut begun = core::mem::take(&mut self.begun);
        begun.extend_from_slice(items);
        let mut lines = Vec::new();
        let mut rest = &begun[..];
        while !rest.is_empty() {
            match postcard::take_from_bytes(rest) {
                Ok((item, after)) => {
                    self.item(item, &mut lines);
                    rest = after;
                }
                Err(postcard::Error::DeserializeUnexpectedEnd) if rest.len() <= MAX_LOG_ITEM => break,
                Err(_) => return Err(Unreadable),
            }
        }
        let done = begun.len() - rest.len();
        begun.advance(done);
        self.begun = begun;
        Ok(lines)
    }

    fn item(&mut self, item: LogItem<'_>, lines: &mut Vec<u8>) {
        match item {
            LogItem::Lost(lost) => write(lines, &Remark { lost: Some(lost), ..self.remark() }),
            LogItem::Line(line) if self.components.concern(&line) => {
                let LogLine { number, time, level, target, message, .. } = line;
                let time = match time {
                    LogTime::Unix(millis) => millis,
                    LogTime::Ago(millis) => unix_millis().saturating_sub(millis),
                };
                let (level, node, node_id) = (level.name(), &*self.node, &*self.id);
                write(lines, &Line { time, number, level, node, node_id, target, message, fields: line });
            }
            LogItem::Line(_) => {}
            LogItem::Until(number) => self.until = Some(number),
        }
    }

    /// The line before an answer that ends early.
    pub(super) fn error(&self, error: &str) -> Vec<u8> {
        let mut line = Vec::new();
        write(&mut line, &Remark { error: Some(error), ..self.remark() });
        line
    }

    fn remark(&self) -> Remark<'_> {
        Remark { node: &self.node, node_id: &self.id, lost: None, error: None }
    }
}

fn write(lines: &mut Vec<u8>, line: &impl Serialize) {
    // It fails for no line: the keys are texts, and the writer is memory.
    if serde_json::to_writer(&mut *lines, line).is_ok() {
        lines.extend_from_slice(END);
    }
}

fn rfc3339<S: Serializer>(millis: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = Rfc3339(UnixTime(millis / 1000)).to_string();
    serializer.collect_str(&format_args!("{}.{:03}Z", seconds.trim_end_matches('Z'), millis % 1000))
}

fn fields<S: Serializer>(line: &LogLine<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(line.fields())
}

fn is_empty(line: &LogLine<'_>) -> bool {
    line.fields().next().is_none()
}

/// The components whose lines are meant. None for every line.
#[derive(Debug, Default)]
pub(super) struct Components(Vec<String>);

impl Components {
    /// Names, separated by commas. Each may begin and end with `*`.
    pub(super) fn read(names: &str) -> Self {
        Self(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    fn concern(&self, line: &LogLine<'_>) -> bool {
        self.0.is_empty() || line.fields().any(|(name, value)| name == "component" && self.contain(value))
    }

    pub(super) fn contain(&self, component: &str) -> bool {
        self.0.iter().any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(_), Some(_)) => component.contains(pattern.trim_matches('*')),
            (Some(end), None) => component.ends_with(end),
            (None, Some(start)) => component.starts_with(start),
            (None, None) => component == pattern,
        })
    }
}

#[cfg(test)]
mod tests {
    use node_core::rpc::LogLevel;
    use serde_json::{Value, json};

    use super::*;

    const LINE: LogLine<'_> = LogLine {
        number: 7,
        time: LogTime::Unix(1_700_000_000_012),
        level: LogLevel::Warn,
        target: "node_std::cluster",
        message: "a \"quote\" and\na break",
        fields: b"\x09component\x03web\x04peer\x03::1",
    };

    fn writer(components: &str) -> Writer {
        Writer::new(NodeId([7; 16]), "ada".to_owned(), Components::read(components))
    }

    fn bytes(item: LogItem<'_>) -> Vec<u8> {
        postcard::to_extend(&item, Vec::new()).unwrap()
    }

    #[test]
    fn an_item_is_a_line_of_json() {
        let items = [bytes(LogItem::Lost(3)), bytes(LogItem::Line(LINE))].concat();
        let lines = String::from_utf8(writer("").lines(&items).unwrap()).unwrap();
        let lines: Vec<Value> =
            lines.split_terminator("\r\n").map(|line| serde_json::from_str(line).unwrap()).collect();
        let id = NodeId([7; 16]).to_string();
        assert_eq!(lines[0], json!({"node": "ada", "nodeId": id, "lost": 3}));
        assert_eq!(
            lines[1],
            json!({
                "time": "2023-11-14T22:13:20.012Z", "number": 7, "level": "warn", "node": "ada", "nodeId": id,
                "target": LINE.target, "message": LINE.message, "fields": {"component": "web", "peer": "::1"},
            })
        );
    }

    #[test]
    fn a_time_ago_is_held_against_the_clock_here() {
        let line = LogLine { time: LogTime::Ago(60_000), fields: &[], ..LINE };
        let before = unix_millis() - 60_000;
        let text = writer("").lines(&bytes(LogItem::Line(line))).unwrap();
        let line: Value = serde_json::from_slice(&text).unwrap();
        let year = Rfc3339(UnixTime(before / 1000)).to_string();
        assert!(line["time"].as_str().unwrap()[..4] == year[..4] && line.get("fields").is_none(), "{line}");
    }

    #[test]
    fn items_may_arrive_byte_by_byte() {
        let items =
            [bytes(LogItem::Line(LINE)), bytes(LogItem::Lost(1)), bytes(LogItem::Line(LINE))].concat();
        let whole = writer("").lines(&items).unwrap();
        let mut writer = writer("");
        let pieces: Vec<u8> = items.chunks(1).flat_map(|byte| writer.lines(byte).unwrap()).collect();
        assert_eq!(pieces, whole);
    }

    #[test]
    fn what_is_no_item_and_what_is_endless_is_refused() {
        assert_eq!(writer("").lines(&[9]), Err(Unreadable));
        let endless = LogLine { message: &"x".repeat(MAX_LOG_ITEM + 1), ..LINE };
        let endless = bytes(LogItem::Line(endless));
        let mut writer = writer("");
        assert!(endless.chunks(100).any(|piece| writer.lines(piece).is_err()));
    }

    #[test]
    fn lines_of_components_are_chosen_by_their_field() {
        for (names, chosen) in [
            ("web", true),
            ("api, web", true),
            ("w*", true),
            ("*b", true),
            ("*e*", true),
            ("*", true),
            ("api", false),
            ("we", false),
        ] {
            let lines = writer(names).lines(&bytes(LogItem::Line(LINE))).unwrap();
            assert_eq!(!lines.is_empty(), chosen, "{names}");
        }
        let other = LogLine { fields: &[], ..LINE };
        assert!(writer("*").lines(&bytes(LogItem::Line(other))).unwrap().is_empty());
    }
}
