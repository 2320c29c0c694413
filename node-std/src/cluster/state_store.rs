//! Stores the state that the node needs at its next start. The task of the cluster does not wait for the disk.
//!
//! So the disk may lag behind what this node announced. A node that starts again with an incarnation that its peers have already
//! seen learns theirs from them, and continues with a higher one.

use core::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::config::HostPort;
use crate::data_dir::DataDir;

/// A data directory that is written in the background, one write at a time. Each write takes the newest state.
#[derive(Debug)]
pub(super) struct StateStore {
    state: watch::Sender<Stored>,
    writer: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Stored {
    incarnation: u64,
    hubs: Vec<HostPort>,
}

impl StateStore {
    pub(super) fn new(data_dir: DataDir) -> Self {
        let stored = Stored { incarnation: data_dir.incarnation(), hubs: data_dir.hubs().to_vec() };
        let (state, changes) = watch::channel(stored);
        Self { state, writer: tokio::spawn(write_changes(data_dir, changes)) }
    }

    /// Addresses of other hubs.
    pub(super) fn hubs(&self) -> Vec<HostPort> {
        self.state.borrow().hubs.clone()
    }

    pub(super) fn set_hubs(&self, hubs: Vec<HostPort>) {
        self.state.send_modify(|stored| stored.hubs = hubs);
    }

    /// The next start uses a higher incarnation than this.
    pub(super) fn raise_incarnation(&self, incarnation: u64) {
        self.state.send_modify(|stored| stored.incarnation = incarnation);
    }

    /// Returns when everything is on disk.
    pub(super) async fn close(self) {
        drop(self.state);
        // The writer has logged its own errors.
        let _ = self.writer.await;
    }
}

/// The pause before a failed write is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Writes every change. Ends when the sender is gone and the last change is written.
async fn write_changes(mut data_dir: DataDir, mut changes: watch::Receiver<Stored>) {
    let mut failed = false;
    let mut over = false;
    while !over {
        over = match failed {
            true => timeout(RETRY, changes.changed()).await.is_ok_and(|changed| changed.is_err()),
            false => changes.changed().await.is_err(),
        };
        if over && !failed {
            return;
        }
        let Stored { incarnation, hubs } = changes.borrow_and_update().clone();
        let writing = spawn_blocking(move || {
            let written = [data_dir.raise_incarnation(incarnation), data_dir.set_hubs(hubs)];
            let failed = written.into_iter().filter_map(Result::err);
            (data_dir, failed.inspect(|error| tracing::warn!("{error}")).count() > 0)
        });
        match writing.await {
            Ok(back) => (data_dir, failed) = back,
            Err(error) => {
                return tracing::error!("from now on this node stores nothing for its next start: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The disk is slow: the file that is written first is a pipe without a reader.
    #[tokio::test]
    async fn a_slow_disk_is_not_waited_for_and_the_newest_state_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        let pipe = dir.path().join("incarnation.new");
        // Not by a program: a fork holds the locks of data directories that other tests have open.
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let store = StateStore::new(data_dir);
        for incarnation in 10..20 {
            store.raise_incarnation(incarnation);
            // The test has one thread: the writer has seen the change after this.
            tokio::task::yield_now().await;
        }
        let content = spawn_blocking(move || {
            // A pipe cannot be synced, so the write fails and removes the pipe.
            let file = std::fs::File::open(&pipe).unwrap();
            std::io::read_to_string(file).unwrap()
        });
        assert!(content.await.unwrap().starts_with("10\n"));
        store.set_hubs(vec!["10.0.0.1:1".parse().unwrap()]);
        store.close().await;
        let again = DataDir::open(dir.path()).unwrap();
        assert_eq!((again.incarnation(), again.hubs().len()), (20, 1));
    }

    /// The disk is full for a while: a directory is in the place of the file.
    #[tokio::test(start_paused = true)]
    async fn a_failed_write_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        let full = ["incarnation.new", "hubs.new"].map(|name| dir.path().join(name));
        full.iter().for_each(|path| std::fs::create_dir(path).unwrap());
        let store = StateStore::new(data_dir);
        store.raise_incarnation(10);
        store.set_hubs(vec!["10.0.0.1:1".parse().unwrap()]);
        tokio::time::sleep(RETRY / 2).await;
        full.iter().for_each(|path| std::fs::remove_dir(path).unwrap());
        tokio::time::sleep(RETRY * 2).await;
        let written =
            ["incarnation", "hubs"].map(|name| std::fs::read_to_string(dir.path().join(name)).unwrap());
        assert_eq!(written, ["10\n", "10.0.0.1:1\n"]);
        store.close().await;
    }
}
