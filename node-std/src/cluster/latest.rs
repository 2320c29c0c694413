//! The latest view: one task publishes it, many read it, and none of them waits for another.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::view::View;

/// Reads the view. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Latest {
    view: Arc<ArcSwap<View>>,
    published: watch::Receiver<()>,
}

/// Replaces the view.
#[derive(Debug)]
pub(super) struct Publisher {
    view: Arc<ArcSwap<View>>,
    published: watch::Sender<()>,
}

/// An empty view.
pub(super) fn latest() -> (Publisher, Latest) {
    let view: Arc<ArcSwap<View>> = Arc::default();
    let (told, published) = watch::channel(());
    (Publisher { view: view.clone(), published: told }, Latest { view, published })
}

impl Publisher {
    pub(super) fn publish(&self, view: View) {
        self.view.store(Arc::new(view));
        self.published.send_replace(());
    }

    /// What was published last.
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }
}

impl Latest {
    pub(super) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// As [`view`](Self::view); [`changed`](Self::changed) then waits for a newer one.
    pub(super) fn look(&mut self) -> Arc<View> {
        // Before the view is read, so that one published meanwhile is not missed.
        self.published.mark_unchanged();
        self.view()
    }

    /// Waits for a newer view than the last [`look`](Self::look) saw.
    ///
    /// # Errors
    /// There will be none.
    pub(super) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.published.changed().await
    }
}
