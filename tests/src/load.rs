//! A steady load: requests one after the other from several clients at once, until it is told to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Result, ensure};

use crate::wait::{PATIENCE, eventually};

/// Failures whose text is kept.
const SHOWN: usize = 5;

/// A load that runs.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// What became of the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Answered with status 200.
    pub answered: u64,
    /// All others.
    pub failed: u64,
    /// What the first of those were.
    pub failures: Vec<String>,
}

impl Load {
    /// Asks for `url`, from `clients` clients, each with a connection of its own.
    #[must_use]
    pub fn start(url: &str, clients: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let clients = (0..clients).map(|_| {
            let (shared, url) = (Arc::clone(&shared), url.to_owned());
            thread::spawn(move || shared.ask(&url))
        });
        let clients = clients.collect();
        Self { shared, clients }
    }

    /// Waits until `more` requests have been answered from now on.
    ///
    /// # Errors
    ///
    /// They are not.
    pub fn goes_on(&self, more: u64) -> Result<()> {
        let goal = self.tally().answered + more;
        eventually(|| {
            let tally = self.tally();
            ensure!(tally.answered >= goal, "{goal} answers are waited for: {tally:?}");
            Ok(())
        })
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            answered: self.shared.answered.load(Ordering::SeqCst),
            failed: self.shared.failed.load(Ordering::SeqCst),
            failures: self.shared.failures.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Lets the requests under way end.
    #[must_use]
    pub fn stop(mut self) -> Tally {
        self.end();
        self.tally()
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            // A client that panicked has printed why.
            let _ = client.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn ask(&self, url: &str) {
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().new_agent();
        while !self.stop.load(Ordering::SeqCst) {
            match agent.get(url).call().and_then(|mut response| response.body_mut().read_to_vec()) {
                Ok(_) => drop(self.answered.fetch_add(1, Ordering::SeqCst)),
                Err(error) => self.failed(error.to_string()),
            }
        }
    }

    fn failed(&self, why: String) {
        self.failed.fetch_add(1, Ordering::SeqCst);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < SHOWN {
            failures.push(why);
        }
    }
}
