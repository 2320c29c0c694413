//! Records as their members publish them.

use node_core::gossip::{Metadata, Record, State};
use node_core::sim::toy;
use node_core::wire::record::MAX_METADATA;

/// The same record, signed by its member. Its metadata may be unsigned, or signed for another member or incarnation.
pub fn signed(record: &Record<'_>) -> Record<'static> {
    if record.metadata.is_empty() {
        return Record { metadata: &[], ..*record };
    }
    let metadata = Metadata::decode(record.metadata).unwrap();
    let left = record.state == State::Left && record.by.is_none();
    let identity = toy::identity("test", record.id);
    let buffer = Vec::leak(vec![0; MAX_METADATA]);
    let own = toy::record(&identity, record.incarnation, &Metadata { left, ..metadata }, buffer).unwrap();
    Record { metadata: own.metadata, ..*record }
}
