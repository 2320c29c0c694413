//! What a request and a connection may take of this node.

use core::time::Duration;

/// The least size of a head that can be set, in bytes.
pub const LEAST_HEAD: u64 = 1024;
/// The largest size of a head that can be set, in bytes.
pub const MOST_HEAD: u64 = 1 << 20;
/// Most fields of a head that can be allowed.
pub const MOST_HEADERS: usize = 1024;
/// The longest time-out.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// Limits of HTTP on both ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// The longest head of a request or response, in bytes.
    pub head_bytes: usize,
    /// Most fields of a head.
    pub header_count: usize,
    /// The longest body of a request, in bytes, `None` for any. A component may allow less.
    pub body_bytes: Option<u64>,
    /// Most connections of one source address on one port. Trusted proxies may have more.
    pub per_source: usize,
    /// The least rate of a body in bytes a second, `None` for any. Only time counts in which this node waits for the other side, and
    /// not the first [`GRACE`](Self::GRACE) of it.
    pub min_rate: Option<u64>,
    /// Time-outs.
    pub timeouts: Timeouts,
}

impl HttpLimits {
    /// How long a body may be slower than the least rate.
    pub const GRACE: Duration = Duration::from_secs(10);

    /// What holds by default on a port for `connections` at once.
    #[must_use]
    pub fn of_connections(connections: usize) -> Self {
        Self {
            head_bytes: 64 << 10,
            header_count: 128,
            body_bytes: None,
            per_source: (connections / 2).max(1),
            min_rate: Some(1024),
            timeouts: Timeouts::default(),
        }
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the whole head of a request, from its first byte or from the start of the connection.
    pub head: Duration,
    /// Between two requests of a connection, and for an HTTP/2 connection without a stream.
    pub idle: Duration,
    /// For the whole request of a client, from the end of its head. While a response goes on beside a request of unknown length, as
    /// in a stream of gRPC, nothing may move in either direction for this long.
    pub read: Duration,
    /// For the whole response, from its head on. In a response of unknown length and in a WebSocket, nothing may move for this long;
    /// each piece of a log must be taken within it.
    pub write: Duration,
    /// For a whole request to a component, body and response included. It ends no later than that component's `max_duration` on its
    /// node. Where `read` and `write` are not set, they are at least as long.
    pub request: Duration,
}

impl Default for Timeouts {
    /// `read`, `write` and `request` as in Maelstrom; `idle` longer than the 60 s of most balancers, so that they close first.
    fn default() -> Self {
        let [head, idle, read, write, request] = [10, 75, 300, 310, 300].map(Duration::from_secs);
        Self { head, idle, read, write, request }
    }
}
