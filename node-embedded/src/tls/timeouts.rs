//! How long a handshake may take.

use embassy_time::Duration;

/// Longest handshake.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a ClientHello, which is a part of it. Somebody who says nothing must not hold a place for long.
#[cfg(feature = "accept")]
pub(super) const FIRST_FLIGHT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait until an alert is on its way.
#[cfg(feature = "accept")]
pub(super) const ALERT_TIMEOUT: Duration = Duration::from_secs(1);
