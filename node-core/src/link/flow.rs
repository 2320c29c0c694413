//! Credit-based flow control: bytes are sent only against credit that the receiver gave.

/// The sending end: bytes that may still be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Credit(u32);

impl Credit {
    pub(super) const fn new(bytes: u32) -> Self {
        Self(bytes)
    }

    pub(super) const fn available(self) -> usize {
        self.0 as usize
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    pub(super) const fn add(&mut self, bytes: u32) {
        self.0 = self.0.saturating_add(bytes);
    }
}

/// The receiving end: bytes that the peer may still send, and bytes consumed here that it was not told of yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    size: u32,
    open: u32,
    consumed: u32,
}

impl Window {
    pub(super) const fn new(size: u32) -> Self {
        Self { size, open: size, consumed: 0 }
    }

    /// Takes `bytes` that arrived; `false` when the peer had no credit for them.
    #[must_use]
    pub(super) fn receive(&mut self, bytes: usize) -> bool {
        match u32::try_from(bytes).ok().and_then(|bytes| self.open.checked_sub(bytes)) {
            Some(left) => {
                self.open = left;
                true
            }
            None => false,
        }
    }

    /// Notes that `bytes` which arrived were consumed; more than arrived count for nothing.
    pub(super) fn consume(&mut self, bytes: usize) {
        let outstanding = self.size - self.open - self.consumed;
        self.consumed += u32::try_from(bytes).unwrap_or(u32::MAX).min(outstanding);
    }

    /// Credit worth a frame: half of the window, so that a frame of credit serves many frames of data.
    pub(super) const fn due(&self) -> bool {
        self.consumed > 0 && self.consumed >= self.size / 2
    }

    /// The credit to give now.
    pub(super) const fn grant(&mut self) -> u32 {
        let grant = self.consumed;
        self.consumed = 0;
        self.open += grant;
        grant
    }
}
