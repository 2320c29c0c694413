//! Counters of what a machine sent, and of its handshakes.

use crate::time::Instant;

/// Counters of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Messages and datagrams sent.
    pub sent: u64,
    /// Messages and datagrams that arrived.
    pub received: u64,
    /// Bytes sent: payloads, what carries them, pings and handshakes.
    pub bytes: u64,
    /// Pings and answers to pings sent.
    pub pings: u64,
    /// Handshakes begun, on either side.
    pub handshakes: u64,
    /// Dials of other machines to this one, whatever came of them.
    pub dialled: u64,
    /// Most handshakes within one second of the clock.
    pub peak_handshakes: u32,
    /// Most links at once.
    pub peak_links: usize,
    second: u64,
    this_second: u32,
}

impl Traffic {
    /// All zero.
    pub const NONE: Self = Self {
        sent: 0,
        received: 0,
        bytes: 0,
        pings: 0,
        handshakes: 0,
        dialled: 0,
        peak_handshakes: 0,
        peak_links: 0,
        second: 0,
        this_second: 0,
    };

    pub(super) fn send(&mut self, bytes: usize) {
        self.sent += 1;
        self.bytes += bytes as u64;
    }

    pub(super) fn ping(&mut self, bytes: usize) {
        self.pings += 1;
        self.bytes += bytes as u64;
    }

    pub(super) fn handshake(&mut self, now: Instant, bytes: usize) {
        let second = now.as_micros() / 1_000_000;
        if second != self.second {
            (self.second, self.this_second) = (second, 0);
        }
        self.this_second += 1;
        self.handshakes += 1;
        self.bytes += bytes as u64;
        self.peak_handshakes = self.peak_handshakes.max(self.this_second);
    }
}
