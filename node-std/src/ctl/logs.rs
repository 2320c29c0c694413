//! `maelctl logs`: shows the log of a node.

use core::time::Duration;
use std::io::Write;

use bytes::{Buf, Bytes, BytesMut};
use clap::Args;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use node_core::rpc::LogLevel;
use serde_json::Value;

use super::client::Client;
use super::error::CtlError;
use super::render;

/// How long a node may say nothing: it sends something each second.
const SILENCE: Duration = Duration::from_secs(10);
/// Where logs are, up to the parameters.
const START: &str = "/_mael/logs?";
/// Longest line that is taken, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// Which lines are shown.
#[derive(Clone, Debug, Args)]
pub(super) struct LogsCommand {
    /// Go on until interrupted, with each new line.
    #[arg(short, long)]
    follow: bool,
    /// The name or id of the node whose log is meant; it may be a board [default: the node asked].
    #[arg(long)]
    node: Option<String>,
    /// Only lines since then: a time ago such as 90s, 5m, 2h or 1d, a time such as 2026-01-31T08:00:00Z, or a Unix time.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines of this level and graver ones.
    #[arg(long, value_parser = LogLevel::ALL.map(|(_, name)| name))]
    level: Option<String>,
    /// Only lines that concern these components, separated by commas. A name may begin and end with `*`.
    #[arg(long, value_name = "NAMES")]
    components: Option<String>,
}

impl LogsCommand {
    fn path(&self) -> String {
        let mut query = form_urlencoded::Serializer::for_suffix(START.to_owned(), START.len());
        query.append_pair("follow", if self.follow { "true" } else { "false" });
        for (name, value) in [
            ("node", &self.node),
            ("since", &self.since),
            ("level", &self.level),
            ("components", &self.components),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// Prints lines until the node sends no more.
    pub(super) async fn run(
        &self,
        client: &Client,
        json: bool,
        timeout: Duration,
        out: &mut impl Write,
    ) -> Result<(), CtlError> {
        let opened = tokio::time::timeout(timeout, client.open(&self.path())).await;
        let mut body = opened.map_err(|_| client.late(timeout))??;
        let wait = if self.follow { SILENCE } else { timeout };
        let mut unread = BytesMut::new();
        while let Some(piece) = self.piece(client, &mut body, wait).await? {
            unread.extend_from_slice(&piece);
            while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line = unread.split_to(end);
                unread.advance(1);
                self.print(line.trim_ascii_end(), json, out)?;
            }
            if unread.len() > MAX_LINE {
                return Err(CtlError::Refused(format!(
                    "the node sends a line of more than {MAX_LINE} bytes"
                )));
            }
            // The reader may be gone, as in `maelctl … | head`.
            out.flush().map_err(CtlError::Output)?;
        }
        Ok(())
    }

    /// The next part of the answer, `None` at its end.
    async fn piece(
        &self,
        client: &Client,
        body: &mut Incoming,
        wait: Duration,
    ) -> Result<Option<Bytes>, CtlError> {
        loop {
            let frame = tokio::time::timeout(wait, body.frame()).await;
            match frame.map_err(|_| client.late(wait))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(client.broke_off(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    fn print(&self, line: &[u8], json: bool, out: &mut impl Write) -> Result<(), CtlError> {
        let Ok(Value::Object(parts)) = serde_json::from_slice(line) else {
            return Err(CtlError::Refused("the node sends what is no line of a log".to_owned()));
        };
        if parts.is_empty() {
            return Ok(());
        }
        if let Some(error) = parts.get("error") {
            return Err(CtlError::Refused(error.as_str().unwrap_or_default().to_owned()));
        }
        let written = if json {
            out.write_all(line).and_then(|()| out.write_all(b"\n"))
        } else {
            out.write_all(render::log_line(&parts).as_bytes())
        };
        written.map_err(CtlError::Output)
    }
}
