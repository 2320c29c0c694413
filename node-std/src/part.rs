//! The parts of the daemon: tasks that run until it stops, and that it cannot do without.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;

use tokio::task::JoinHandle;

use crate::daemon::DaemonError;

/// A task and what people call it.
#[derive(Debug)]
pub struct Part {
    name: &'static str,
    task: JoinHandle<Result<(), DaemonError>>,
}

impl Part {
    /// Starts it.
    pub fn spawn(
        name: &'static str,
        run: impl Future<Output = Result<(), DaemonError>> + Send + 'static,
    ) -> Self {
        Self { name, task: tokio::spawn(run) }
    }

    /// Waits until it has ended, which it was asked to.
    pub async fn over(self) {
        // The daemon stops, however this part did.
        let _ = self.task.await;
    }
}

/// Waits until one of `parts` ends though nobody asked it to, and says which and why. None of them can be waited for
/// after that.
pub async fn first_fault(parts: &mut [Part]) -> DaemonError {
    let (part, ended) = poll_fn(|cx| {
        let ended = parts.iter_mut().find_map(|part| match Pin::new(&mut part.task).poll(cx) {
            Poll::Ready(ended) => Some((part.name, ended)),
            Poll::Pending => None,
        });
        ended.map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    match ended {
        Ok(Ok(())) => DaemonError::Ended { part, why: "it returned".to_owned() },
        Ok(Err(error)) => error,
        Err(error) => DaemonError::Ended { part, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;

    use super::*;

    /// What is said when a part with this fate runs beside one that goes on.
    async fn fault(fate: impl Future<Output = Result<(), DaemonError>> + Send + 'static) -> String {
        let mut parts = [Part::spawn("the rest", pending()), Part::spawn("the ears", fate)];
        first_fault(&mut parts).await.to_string()
    }

    #[tokio::test]
    async fn a_part_that_panics_is_named() {
        let told = fault(async { panic!("a mistake") }).await;
        assert!(told.starts_with("the ears ended") && told.contains("a mistake"), "{told}");
    }

    #[tokio::test]
    async fn a_part_that_returns_is_named() {
        let told = fault(async { Ok(()) }).await;
        assert!(told.starts_with("the ears ended"), "{told}");
    }

    #[tokio::test]
    async fn a_part_that_fails_says_why() {
        assert_eq!(
            fault(async { Err(DaemonError::Description) }).await,
            DaemonError::Description.to_string()
        );
    }
}
