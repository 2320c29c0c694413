//! The task that fetches lists before they are out of date.

use core::future::pending;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use node_core::trust::Rfc3339;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use super::check::{Check, Passed};
use super::distribution::Fetched;
use super::fetch::fetch;
use super::list::Listed;
use super::source::{MAX_URLS, Sources};
use super::url::CrlUrl;
use crate::clock::unix_time;
use crate::tls::reload::Keyring;
use crate::tls::settings::CrlFetch;

/// Fetches at the same time. Each holds a list in memory.
const AT_ONCE: usize = 4;

/// Fetches the lists that the configuration and certificates name, and hands them to the keyring.
pub struct Fetcher {
    keyring: Arc<Keyring>,
    cache: Option<Cache>,
    slots: BTreeMap<CrlUrl, Slot>,
    running: JoinSet<(CrlUrl, Outcome)>,
    room: Arc<Semaphore>,
}

/// A URL that is fetched again and again.
struct Slot {
    list: Option<Arc<Listed>>,
    error: Option<String>,
    /// Fetches in a row that brought nothing.
    failures: u32,
    due: Instant,
    /// It is being fetched.
    running: bool,
}

/// What a fetch brought: a new list, or none because it is the same.
type Outcome = Result<Option<Arc<Listed>>, String>;

impl Fetcher {
    /// Reads the lists that were kept in `cache`, and puts them in force.
    pub async fn open(keyring: Arc<Keyring>, cache: Option<PathBuf>) -> Self {
        let mut fetcher = Self {
            keyring,
            cache: cache.map(Cache::new),
            slots: BTreeMap::new(),
            running: JoinSet::new(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
        };
        fetcher.adopt_sources().await;
        fetcher
    }

    /// Fetches until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.serve()).await;
    }

    async fn serve(&mut self) {
        let mut keys = self.keyring.subscribe();
        let mut learned = self.keyring.distribution().learned();
        loop {
            self.adopt_sources().await;
            self.start_due();
            let next = self.slots.values().filter(|slot| !slot.running).map(|slot| slot.due).min();
            tokio::select! {
                Some(ended) = self.running.join_next() => {
                    if let Ok((url, outcome)) = ended {
                        self.handle_fetched(&url, outcome);
                    }
                }
                Ok(()) = keys.changed() => {}
                Ok(()) = learned.changed() => {}
                () = at(next) => {}
            }
        }
    }

    /// Fetches what is due once, and returns when all of it came or failed.
    pub async fn once(mut self) {
        self.start_due();
        while let Some(ended) = self.running.join_next().await {
            if let Ok((url, outcome)) = ended {
                self.handle_fetched(&url, outcome);
            }
        }
    }

    /// Takes over which URLs are to be fetched now. What the cache has of a new one is in force at once.
    async fn adopt_sources(&mut self) {
        let sources = Arc::new(self.keyring.list_sources());
        let before = self.slots.len();
        self.slots.retain(|url, _| sources.contains(url));
        let mut changed = self.slots.len() != before;
        let added: Vec<CrlUrl> =
            sources.urls().filter(|url| !self.slots.contains_key(*url)).take(MAX_URLS).cloned().collect();
        for url in added {
            let list = self.read_cache(&url, &sources).await;
            let due = list.as_ref().map_or_else(Instant::now, |list| self.next_fetch(list));
            self.slots.insert(url, Slot { list, error: None, failures: 0, due, running: false });
            changed = true;
        }
        if changed {
            self.publish();
        }
    }

    async fn read_cache(&self, url: &CrlUrl, sources: &Arc<Sources>) -> Option<Arc<Listed>> {
        let job = self.job(url, sources, None);
        let cache = self.cache.clone()?;
        let read = move || {
            let text = cache.read(&job.url).map_err(|error| error.to_string()).transpose()?;
            let checked = text.and_then(|text| {
                let damaged = |error| format!("{}: {error}", cache.path(&job.url).display());
                job.check(&text).map_err(damaged)
            });
            match checked {
                Ok(Passed::New(list, _)) => Some(list),
                Ok(Passed::Same) => None,
                Err(error) => {
                    tracing::warn!("{error}; the list is fetched again");
                    None
                }
            }
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }

    fn job(&self, url: &CrlUrl, sources: &Arc<Sources>, in_use: Option<Arc<Listed>>) -> Job {
        let (keyring, cache) = (Arc::clone(&self.keyring), self.cache.clone());
        Job { url: url.clone(), sources: Arc::clone(sources), in_use, keyring, cache }
    }

    /// Starts the fetches that are due.
    fn start_due(&mut self) {
        let now = Instant::now();
        let due = |slot: &Slot| !slot.running && slot.due <= now;
        let urls: Vec<CrlUrl> =
            self.slots.iter().filter(|(_, slot)| due(slot)).map(|(url, _)| url.clone()).collect();
        if urls.is_empty() {
            return;
        }
        let sources = Arc::new(self.keyring.list_sources());
        for url in urls {
            let Some(slot) = self.slots.get_mut(&url) else { continue };
            slot.running = true;
            let in_use = slot.list.clone();
            let job = self.job(&url, &sources, in_use);
            let room = Arc::clone(&self.room);
            self.running.spawn(async move {
                // It is never closed.
                let _place = room.acquire().await;
                (url, job.run().await)
            });
        }
    }

    fn handle_fetched(&mut self, url: &CrlUrl, outcome: Outcome) {
        let refresh = self.keyring.list_fetch().refresh;
        // The URL may not be wanted any more.
        let Some(slot) = self.slots.get_mut(url) else { return };
        slot.running = false;
        match outcome {
            Ok(new) => {
                if let Some(list) = new {
                    tracing::info!(
                        "the revocation list of {} from {url} is in force: issued at {}",
                        list.issuer_name(),
                        Rfc3339(list.edition.this_update)
                    );
                    slot.list = Some(list);
                } else if slot.error.is_some() {
                    tracing::info!("{url}: can be fetched again");
                }
                (slot.error, slot.failures) = (None, 0);
                let list = slot.list.clone();
                let due = list.map_or_else(Instant::now, |list| self.next_fetch(&list));
                if let Some(slot) = self.slots.get_mut(url) {
                    slot.due = due;
                }
            }
            Err(error) => {
                slot.failures = slot.failures.saturating_add(1);
                slot.due = Instant::now() + refresh.retry(slot.failures, fastrand::f64());
                // The same once more is no news.
                if slot.error.as_ref() != Some(&error) {
                    let rest = match &slot.list {
                        Some(list) => {
                            format!("the list that was issued at {} stays", Rfc3339(list.edition.this_update))
                        }
                        None => "there is no list from there".to_owned(),
                    };
                    tracing::warn!("{url}: {error}; {rest}");
                }
                slot.error = Some(error);
            }
        }
        self.publish();
    }

    fn next_fetch(&self, list: &Listed) -> Instant {
        let refresh = self.keyring.list_fetch().refresh;
        let (this, next) = (list.edition.this_update, list.next_update);
        Instant::now() + refresh.after(this, next, unix_time(), fastrand::f64())
    }

    fn publish(&self) {
        let fetched = |(url, slot): (&CrlUrl, &Slot)| Fetched {
            url: url.clone(),
            list: slot.list.clone(),
            error: slot.error.clone(),
        };
        self.keyring.set_lists(self.slots.iter().map(fetched).collect());
    }
}

/// One fetch.
struct Job {
    url: CrlUrl,
    sources: Arc<Sources>,
    in_use: Option<Arc<Listed>>,
    keyring: Arc<Keyring>,
    cache: Option<Cache>,
}

impl Job {
    async fn run(self) -> Outcome {
        let CrlFetch { timeout, .. } = self.keyring.list_fetch();
        let text = fetch(&self.url, timeout).await.map_err(|error| error.to_string())?;
        let taken = tokio::task::spawn_blocking(move || match self.check(&text)? {
            Passed::Same => Ok(None),
            Passed::New(list, der) => {
                self.keep(&der);
                Ok(Some(list))
            }
        });
        taken.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn check(&self, text: &[u8]) -> Result<Passed, String> {
        let algorithms = self.keyring.signature_algorithms();
        let (url, sources, in_use) = (&self.url, &*self.sources, self.in_use.as_deref());
        Check { url, sources, in_use, algorithms }.take(text).map_err(|error| error.to_string())
    }

    fn keep(&self, der: &[u8]) {
        let Some(cache) = &self.cache else { return };
        if let Err(error) = cache.write(&self.url, der) {
            let path = cache.path(&self.url);
            tracing::warn!(
                "{} cannot be written, so a restart has to fetch the list: {error}",
                path.display()
            );
        }
    }
}

/// Resolves at this time, and never without one.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => pending().await,
    }
}
