//! Reloading when the TLS directory changes, on SIGHUP, and now and then in case a change went unseen.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::reload::Keyring;

/// A rotation is several moves and writes: one reading, once they pause this long.
const QUIET: Duration = Duration::from_millis(200);
/// But a directory that never rests is read as often as this.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often a look is taken without any sign of a change, and a broken directory is tried again.
const POLL: Duration = Duration::from_secs(5);

impl Keyring {
    /// Reloads the keyring on SIGHUP and when the directory changes, until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(watch(self)).await;
    }
}

async fn watch(keyring: Arc<Keyring>) {
    let (wake, mut woken) = mpsc::channel(1);
    let mut watcher = start(&keyring, wake.clone());
    let mut hangup = signal(SignalKind::hangup())
        .inspect_err(|error| tracing::warn!("SIGHUP will not reload the TLS directory: {error}"))
        .ok();
    let mut poll = interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // The first tick comes at once: it sees what changed since the directory was opened.
        let sign = tokio::select! {
            () = hung_up(&mut hangup) => Sign::Hangup,
            _ = woken.recv() => {
                settle(&mut woken).await;
                Sign::Change
            }
            _ = poll.tick() => Sign::None,
        };
        // Before the reading, so that what changes after it is noticed.
        if let Some(watcher) = &mut watcher {
            arm(watcher, keyring.directory());
        }
        let keyring = Arc::clone(&keyring);
        let _ = tokio::task::spawn_blocking(move || reload(&keyring, sign)).await;
    }
}

/// Why the directory may have changed.
#[derive(PartialEq, Eq)]
enum Sign {
    /// An operator says so, and wants to know what came of it.
    Hangup,
    /// Something in it was touched.
    Change,
    /// It is time for a look.
    None,
}

/// A change, or an error that is new, is in the log and in the health by then.
fn reload(keyring: &Keyring, sign: Sign) {
    if sign == Sign::None && !keyring.is_stale() {
        return;
    }
    let outcome = keyring.reload();
    if sign == Sign::Hangup {
        match outcome {
            Ok(_) => tracing::info!("SIGHUP: the keys are in use as the TLS directory has them now"),
            Err(error) => tracing::error!("SIGHUP: {error}; the last good keyring stays in force"),
        }
    }
}

fn start(keyring: &Keyring, wake: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let directory = keyring.directory().to_owned();
    notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| !concerns(&event, &directory)) {
            return;
        }
        // When it is full, the task has yet to see an earlier event.
        let _ = wake.try_send(());
    })
    .inspect_err(|error| tracing::warn!("the TLS directory is only looked at every {POLL:?}: {error}"))
    .ok()
}

/// Watches the directory and its parent: a directory that is replaced, or a link that is turned to another one,
/// shows in the parent, and only a new watch follows it.
fn arm(watcher: &mut RecommendedWatcher, directory: &Path) {
    for path in directory.parent().into_iter().chain([directory]) {
        // Fails while there is nothing to watch; the poll helps then.
        let _ = watcher.unwatch(path);
        let _ = watcher.watch(path, RecursiveMode::NonRecursive);
    }
}

/// Whether the event may be a change in `directory`. Our own reading shows as access.
fn concerns(event: &Event, directory: &Path) -> bool {
    let written = match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    event.need_rescan() || (written && event.paths.iter().any(|path| path.starts_with(directory)))
}

async fn settle(woken: &mut mpsc::Receiver<()>) {
    let quiet = async { while let Ok(Some(())) = timeout(QUIET, woken.recv()).await {} };
    let _ = timeout(LONGEST_WAIT, quiet).await;
}

async fn hung_up(hangup: &mut Option<tokio::signal::unix::Signal>) {
    if let Some(hangup) = hangup
        && hangup.recv().await.is_some()
    {
        return;
    }
    core::future::pending().await
}
