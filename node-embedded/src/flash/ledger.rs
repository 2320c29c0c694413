//! The ledger of the records in flash: which keyring is confirmed, whether the other is on trial, which settings and which identity
//! key count, and the epoch of the last keyring or blob.
//!
//! It is one short record, so that each of its changes is one step.

/// One of the two places for a record.
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

/// What is known of the records.
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
    /// The place of the settings; `None` on a board that no blob arrived at.
    pub(super) settings: Option<Place>,
    /// The place of the identity key.
    pub(super) identity: Place,
}

const PLACE_B: u8 = 1;
const ON_TRIAL: u8 = 2;
const STARTED: u8 = 4;
const SETTINGS: u8 = 8;
const SETTINGS_B: u8 = 16;
const IDENTITY_B: u8 = 32;

impl Ledger {
    /// Of a board that no keyring and no blob arrived at.
    pub(super) const NEW: Self = Self {
        epoch: 0,
        confirmed: Place::A,
        on_trial: false,
        started: false,
        settings: None,
        identity: Place::A,
    };

    /// The place of the keyring in use.
    pub(super) const fn in_use(self) -> Place {
        if self.on_trial { self.confirmed.other() } else { self.confirmed }
    }

    /// The epoch, little-endian, and a byte of flags.
    pub(super) fn encode(self) -> [u8; 9] {
        let place_b = if self.confirmed == Place::B { PLACE_B } else { 0 };
        let on_trial = if self.on_trial { ON_TRIAL } else { 0 };
        let started = if self.started { STARTED } else { 0 };
        let settings = match self.settings {
            None => 0,
            Some(Place::A) => SETTINGS,
            Some(Place::B) => SETTINGS | SETTINGS_B,
        };
        let identity_b = if self.identity == Place::B { IDENTITY_B } else { 0 };
        let [a, b, c, d, e, f, g, h] = self.epoch.to_le_bytes();
        [a, b, c, d, e, f, g, h, place_b | on_trial | started | settings | identity_b]
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch, [flags]) = bytes.split_first_chunk()? else { return None };
        let has = |flag: u8| flags & flag != 0;
        let place = |flag: u8| if has(flag) { Place::B } else { Place::A };
        let ledger = Self {
            epoch: u64::from_le_bytes(*epoch),
            confirmed: place(PLACE_B),
            on_trial: has(ON_TRIAL),
            started: has(STARTED),
            settings: has(SETTINGS).then(|| place(SETTINGS_B)),
            identity: place(IDENTITY_B),
        };
        // Flags that are not known, or that contradict each other, were never written by this code.
        (ledger.encode() == *bytes).then_some(ledger)
    }
}
