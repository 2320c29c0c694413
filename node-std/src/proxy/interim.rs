//! How much an upstream may say before its response.

use super::MAX_HEAD;

/// Most interim responses to one request: one each 20 s for half an hour.
const MOST: usize = 100;
/// The bytes that their heads may take together. A client of HTTP/2 that reads nothing holds no sender back.
const MOST_BYTES: usize = 2 * MAX_HEAD;

/// The interim responses to one request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Interim {
    count: usize,
    bytes: usize,
    /// The sender has not yet taken those that were passed on.
    pub(super) is_blocked: bool,
}

impl Interim {
    /// Whether one came.
    pub(super) const fn any(&self) -> bool {
        self.count > 0
    }

    /// Counts one whose head has so many bytes. Returns whether it is one of those that are taken.
    pub(super) const fn admits(&mut self, bytes: usize) -> bool {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.count <= MOST && self.bytes <= MOST_BYTES
    }
}
