//! Reloads the TLS directory when it changes and on SIGHUP, and warns of certificates that expire. A poll finds the changes that the watch does not show.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::expiry::ExpiryLog;
use super::listing;
use super::reload::Keyring;
use crate::clock::unix_time;

/// A rotation is several moves and writes. The directory is read once, when they pause for this long.
const QUIET: Duration = Duration::from_millis(200);
/// A directory that keeps changing is read this often.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often the directory is checked without an event, and a broken directory is read again.
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
    let mut expiry = ExpiryLog::default();
    loop {
        // The first tick comes immediately and finds changes since the directory was opened.
        let cause = tokio::select! {
            () = hung_up(&mut hangup) => Cause::Hangup,
            _ = woken.recv() => {
                settle(&mut woken).await;
                Cause::Change
            }
            _ = poll.tick() => Cause::None,
        };
        // Armed before the reading, so that a later change is noticed.
        if let Some(watcher) = &mut watcher {
            arm(watcher, keyring.directory());
        }
        let reloaded = Arc::clone(&keyring);
        let _ = tokio::task::spawn_blocking(move || reload(&reloaded, cause)).await;
        let active = keyring.active().certificate;
        for line in keyring.read_slots(|slots| expiry.due(slots, active, unix_time())) {
            tracing::warn!("{line}");
        }
    }
}

/// Why the directory may have changed.
#[derive(PartialEq, Eq)]
enum Cause {
    /// An operator sent SIGHUP and expects the outcome in the log.
    Hangup,
    /// The watch reported a change.
    Change,
    /// The poll is due.
    None,
}

/// Reads the directory again if need be. [`Keyring::reload`] logs a change and a new error.
fn reload(keyring: &Keyring, cause: Cause) {
    if cause == Cause::None && !keyring.is_stale() {
        return;
    }
    let outcome = keyring.reload();
    if cause == Cause::Hangup {
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
        // A full channel means that the task has not seen an earlier event yet.
        let _ = wake.try_send(());
    })
    .inspect_err(|error| {
        tracing::warn!("the TLS directory cannot be watched and is checked every {POLL:?} only: {error}")
    })
    .ok()
}

/// Watches the directory and its parent. A directory that is replaced, or a symbolic link that gets another target, shows
/// in the parent, and only a new watch follows it.
fn arm(watcher: &mut RecommendedWatcher, directory: &Path) {
    for path in directory.parent().into_iter().chain([directory]) {
        // Fails while there is nothing to watch. The poll continues then.
        let _ = watcher.unwatch(path);
        let _ = watcher.watch(path, RecursiveMode::NonRecursive);
    }
}

/// Whether the event may be a change in `directory`. This process's own reading shows as access.
fn concerns(event: &Event, directory: &Path) -> bool {
    let written = match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    event.need_rescan() || (written && event.paths.iter().any(|path| is_part(path, directory)))
}

/// Whether the file at `path` can change the keyring: the directory itself, a file of a slot, or a name that begins with two
/// dots, by which Kubernetes replaces all files at once. Other files are not its own, such as a log.
fn is_part(path: &Path, directory: &Path) -> bool {
    let Ok(below) = path.strip_prefix(directory) else { return false };
    let name = below.as_os_str().as_encoded_bytes();
    name.is_empty() || name.starts_with(b"..") || listing::is_part(below)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_keyring_wake_the_watch() {
        let concerns = |path: &str| is_part(Path::new(path), Path::new("/etc/tls"));
        for own in [
            "/etc/tls",
            "/etc/tls/a.crt",
            "/etc/tls/a.key",
            "/etc/tls/a.pem",
            "/etc/tls/a.password",
            "/etc/tls/..data",
        ] {
            assert!(concerns(own), "{own}");
        }
        for other in ["/etc/tls/trace.log", "/etc/tls.log", "/etc", "/etc/tls/a.crt.swp", "/etc/tls2/a.crt"] {
            assert!(!concerns(other), "{other}");
        }
    }
}
