//! Why a board starts, in words that all chips share.

use defmt::{Format, info, warn};

/// The cause of the last reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Format)]
pub enum Cause {
    /// The power came on.
    PowerOn,
    /// The supply was too low for a moment.
    BrownOut,
    /// The reset pin, or a debugger.
    Pin,
    /// The watchdog was not fed in time.
    Watchdog,
    /// The firmware: after a panic, a fault, or a failed start.
    Software,
    /// Another one: the bits by which the chip tells.
    Other(u32),
}

/// Logs the cause. One that a person may have to look at is a warning.
pub fn log(cause: Cause) {
    match cause {
        Cause::PowerOn | Cause::Pin => info!("reset: {}", cause),
        Cause::BrownOut | Cause::Watchdog | Cause::Software | Cause::Other(_) => warn!("reset: {}", cause),
    }
}
