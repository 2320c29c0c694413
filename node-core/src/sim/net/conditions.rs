//! How good the network is.

use crate::time::{Duration, Instant};

/// Bytes that carry one message of a link: headers of IP and TCP with timestamps (52), a TLS record (22). Each message is
/// taken to travel alone.
pub const LINK_OVERHEAD: usize = 74;
/// Bytes that carry one datagram: headers of IP and UDP.
pub const DATAGRAM_OVERHEAD: usize = 28;
/// Bytes that each side sends to open a link: TCP, and TLS with a certificate from both.
pub const HANDSHAKE_BYTES: usize = 2048;
/// A dial that has not opened by then has failed.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// First wait of TCP before it sends a lost packet again; it doubles each time.
const RETRANSMISSION: Duration = Duration::from_millis(200);
/// Most losses of one packet in a row.
const MAX_LOSSES: u32 = 8;

/// How the network treats what it carries, the same for every pair of machines.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Shortest one-way delay between two machines.
    pub delay: Duration,
    /// Random addition to the delay, up to this.
    pub jitter: Duration,
    /// Share of packets that are lost, 0 to 1. A lost datagram is gone. On a link everything after a lost packet waits until
    /// TCP has sent it again.
    pub loss: f64,
    /// Bytes a second in each direction of each link.
    pub bandwidth: u64,
    /// Bytes that wait on a link before its sender has to wait.
    pub buffer: usize,
    /// Mean life of a link until the network breaks it; `None` when it never does.
    pub link_life: Option<Duration>,
    /// Time after which an end that hears nothing pings; after as much time again the link is dead.
    pub ping_after: Duration,
}

impl Default for Conditions {
    /// Half a millisecond to twenty, no loss, no limit of bandwidth.
    fn default() -> Self {
        Self {
            delay: Duration::from_micros(500),
            jitter: Duration::from_micros(19_500),
            loss: 0.0,
            bandwidth: u64::MAX,
            buffer: usize::MAX,
            link_life: None,
            ping_after: Duration::from_secs(5),
        }
    }
}

impl Conditions {
    /// The mean one-way delay: one round of an epidemic.
    #[must_use]
    pub fn round(&self) -> Duration {
        self.delay + self.jitter / 2
    }

    /// Time after which an end that hears nothing finds its link dead.
    #[must_use]
    pub fn link_timeout(&self) -> Duration {
        self.ping_after * 2
    }

    /// A random one-way delay of one packet that is not lost.
    pub(super) fn one_way_delay(&self, rng: &mut fastrand::Rng) -> Duration {
        let jitter = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
        self.delay + Duration::from_micros(rng.u64(0..=jitter))
    }

    /// The same on a link, where TCP sends a lost packet again.
    pub(super) fn reliable_delay(&self, rng: &mut fastrand::Rng) -> Duration {
        let losses = (0..MAX_LOSSES).take_while(|_| self.is_lost(rng)).count();
        self.one_way_delay(rng) + (0..losses as u32).map(|nth| RETRANSMISSION * (1 << nth)).sum::<Duration>()
    }

    pub(super) fn is_lost(&self, rng: &mut fastrand::Rng) -> bool {
        self.loss > 0.0 && rng.f64() < self.loss
    }

    /// How long `bytes` take to leave.
    pub(super) fn departure(&self, bytes: usize) -> Duration {
        let micros = (bytes as u64).saturating_mul(1_000_000).checked_div(self.bandwidth).unwrap_or(u64::MAX);
        Duration::from_micros(micros)
    }

    /// Bytes that leave within `time`.
    pub(super) fn departing(&self, time: Duration) -> usize {
        let bytes = time.as_micros().saturating_mul(self.bandwidth.into()) / 1_000_000;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// How long a link lives before the network breaks it.
    pub(super) fn link_life(&self, rng: &mut fastrand::Rng) -> Option<Duration> {
        let mean = u64::try_from(self.link_life?.as_micros()).unwrap_or(u64::MAX);
        Some(Duration::from_micros(rng.u64(0..=mean.saturating_mul(2))))
    }
}

/// When TCP next tries to send after an outage from `cut` to `healed`.
pub(super) fn next_attempt(cut: Instant, healed: Instant) -> Instant {
    let mut wait = RETRANSMISSION;
    let mut attempt = cut + wait;
    while attempt < healed {
        wait *= 2;
        attempt = attempt + wait;
    }
    attempt
}
