//! Keeps on disk what the node must remember, without making the cluster's task wait for the disk.
//!
//! So what is on disk may lag behind what was announced. Who starts again with an incarnation that its peers have seen
//! pass hears of it from them, and goes beyond.

use core::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::config::HostPort;
use crate::data_dir::DataDir;

/// A data directory that is written to in the background: once at a time, and what is newest then.
#[derive(Debug)]
pub(super) struct Memory {
    wanted: watch::Sender<Remembered>,
    keeping: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Remembered {
    incarnation: u64,
    hubs: Vec<HostPort>,
}

impl Memory {
    pub(super) fn of(data_dir: DataDir) -> Self {
        let remembered = Remembered { incarnation: data_dir.incarnation(), hubs: data_dir.hubs().to_vec() };
        let (wanted, changes) = watch::channel(remembered);
        Self { wanted, keeping: tokio::spawn(keep(data_dir, changes)) }
    }

    /// Where other hubs can be dialled.
    pub(super) fn hubs(&self) -> Vec<HostPort> {
        self.wanted.borrow().hubs.clone()
    }

    pub(super) fn set_hubs(&self, hubs: Vec<HostPort>) {
        self.wanted.send_modify(|remembered| remembered.hubs = hubs);
    }

    /// The next start goes beyond this incarnation.
    pub(super) fn raise_incarnation(&self, incarnation: u64) {
        self.wanted.send_modify(|remembered| remembered.incarnation = incarnation);
    }

    /// Returns when everything is on disk.
    pub(super) async fn close(self) {
        drop(self.wanted);
        // It has said itself what it could not write.
        let _ = self.keeping.await;
    }
}

/// Wait before what could not be written is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Writes every change, the last one also after nobody can make another.
async fn keep(mut data_dir: DataDir, mut changes: watch::Receiver<Remembered>) {
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
        let Remembered { incarnation, hubs } = changes.borrow_and_update().clone();
        let writing = spawn_blocking(move || {
            let written = [data_dir.raise_incarnation(incarnation), data_dir.set_hubs(hubs)];
            let failed = written.into_iter().filter_map(Result::err);
            (data_dir, failed.inspect(|error| tracing::warn!("{error}")).count() > 0)
        });
        match writing.await {
            Ok(back) => (data_dir, failed) = back,
            Err(error) => {
                return tracing::error!(
                    "from now on this node remembers nothing for its next start: {error}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A disk that takes its time: the file that is written first is a pipe that nobody reads yet.
    #[tokio::test]
    async fn a_slow_disk_is_not_waited_for_and_the_newest_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        let pipe = dir.path().join("incarnation.new");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let memory = Memory::of(data_dir);
        for incarnation in 10..20 {
            memory.raise_incarnation(incarnation);
            // On the one thread of this test, whoever keeps has seen it after this.
            tokio::task::yield_now().await;
        }
        let content = spawn_blocking(move || {
            // A pipe cannot be synced, so the write fails and removes the pipe.
            let file = std::fs::File::open(&pipe).unwrap();
            std::io::read_to_string(file).unwrap()
        });
        assert!(content.await.unwrap().starts_with("10\n"));
        memory.set_hubs(vec!["10.0.0.1:1".parse().unwrap()]);
        memory.close().await;
        let again = DataDir::open(dir.path()).unwrap();
        assert_eq!((again.incarnation(), again.hubs().len()), (20, 1));
    }

    /// A disk that is full for a while: no file can be made where a directory is.
    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_written_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(dir.path()).unwrap();
        let full = ["incarnation.new", "hubs.new"].map(|name| dir.path().join(name));
        full.iter().for_each(|path| std::fs::create_dir(path).unwrap());
        let memory = Memory::of(data_dir);
        memory.raise_incarnation(10);
        memory.set_hubs(vec!["10.0.0.1:1".parse().unwrap()]);
        tokio::time::sleep(RETRY / 2).await;
        full.iter().for_each(|path| std::fs::remove_dir(path).unwrap());
        tokio::time::sleep(RETRY * 2).await;
        let written =
            ["incarnation", "hubs"].map(|name| std::fs::read_to_string(dir.path().join(name)).unwrap());
        assert_eq!(written, ["10\n", "10.0.0.1:1\n"]);
        memory.close().await;
    }
}
