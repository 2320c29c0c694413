//! The subsystems of the daemon: tasks that run until it stops. The daemon cannot run without any of them.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;

use tokio::task::JoinHandle;

use super::error::DaemonError;

/// A task with a name for the log.
#[derive(Debug)]
pub(super) struct Subsystem {
    name: &'static str,
    task: JoinHandle<Result<(), DaemonError>>,
}

impl Subsystem {
    /// Starts a task that may fail.
    pub(super) fn spawn(
        name: &'static str,
        run: impl Future<Output = Result<(), DaemonError>> + Send + 'static,
    ) -> Self {
        Self { name, task: tokio::spawn(run) }
    }

    /// Starts a task that does not fail, and that ends only with the daemon.
    pub(super) fn endless(name: &'static str, run: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::spawn(name, async {
            run.await;
            Ok(())
        })
    }

    /// Waits for its end, after it was told to end.
    pub(super) async fn wait(self) {
        // The daemon stops, whether or not the task failed.
        let _ = self.task.await;
    }
}

/// Waits until one of `subsystems` ends unexpectedly, and returns which one and why. After that, none of them can be waited
/// for.
pub(super) async fn first_fault(subsystems: &mut [Subsystem]) -> DaemonError {
    let (subsystem, ended) = poll_fn(|cx| {
        let ended = subsystems.iter_mut().find_map(|one| match Pin::new(&mut one.task).poll(cx) {
            Poll::Ready(ended) => Some((one.name, ended)),
            Poll::Pending => None,
        });
        ended.map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    match ended {
        Ok(Ok(())) => DaemonError::Ended { subsystem, why: "it returned".to_owned() },
        Ok(Err(error)) => error,
        Err(error) => DaemonError::Ended { subsystem, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;

    use node_core::crypto::SignError;
    use node_core::gossip::PublishError;

    use super::*;

    /// The error when a subsystem ends like this beside another one that runs on.
    async fn fault(end: impl Future<Output = Result<(), DaemonError>> + Send + 'static) -> String {
        let mut subsystems = [Subsystem::spawn("the rest", pending()), Subsystem::spawn("the ears", end)];
        first_fault(&mut subsystems).await.to_string()
    }

    #[tokio::test]
    async fn a_subsystem_that_panics_is_named() {
        let error = fault(async { panic!("a mistake") }).await;
        assert!(error.starts_with("the ears ended") && error.contains("a mistake"), "{error}");
    }

    #[tokio::test]
    async fn a_subsystem_that_returns_is_named() {
        let error = fault(async { Ok(()) }).await;
        assert!(error.starts_with("the ears ended"), "{error}");
    }

    #[tokio::test]
    async fn a_subsystem_that_fails_says_why() {
        let unsigned = || DaemonError::Publish(PublishError::Sign(SignError));
        assert_eq!(fault(async move { Err(unsigned()) }).await, unsigned().to_string());
    }
}
