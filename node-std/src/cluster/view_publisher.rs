//! Decides when the view is published again.

use node_core::time::{Duration, Instant};

use super::view::View;
use super::view_channel::ViewSender;
use crate::clock::Clock;

/// With more members than this, views are published less often: making them takes a tenth of the task's time.
const MANY: usize = 1000;
/// The longest pause between two views while members change.
const MAX_VIEW_PAUSE: Duration = Duration::from_secs(1);

/// Publishes views, each one a whole.
pub(super) struct ViewPublisher {
    views: ViewSender,
    /// The published view no longer holds.
    stale: bool,
    publish_at: Instant,
    /// Links that carry gossip, in the published view.
    active_view_len: usize,
}

impl ViewPublisher {
    /// Publishes the first view immediately.
    pub(super) const fn new(views: ViewSender, now: Instant) -> Self {
        Self { views, stale: true, publish_at: now, active_view_len: 0 }
    }

    /// Something that the view shows changed.
    pub(super) const fn mark_stale(&mut self) {
        self.stale = true;
    }

    /// A link came or went. The next view is not delayed: requests wait for a link that came, and must not use one that went.
    pub(super) const fn mark_links_changed(&mut self) {
        (self.stale, self.publish_at) = (true, Instant::START);
    }

    /// Compares the active view size. A peer may ask for gossip on a link, or end it, at any time.
    pub(super) fn note_active_view(&mut self, len: usize) {
        let published = core::mem::replace(&mut self.active_view_len, len);
        self.stale |= published != len;
    }

    /// When [`publish`](Self::publish) is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.stale.then_some(self.publish_at)
    }

    /// Publishes the view that `make` returns. `now` is the time of the turn.
    pub(super) fn publish(&mut self, now: Instant, clock: &Clock, make: impl FnOnce() -> View) {
        let start = clock.now();
        let view = make();
        let many = view.members().len() > MANY;
        self.views.publish(view);
        self.stale = false;
        let end = clock.now();
        self.publish_at = if many { end + (9 * end.since(start)).min(MAX_VIEW_PAUSE) } else { now };
    }

    /// The published view.
    pub(super) fn view(&self) -> std::sync::Arc<View> {
        self.views.view()
    }
}
