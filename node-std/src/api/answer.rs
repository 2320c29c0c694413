//! The text of an answer while it is written. It has a budget, so that no request makes this node hold much.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;

use super::error::RpcError;

/// Most bytes of results in one answer, whether it is to one request or to a batch. A list of all members that a node can know
/// fits.
pub const ANSWER_BUDGET: usize = 32 << 20;

/// An answer that is being written.
#[derive(Debug)]
pub(super) struct Answer {
    text: Vec<u8>,
    /// The results may fill it up to this length. Ids and errors are short, or as long as the request, and always fit.
    limit: usize,
    /// A result did not fit.
    full: bool,
    /// Nobody waits for the result that is written now.
    muted: bool,
}

impl Answer {
    /// An empty answer for results of at most `budget` bytes.
    pub(super) const fn new(budget: usize) -> Self {
        Self { text: Vec::new(), limit: budget, full: false, muted: false }
    }

    /// Whether a result did not fit. The calls after it are not carried out.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// The bytes that a result may still have.
    pub(super) const fn room(&self) -> usize {
        self.limit.saturating_sub(self.text.len())
    }

    /// Writes the result of a method.
    pub(super) fn result(&mut self, result: &impl Serialize) -> Result<(), RpcError> {
        if self.muted {
            return Ok(());
        }
        let written = serde_json::to_writer(&mut *self, result);
        written.map_err(|error| match self.full {
            true => RpcError::NoRoom(self.limit),
            false => RpcError::Internal(error.to_string()),
        })
    }

    /// Begins the answer to the request with this id; `None` for a notification, whose result is not written. Returns where to
    /// go back to.
    pub(super) fn begin(&mut self, id: Option<&RawValue>) -> usize {
        let start = self.text.len();
        self.muted = id.is_none();
        if let Some(id) = id {
            self.text(r#"{"jsonrpc":"2.0","id":"#);
            self.text(id.get());
            self.text(r#","result":"#);
        }
        start
    }

    /// Ends the answer that began at `start`, with the result that was written, or with an error instead.
    pub(super) fn end(&mut self, start: usize, id: Option<&RawValue>, result: Result<(), RpcError>) {
        let Some(id) = id else { return };
        match result {
            Ok(()) => self.text("}"),
            Err(error) => {
                self.text.truncate(start);
                self.error(id.get(), &error);
            }
        }
    }

    /// Writes the answer to a request that is refused.
    pub(super) fn error(&mut self, id: &str, error: &RpcError) {
        // A string always has a form in JSON.
        let message = serde_json::to_string(&error.to_string()).unwrap_or_else(|_| r#""""#.to_owned());
        let code = error.code();
        self.text(r#"{"jsonrpc":"2.0","id":"#);
        self.text(id);
        self.text(&format!(r#","error":{{"code":{code},"message":{message}}}}}"#));
    }

    /// Writes what stands between results.
    pub(super) fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Takes back what was written from `start` on.
    pub(super) fn truncate(&mut self, start: usize) {
        self.text.truncate(start);
    }

    /// Bytes so far.
    pub(super) const fn len(&self) -> usize {
        self.text.len()
    }

    /// The whole text.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.text
    }
}

impl Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room() {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
