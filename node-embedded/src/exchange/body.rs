//! A body is as long as its head says.

use node_core::http::BodyLength;

/// Bytes of a body that are still to come; `None` when the head does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLeft(Option<u64>);

impl BodyLeft {
    /// As long as it lasts.
    pub(crate) const UNKNOWN: Self = Self(None);

    /// The whole body.
    pub(crate) const fn of(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self(Some(0)),
            BodyLength::Known(length) => Self(Some(length)),
            BodyLength::Chunked | BodyLength::UntilClose => Self(None),
        }
    }

    /// Counts bytes. Returns false when there are more than there may be.
    #[must_use]
    pub(crate) const fn count(&mut self, bytes: usize) -> bool {
        let Self(Some(left)) = self else { return true };
        match left.checked_sub(bytes as u64) {
            Some(rest) => *left = rest,
            None => return false,
        }
        true
    }

    /// Whether the body may end here.
    pub(crate) const fn may_end(self) -> bool {
        matches!(self.0, None | Some(0))
    }
}
