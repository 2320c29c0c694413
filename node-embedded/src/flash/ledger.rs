//! The ledger of the keyrings in flash: which one is confirmed, whether the other is on trial, and the epoch of the last one.
//!
//! It is one short record, so that each of its changes is one step.

/// A place for a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    A,
    B,
}

impl Place {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What is known of the keyrings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ledger {
    /// The epoch of the last keyring that arrived, whatever became of it.
    pub(super) epoch: u64,
    /// The place of the confirmed keyring.
    pub(super) confirmed: Place,
    /// The other place holds a keyring on trial, which is in use.
    pub(super) on_trial: bool,
    /// The node started with the keyring on trial.
    pub(super) started: bool,
}

const PLACE_B: u8 = 1;
const ON_TRIAL: u8 = 2;
const STARTED: u8 = 4;

impl Ledger {
    /// Of a board that no keyring arrived at.
    pub(super) const NEW: Self = Self { epoch: 0, confirmed: Place::A, on_trial: false, started: false };

    /// The place of the keyring in use.
    pub(super) const fn in_use(self) -> Place {
        if self.on_trial { self.confirmed.other() } else { self.confirmed }
    }

    /// The epoch, little-endian, and a byte of flags.
    pub(super) fn encode(self) -> [u8; 9] {
        let place = if self.confirmed == Place::B { PLACE_B } else { 0 };
        let [a, b, c, d, e, f, g, h] = self.epoch.to_le_bytes();
        let on_trial = if self.on_trial { ON_TRIAL } else { 0 };
        let started = if self.started { STARTED } else { 0 };
        [a, b, c, d, e, f, g, h, place | on_trial | started]
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch, [flags]) = bytes.split_first_chunk()? else { return None };
        let confirmed = if flags & PLACE_B == 0 { Place::A } else { Place::B };
        let known = flags & !(PLACE_B | ON_TRIAL | STARTED) == 0;
        known.then_some(Self {
            epoch: u64::from_le_bytes(*epoch),
            confirmed,
            on_trial: flags & ON_TRIAL != 0,
            started: flags & STARTED != 0,
        })
    }
}
