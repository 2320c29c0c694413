//! Waits for files to change, and for SIGHUP. A poll finds the changes that the watch does not show.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

/// A change is often several moves and writes. It is told once, when they pause for this long.
const QUIET: Duration = Duration::from_millis(200);
/// Files that keep changing are told of this often.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often the files are looked at without an event.
const POLL: Duration = Duration::from_secs(5);

/// Something whose changes count.
#[derive(Clone, Debug)]
pub struct Watched {
    path: PathBuf,
    /// Of a directory, whether a file in it counts, by its name.
    is_part: Option<fn(&Path) -> bool>,
}

impl Watched {
    /// A file.
    #[must_use]
    pub const fn file(path: PathBuf) -> Self {
        Self { path, is_part: None }
    }

    /// A directory, and the files in it that count.
    #[must_use]
    pub const fn directory(path: PathBuf, is_part: fn(&Path) -> bool) -> Self {
        Self { path, is_part: Some(is_part) }
    }

    /// Whether a change of what is at `path` counts: the file or directory itself, a part of it, or a name beside or in it that begins
    /// with two dots, by which Kubernetes replaces all files at once. Other files do not, such as a log.
    fn concerns(&self, path: &Path) -> bool {
        if path == self.path {
            return true;
        }
        let folder = match self.is_part {
            Some(_) => Some(self.path.as_path()),
            None => self.path.parent(),
        };
        let Some(name) = folder.and_then(|folder| path.strip_prefix(folder).ok()) else { return false };
        name.as_os_str().as_encoded_bytes().starts_with(b"..")
            || self.is_part.is_some_and(|is_part| is_part(name))
    }
}

/// Why the files may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An operator sent SIGHUP and expects the outcome in the log.
    Hangup,
    /// The watch reported a change.
    Change,
    /// The poll is due.
    Poll,
}

/// Waits for changes of some files.
pub struct FileWatch {
    watched: Arc<Mutex<Vec<Watched>>>,
    watcher: Option<RecommendedWatcher>,
    woken: mpsc::Receiver<()>,
    hangup: Option<Signal>,
    poll: Interval,
}

impl FileWatch {
    /// Watches nothing yet. `what` names the files for the log.
    pub fn new(what: &str) -> Self {
        let (wake, woken) = mpsc::channel(1);
        let watched = Arc::new(Mutex::new(Vec::<Watched>::new()));
        let of_watcher = Arc::clone(&watched);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let watched = of_watcher.lock().unwrap_or_else(PoisonError::into_inner);
            if event.is_ok_and(|event| !concerns(&event, &watched)) {
                return;
            }
            // A full channel means that the task has not seen an earlier event yet.
            let _ = wake.try_send(());
        });
        let watcher = watcher.inspect_err(|error| {
            tracing::warn!("{what} cannot be watched and is checked every {POLL:?} only: {error}");
        });
        let hangup = signal(SignalKind::hangup());
        let hangup = hangup.inspect_err(|error| tracing::warn!("SIGHUP will not reload {what}: {error}"));
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { watched, watcher: watcher.ok(), woken, hangup: hangup.ok(), poll }
    }

    /// Waits until these may have changed. The first call returns at once: they may have changed before. The watch is set before it
    /// returns, so that a change after that is told.
    pub async fn changed(&mut self, watched: Vec<Watched>) -> Cause {
        let cause = tokio::select! {
            () = hung_up(&mut self.hangup) => Cause::Hangup,
            _ = self.woken.recv() => {
                settle(&mut self.woken).await;
                Cause::Change
            }
            _ = self.poll.tick() => Cause::Poll,
        };
        self.arm(watched);
        cause
    }

    /// Watches each thing and the directory that it is in. What is replaced, or a symbolic link that gets another target, shows there,
    /// and only a new watch follows it.
    fn arm(&mut self, watched: Vec<Watched>) {
        let Some(watcher) = &mut self.watcher else { return };
        // Not while the lock is held: the watcher's thread may wait for it, and is waited for here.
        let former = {
            let mut current = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            core::mem::replace(&mut *current, watched.clone())
        };
        for path in folders(&former) {
            // Fails while there is nothing to watch. The poll continues then.
            let _ = watcher.unwatch(path);
        }
        for path in folders(&watched) {
            let _ = watcher.watch(path, RecursiveMode::NonRecursive);
        }
    }
}

/// The directories to watch, each once.
fn folders(watched: &[Watched]) -> Vec<&Path> {
    let each = watched.iter().flat_map(|one| {
        let itself = one.is_part.map(|_| one.path.as_path());
        one.path.parent().into_iter().chain(itself)
    });
    let mut folders: Vec<&Path> = each.collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

/// Whether the event may be a change of what is watched. This process's own reading shows as access.
fn concerns(event: &Event, watched: &[Watched]) -> bool {
    let written = match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    let is_watched = |path: &PathBuf| watched.iter().any(|one| one.concerns(path));
    event.need_rescan() || (written && event.paths.iter().any(is_watched))
}

async fn settle(woken: &mut mpsc::Receiver<()>) {
    let quiet = async { while let Ok(Some(())) = timeout(QUIET, woken.recv()).await {} };
    let _ = timeout(LONGEST_WAIT, quiet).await;
}

async fn hung_up(hangup: &mut Option<Signal>) {
    if let Some(hangup) = hangup
        && hangup.recv().await.is_some()
    {
        return;
    }
    core::future::pending().await
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn only_what_counts_wakes_the_watch() {
        let is_part = |name: &Path| name.extension().is_some_and(|ending| ending == "crt");
        let watched =
            [Watched::directory("/etc/tls".into(), is_part), Watched::file("/etc/mael/config.yaml".into())];
        let concerns = |path: &str| watched.iter().any(|one| one.concerns(Path::new(path)));
        for own in
            ["/etc/tls", "/etc/tls/a.crt", "/etc/tls/..data", "/etc/mael/config.yaml", "/etc/mael/..data"]
        {
            assert!(concerns(own), "{own}");
        }
        for other in ["/etc/tls/trace.log", "/etc/tls.log", "/etc", "/etc/tls2/a.crt", "/etc/mael/node.log"] {
            assert!(!concerns(other), "{other}");
        }
        assert_eq!(folders(&watched), [Path::new("/etc"), Path::new("/etc/mael"), Path::new("/etc/tls")]);
    }

    #[tokio::test]
    async fn the_watch_is_set_anew_while_files_change() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.crt");
        let (done, written) = (Arc::new(AtomicBool::new(false)), file.clone());
        let stop = Arc::clone(&done);
        let writer = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::fs::write(&written, "x").unwrap();
            }
        });
        let mut files = FileWatch::new("a file");
        let (ended, end) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for _ in 0..2000 {
                files.arm(vec![Watched::file(file.clone())]);
            }
            ended.send(()).unwrap();
        });
        let outcome = end.recv_timeout(Duration::from_secs(60));
        done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        outcome.unwrap();
    }
}
