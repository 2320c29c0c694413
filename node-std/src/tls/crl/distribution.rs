//! What is known of lists that come by HTTP. The fetcher writes it, the trust rules read it.

use std::sync::Arc;

use node_core::trust::Certificate;
use tokio::sync::watch;

use super::list::{ListStatus, Listed};
use super::source::Sources;
use super::url::CrlUrl;

/// What a URL brought.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The URL.
    pub url: CrlUrl,
    /// The last list that was taken.
    pub list: Option<Arc<Listed>>,
    /// Why the last fetch brought none.
    pub error: Option<String>,
}

impl Fetched {
    pub fn status(&self) -> ListStatus {
        match &self.list {
            Some(list) => list.status(self.error.clone()),
            None => ListStatus {
                issuer: None,
                this_update: None,
                next_update: None,
                origin: self.url.to_string(),
                error: self.error.clone(),
            },
        }
    }
}

/// The lists that came by HTTP, and what certificates of peers say of where others are.
#[derive(Debug)]
pub struct Distribution {
    fetched: watch::Sender<Arc<[Fetched]>>,
    learned: watch::Sender<Sources>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { fetched: watch::Sender::new(Arc::new([])), learned: watch::Sender::default() }
    }
}

impl Distribution {
    /// All that were fetched.
    pub fn fetched(&self) -> Arc<[Fetched]> {
        Arc::clone(&self.fetched.borrow())
    }

    /// Changes when [`fetched`](Self::fetched) does.
    pub fn subscribe(&self) -> watch::Receiver<Arc<[Fetched]>> {
        self.fetched.subscribe()
    }

    /// Replaces all that were fetched. Returns true when the lists differ, not only what is said of them.
    pub fn replace(&self, fetched: Vec<Fetched>) -> bool {
        let lists = |all: &[Fetched]| -> Vec<*const Listed> {
            all.iter().filter_map(|each| each.list.as_ref().map(Arc::as_ptr)).collect()
        };
        let former = self.fetched.send_replace(fetched.into());
        lists(&former) != lists(&self.fetched.borrow())
    }

    /// A peer showed certificates that lead to a CA, its own first.
    pub fn learn<'c>(&self, path: impl Iterator<Item = Certificate<'c>>) {
        let more = self.learned.borrow().learn(path);
        if let Some(more) = more {
            // Of two peers at the same moment one is learned, and the other one when it is judged again.
            self.learned.send_replace(more);
        }
    }

    /// What was learned from peers.
    pub fn learned(&self) -> watch::Receiver<Sources> {
        self.learned.subscribe()
    }
}
