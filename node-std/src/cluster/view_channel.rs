//! The channel of views: one task publishes, many read the latest view, and no task waits for another.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::view::View;

/// Reads the view. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct ViewReceiver {
    view: Arc<ArcSwap<View>>,
    published: watch::Receiver<()>,
}

/// Replaces the view.
#[derive(Debug)]
pub(super) struct ViewSender {
    view: Arc<ArcSwap<View>>,
    published: watch::Sender<()>,
}

/// A channel with an empty view.
pub(super) fn view_channel() -> (ViewSender, ViewReceiver) {
    let view: Arc<ArcSwap<View>> = Arc::default();
    let (publish, published) = watch::channel(());
    (ViewSender { view: view.clone(), published: publish }, ViewReceiver { view, published })
}

impl ViewSender {
    pub(super) fn publish(&self, view: View) {
        self.view.store(Arc::new(view));
        self.published.send_replace(());
    }

    /// The view that was published last.
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }
}

impl ViewReceiver {
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// As [`view`](Self::view). Then [`changed`](Self::changed) waits for a newer one.
    pub(super) fn read(&mut self) -> Arc<View> {
        // Before the view is read, so that a view published in between is not missed.
        self.published.mark_unchanged();
        self.view()
    }

    /// Waits for a newer view than the last [`read`](Self::read) returned.
    ///
    /// # Errors
    /// There will be none.
    pub(super) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.published.changed().await
    }
}
