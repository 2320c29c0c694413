//! A keyring on trial: it is in use, and a link that forms with it confirms it.

use node_core::time::{Duration, Instant};

use crate::flash::Edition;

/// A new keyring is dropped when no link forms with it in this time. Dials back off to about 10 s and a handshake takes 10 s at
/// most, so a hub that trusts the keyring is reached several times; and a board with a wrong keyring is back in a minute.
pub(crate) const TRIAL: Duration = Duration::from_secs(60);

/// A keyring on trial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// The keyring.
    pub(crate) edition: Edition,
    /// End of the time in which a link must form.
    pub(crate) until: Instant,
    /// A hub proved its identity on a link whose handshake used this keyring.
    pub(crate) proved: bool,
}

impl Trial {
    /// Begins now.
    pub(crate) fn begin(now: Instant, edition: Edition) -> Self {
        Self { edition, until: now + TRIAL, proved: false }
    }
}
