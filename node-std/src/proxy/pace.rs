//! A least transfer rate: who sends or reads more slowly than that gives its place to others. Only the time counts in which the
//! other side is waited for. A fast start earns no more than the first grace, so whoever stops is given up soon.

use core::task::Context;
use core::time::Duration;

use tokio::time::Instant;

use super::alarm::Alarm;

/// How long a sender may take however little it sends.
const GRACE: Duration = Duration::from_secs(10);

/// How fast a body moves.
#[derive(Debug)]
pub(crate) struct Pace {
    /// In bytes a second. With 0 it may take for ever.
    least: u64,
    /// How long the other side may still be waited for.
    left: Duration,
    since: Option<Instant>,
    alarm: Alarm,
}

impl Pace {
    /// At least so many bytes a second.
    pub(crate) fn new(least: u64) -> Self {
        Self { least, left: GRACE, since: None, alarm: Alarm::default() }
    }

    /// A new body.
    pub(crate) const fn restart(&mut self) {
        (self.left, self.since) = (GRACE, None);
        self.alarm.clear();
    }

    /// So many bytes moved. They earn the time that they may take.
    pub(crate) fn moved(&mut self, bytes: usize) {
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        if self.least > 0 && (waited > Duration::ZERO || self.left < GRACE) {
            let earned = Duration::from_millis((bytes as u64).saturating_mul(1000) / self.least.max(1));
            self.left = self.left.saturating_sub(waited).saturating_add(earned).min(GRACE);
        }
    }

    /// Nothing moves. Returns whether the other side is too slow; if not, the task is woken when it may be.
    pub(crate) fn waits(&mut self, cx: &mut Context<'_>) -> bool {
        if self.least == 0 {
            return false;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        self.alarm.set(since + self.left);
        self.alarm.poll(cx).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use core::task::Waker;

    use super::*;

    async fn wait(pace: &mut Pace, millis: u64) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let late = pace.waits(&mut cx);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        late || pace.waits(&mut cx)
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_the_rate_may_go_on_for_ever() {
        let mut pace = Pace::new(1000);
        for _ in 0..1000 {
            assert!(!wait(&mut pace, 1000).await);
            pace.moved(1000);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slower_is_given_up_when_the_grace_is_used_up() {
        let mut pace = Pace::new(1000);
        let mut seconds = 0;
        while !wait(&mut pace, 1000).await {
            pace.moved(500);
            seconds += 1;
        }
        assert!((18..=20).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_start_earns_no_more_than_the_grace() {
        let mut pace = Pace::new(1000);
        pace.moved(100_000_000);
        assert!(!wait(&mut pace, 9000).await);
        assert!(wait(&mut pace, 2000).await);
    }
}
