//! The hello of a peer that a test plays.

use node_core::gossip::Record;
use node_core::link::{Hello, Limits};

/// A hello with this record; membership does not look at the rest.
pub fn hello(record: Record<'_>) -> Hello<'_> {
    let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
    Hello { version: 1, cluster: "test", limits, time: None, record }
}
