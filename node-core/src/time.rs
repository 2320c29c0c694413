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

/// What a node knows of wall-clock time when it judges certificate dates.
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
