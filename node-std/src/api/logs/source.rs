//! Where the items of a log come from.

use core::time::Duration;

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::rpc::{LOG_STREAM_S, LogRequest, Method};

use crate::cluster::Cluster;
use crate::log::Reader;
use crate::rpc::{CallError, Stream as Items, encode, stream};

/// How long another node may take to begin its answer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take in all. The other node ends it earlier.
const BUDGET: Duration = Duration::from_secs(LOG_STREAM_S as u64 + 60);

/// Where the items of a log come from.
#[derive(Debug)]
pub enum LogSource {
    /// This node.
    Own(Reader),
    /// Another node.
    Other(OtherLog),
}

/// The log of another node.
#[derive(Debug)]
pub struct OtherLog {
    cluster: Cluster,
    node: NodeId,
    request: LogRequest,
    items: Items,
}

impl OtherLog {
    /// Asks `node` for its log.
    ///
    /// # Errors
    /// It gives no log.
    pub(crate) async fn open(cluster: Cluster, node: NodeId, request: LogRequest) -> Result<Self, CallError> {
        let items = ask(&cluster, node, request).await?;
        Ok(Self { cluster, node, request, items })
    }

    /// Asks again, for the lines after this number.
    async fn go_on(&mut self, after: u64) -> Result<(), CallError> {
        self.request = LogRequest { after, max_age_ms: None, ..self.request };
        self.items = ask(&self.cluster, self.node, self.request).await?;
        Ok(())
    }
}

async fn ask(cluster: &Cluster, node: NodeId, request: LogRequest) -> Result<Items, CallError> {
    let asked = (Method::Logs.number(), encode(&request).into());
    stream(cluster, node, asked, (HEAD_TIMEOUT, BUDGET)).await
}

impl LogSource {
    /// The next items or parts of them, `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        match self {
            Self::Own(reader) => Ok(reader.next().await.map(Bytes::from)),
            Self::Other(log) => Ok(log.items.next().await?),
        }
    }

    /// Goes on behind the line with this number, where the log ended with it.
    pub(super) async fn go_on(&mut self, after: u64) -> Result<(), CallError> {
        match self {
            Self::Own(_) => Ok(()),
            Self::Other(log) => log.go_on(after).await,
        }
    }
}
