//! A log on its way to a client.

use core::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::line::{PING, Writer};
use crate::link::ExchangeError;
use crate::log::Reader;
use crate::rpc::Stream as Items;

/// How long a line may be awaited before a ping goes in its place.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a client may take nothing.
const STALLED: Duration = Duration::from_secs(60);

/// Where the items of a log come from.
#[derive(Debug)]
pub enum LogSource {
    /// This node.
    Own(Reader),
    /// Another node.
    Other(Items),
}

impl LogSource {
    /// The next items or parts of them, `None` at the end. It can be dropped at any time without losing any.
    async fn next(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        match self {
            Self::Own(reader) => Ok(reader.next().await.map(Bytes::from)),
            Self::Other(items) => items.next().await,
        }
    }
}

/// A log on its way to a client.
pub(super) struct Stream {
    pub(super) source: LogSource,
    pub(super) follows: bool,
    pub(super) writer: Writer,
    /// Cancelled when this node drains.
    pub(super) drain: CancellationToken,
}

impl Stream {
    /// Sends lines until the end of the log or of the client.
    pub(super) async fn run(mut self, client: mpsc::Sender<Bytes>) {
        loop {
            let (lines, ends) = tokio::select! {
                next = self.source.next() => self.lines(next),
                () = sleep(PAUSE), if self.follows => (PING.to_vec(), false),
                () = self.drain.cancelled() => (self.writer.error("this node stops"), true),
                () = client.closed() => return,
            };
            let is_taken = async { lines.is_empty() || client.send(lines.into()).await.is_ok() };
            if timeout(STALLED, is_taken).await != Ok(true) || ends {
                return;
            }
        }
    }

    /// The lines for what came, and whether they are the last.
    fn lines(&mut self, next: Result<Option<Bytes>, ExchangeError>) -> (Vec<u8>, bool) {
        match next {
            Ok(Some(items)) => match self.writer.lines(&items) {
                Ok(lines) => (lines, false),
                Err(error) => (self.writer.error(&error.to_string()), true),
            },
            Ok(None) => (Vec::new(), true),
            Err(error) => (self.writer.error(&format!("the way to the node broke off: {error}")), true),
        }
    }
}
