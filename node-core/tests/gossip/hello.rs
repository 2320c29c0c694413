//! The hello of a peer that a test plays.

use node_core::gossip::Record;
use node_core::link::{Hello, Limits};

/// Says hello with a record; the rest does not matter to membership.
pub fn hello(record: Record<'_>) -> Hello<'_> {
    let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
    Hello { version: 1, cluster: "test", limits, time: None, record }
}
