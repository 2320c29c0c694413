//! Time as a parameter: the core reads no clock.

use core::fmt;
use core::ops::{Add, Sub};
pub use core::time::Duration;

/// Monotonic time in microseconds since the caller's start. It never goes backwards between two calls
/// on one state machine; wall-clock time is separate and optional (see [`UnixTime`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant {
    micros: u64,
}

impl Instant {
    /// The caller's start.
    pub const START: Self = Self { micros: 0 };

    /// A time `micros` microseconds after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// Microseconds since the start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// Time since `earlier`, zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        let micros = u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX);
        Self { micros: self.micros.saturating_add(micros) }
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        let micros = u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX);
        Self { micros: self.micros.saturating_sub(micros) }
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.micros / 1_000_000, self.micros % 1_000_000)
    }
}

/// Wall-clock time in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct UnixTime(pub u64);

/// The wall-clock time that a node judges certificate dates by.
///
/// As in Matter: a certificate's *not after* is held against the best known time, its *not before* only
/// against a reliable one, so that a board that boots in 1970 can join and still refuses what had expired
/// before it was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallClock {
    /// A clock that is set: both ends of a validity period are judged.
    Reliable(UnixTime),
    /// The true time is this or later: only the end of a validity period is judged.
    NotBefore(UnixTime),
}

impl WallClock {
    /// The best known time.
    #[must_use]
    pub const fn best(self) -> UnixTime {
        match self {
            Self::Reliable(time) | Self::NotBefore(time) => time,
        }
    }
}

/// Where the time of a node without a clock comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// No peer said it: the true time is this or later, perhaps by years.
    Floor,
    /// A peer that proved its identity said it, so long ago. It has run on since, by the node's own timer.
    Peer {
        /// Time since then.
        age: Duration,
    },
}

/// The wall-clock time of a node without a clock. It is never earlier than a floor: the time at which the firmware was built,
/// then the times that authenticated peers send.
///
/// The floor runs on between two peers. No peer can raise it into the last 30 days of this node's own certificate, so the holder
/// of one trusted key cannot make the whole cluster look expired.
#[derive(Clone, Copy, Debug)]
pub struct ClockFloor {
    at: Instant,
    time: UnixTime,
    /// When a peer said this time last.
    heard: Option<Instant>,
}

impl ClockFloor {
    /// A floor of `time` at `now`.
    #[must_use]
    pub const fn new(now: Instant, time: UnixTime) -> Self {
        Self { at: now, time, heard: None }
    }

    /// The best known time.
    #[must_use]
    pub const fn time(&self, now: Instant) -> UnixTime {
        UnixTime(self.time.0.saturating_add(now.since(self.at).as_secs()))
    }

    /// Where the time comes from.
    #[must_use]
    pub fn source(&self, now: Instant) -> TimeSource {
        self.heard.map_or(TimeSource::Floor, |heard| TimeSource::Peer { age: now.since(heard) })
    }

    /// The wall clock to judge certificate dates by.
    #[must_use]
    pub const fn wall_clock(&self, now: Instant) -> WallClock {
        WallClock::NotBefore(self.time(now))
    }

    /// Takes the time that an authenticated peer sends. The floor moves forward only, and at most to 30 days before `not_after`,
    /// the end of this node's own certificate. A time that is cut there is not [that of a peer](TimeSource::Peer).
    pub fn hear(&mut self, now: Instant, claim: UnixTime, not_after: UnixTime) {
        const MARGIN: u64 = 30 * 24 * 3600;
        // The floor runs on by this node's timer, and the clocks of peers differ.
        const DRIFT: u64 = 60;
        let latest = UnixTime(not_after.0.saturating_sub(MARGIN));
        let time = self.time(now);
        if claim > latest {
            if latest > time {
                *self = Self::new(now, latest);
            }
        } else if claim > time {
            *self = Self { at: now, time: claim, heard: Some(now) };
        } else if time.0.saturating_sub(claim.0) <= DRIFT {
            self.heard = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_AFTER: UnixTime = UnixTime(5000 + 30 * 24 * 3600);

    fn second(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    #[test]
    fn the_floor_runs_on() {
        let floor = ClockFloor::new(second(10), UnixTime(1000));
        assert_eq!(floor.wall_clock(second(15)), WallClock::NotBefore(UnixTime(1005)));
    }

    #[test]
    fn the_floor_only_rises_and_not_to_the_end_of_the_certificate() {
        let mut floor = ClockFloor::new(second(0), UnixTime(1000));
        floor.hear(second(5), UnixTime(900), NOT_AFTER);
        assert_eq!(floor.time(second(5)), UnixTime(1005));
        floor.hear(second(5), UnixTime(2000), NOT_AFTER);
        assert_eq!(floor.time(second(6)), UnixTime(2001));
        floor.hear(second(6), UnixTime(u64::MAX), NOT_AFTER);
        assert_eq!(floor.time(second(6)), UnixTime(5000));
        floor.hear(second(6), UnixTime(u64::MAX), UnixTime(0));
        assert_eq!(floor.time(second(7)), UnixTime(5001));
    }

    #[test]
    fn the_time_is_that_of_a_peer_only_if_one_said_it() {
        let heard = |claim, not_after| {
            let mut floor = ClockFloor::new(second(0), UnixTime(1000));
            floor.hear(second(5), UnixTime(claim), not_after);
            (floor.source(second(9)), floor.time(second(9)))
        };
        let peer = TimeSource::Peer { age: Duration::from_secs(4) };
        assert_eq!(heard(2000, NOT_AFTER), (peer, UnixTime(2004)));
        // The same time, as far as two clocks agree.
        assert_eq!(heard(945, NOT_AFTER), (peer, UnixTime(1009)));
        // It was said, and is not believed.
        assert_eq!(heard(944, NOT_AFTER), (TimeSource::Floor, UnixTime(1009)));
        assert_eq!(heard(6000, NOT_AFTER), (TimeSource::Floor, UnixTime(5004)));
        assert_eq!(heard(2000, UnixTime(0)), (TimeSource::Floor, UnixTime(1009)));
    }

    #[test]
    fn a_time_that_is_not_believed_does_not_end_one_that_is() {
        let mut floor = ClockFloor::new(second(0), UnixTime(1000));
        floor.hear(second(5), UnixTime(2000), NOT_AFTER);
        floor.hear(second(6), UnixTime(10), NOT_AFTER);
        assert_eq!(floor.source(second(9)), TimeSource::Peer { age: Duration::from_secs(4) });
    }
}
