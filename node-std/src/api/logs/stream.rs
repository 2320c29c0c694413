//! A log on its way to a client.

use core::pin::pin;
use core::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::line::{PING, Writer};
use super::source::LogSource;

/// How long a line may be awaited before a ping goes in its place.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a client may take nothing.
const STALLED: Duration = Duration::from_secs(60);

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
        while let Some((lines, ends)) = self.next(&client).await {
            if !send(&client, lines).await || ends {
                return;
            }
        }
    }

    /// The next lines, and whether they are the last. `None` when the client is gone.
    async fn next(&mut self, client: &mpsc::Sender<Bytes>) -> Option<(Vec<u8>, bool)> {
        let Self { source, follows, writer, drain } = self;
        let until = writer.until.take();
        let next = async move {
            match (source.next().await, until) {
                // The other node wants to be asked again.
                (Ok(None), Some(until)) => source.go_on(until).await.map(|()| Some(Bytes::new())),
                (next, _) => next,
            }
            .map_err(|error| format!("the log of the node broke off: {error}"))
        };
        let mut next = pin!(next);
        let next = loop {
            tokio::select! {
                next = &mut next => break next,
                () = sleep(PAUSE), if *follows => {
                    if !send(client, PING.to_vec()).await {
                        return None;
                    }
                }
                () = drain.cancelled() => break Err("this node stops".to_owned()),
                () = client.closed() => return None,
            }
        };
        Some(match next.map(|items| items.map(|items| writer.lines(&items))) {
            Ok(Some(Ok(lines))) => (lines, false),
            Ok(Some(Err(error))) => (writer.error(&error.to_string()), true),
            Ok(None) => (Vec::new(), true),
            Err(error) => (writer.error(&error), true),
        })
    }
}

/// Sends lines, if there are any. Returns whether the client took them.
async fn send(client: &mpsc::Sender<Bytes>, lines: Vec<u8>) -> bool {
    lines.is_empty() || matches!(timeout(STALLED, client.send(lines.into())).await, Ok(Ok(())))
}
