//! A steady load: several clients, each with one request after the other, until it is stopped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::wait::{TIMEOUT, eventually};

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

/// Counts of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answered with status 200.
    pub answered: u64,
    /// All others.
    pub failed: u64,
    /// The first of these.
    pub failures: Vec<String>,
}

impl core::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.failures.extend(other.failures);
    }
}

impl Load {
    /// Asks for `url`, from `clients` clients, each with a connection of its own, as fast as answers come.
    #[must_use]
    pub fn start(url: &str, clients: usize) -> Self {
        Self::steady(url, clients, Duration::ZERO)
    }

    /// The same, where each client asks once a `period`, or as fast as answers come if that is slower.
    #[must_use]
    pub fn steady(url: &str, clients: usize, period: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let clients = (0..clients).map(|_| {
            let (shared, url) = (Arc::clone(&shared), url.to_owned());
            thread::spawn(move || shared.ask(&url, period))
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

    /// A view of it that only reads.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.shared))
    }

    /// The counts so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.shared.tally()
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

/// Reads the counts of a load.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

impl Watch {
    /// As [`Load::tally`].
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.0.tally()
    }
}

impl Shared {
    fn tally(&self) -> Tally {
        Tally {
            answered: self.answered.load(Ordering::SeqCst),
            failed: self.failed.load(Ordering::SeqCst),
            failures: self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn ask(&self, url: &str, period: Duration) {
        let agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        let agent = agent.build().new_agent();
        while !self.stop.load(Ordering::SeqCst) {
            let next = Instant::now() + period;
            match ask(&agent, url) {
                Ok(()) => drop(self.answered.fetch_add(1, Ordering::SeqCst)),
                Err(error) => self.failed(format!("{url}: {error}")),
            }
            thread::sleep(next.saturating_duration_since(Instant::now()));
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

fn ask(agent: &ureq::Agent, url: &str) -> Result<()> {
    let mut response = agent.get(url).call()?;
    let body = response.body_mut().read_to_vec()?;
    let status = response.status();
    ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body).trim());
    Ok(())
}
