//! The records of one connection, in memory that the firmware lends. Each record is checked before the TLS library sees it.
//!
//! A peer that has proved nothing must not make this node take much from its heap, which has no other bound. A list in a ClientHello
//! becomes some ten times as long when it is parsed, so long lists are refused here. What is encrypted is checked in the same
//! way when it is decrypted.

use super::error::AcceptError;
use crate::sizes::{TLS_ACCEPT, TLS_ANSWER};

const RECORD_HEADER: usize = 5;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// The shortest encrypted record: a content type and the tag of AES-128-GCM.
const SHORTEST: usize = 17;
/// The ServerHello and a ChangeCipherSpec, beside a record.
const SERVER_HELLO: usize = 256;
/// ClientHellos in a handshake: a second one follows a HelloRetryRequest.
const MAX_HELLOS: u8 = 2;

/// The type of a ClientHello among the handshake messages.
const CLIENT_HELLO: u8 = 1;
/// Most cipher suites, in bytes.
const MAX_SUITES: usize = 128;
/// Most extensions.
const MAX_EXTENSIONS: usize = 32;
/// Longest extension, apart from the two that are long in practice.
const MAX_EXTENSION: usize = 160;
const PADDING: u16 = 21;
const PRE_SHARED_KEY: u16 = 41;
const KEY_SHARE: u16 = 51;
/// Longest list of key shares: X25519MLKEM768 alone has 1,216 bytes.
const MAX_KEY_SHARES: usize = 1600;
const MAX_KEY_SHARE_COUNT: usize = 4;

/// Bytes that arrived, and bytes to send.
pub(crate) struct AcceptRecords {
    incoming: heapless::Vec<u8, { TLS_ACCEPT + RECORD_HEADER }>,
    /// So many bytes at the start of `incoming` are whole records that passed the check.
    checked: usize,
    hellos: u8,
    outgoing: Outgoing,
}

/// Bytes to send.
pub(super) struct Outgoing(heapless::Vec<u8, { TLS_ANSWER + RECORD_HEADER + SERVER_HELLO }>);

impl AcceptRecords {
    pub(crate) const NEW: Self = Self {
        incoming: heapless::Vec::new(),
        checked: 0,
        hellos: 0,
        outgoing: Outgoing(heapless::Vec::new()),
    };

    /// Forgets a former connection.
    pub(crate) fn clear(&mut self) {
        self.incoming.clear();
        self.outgoing.0.clear();
        (self.checked, self.hellos) = (0, 0);
    }

    /// Takes bytes that arrived, as many as there is room for. Returns how many.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> usize {
        let room = self.incoming.capacity() - self.incoming.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        // It fits.
        let _ = self.incoming.extend_from_slice(taken);
        taken.len()
    }

    /// Whether a ClientHello has arrived.
    pub(crate) const fn has_hello(&self) -> bool {
        self.hellos > 0
    }

    /// Checks the records that have arrived whole. A record is checked once, by its header also before it is whole.
    ///
    /// # Errors
    /// [`AcceptError`]: one must not pass.
    pub(super) fn check(&mut self) -> Result<(), AcceptError> {
        loop {
            let rest = self.incoming.get(self.checked..).unwrap_or_default();
            let Some((&[kind, _, _, high, low], body)) = rest.split_first_chunk() else { return Ok(()) };
            let length = usize::from(u16::from_be_bytes([high, low]));
            let fits = match kind {
                HANDSHAKE => self.hellos < MAX_HELLOS && length <= TLS_ACCEPT,
                CHANGE_CIPHER_SPEC => self.has_hello() && length == 1,
                ALERT => self.has_hello() && length == 2,
                APPLICATION_DATA => self.has_hello() && (SHORTEST..=TLS_ACCEPT).contains(&length),
                _ => false,
            };
            if !fits {
                return Err(AcceptError::Record { kind, length });
            }
            let Some(record) = body.get(..length) else { return Ok(()) };
            if kind == HANDSHAKE {
                check_hello(record).ok_or(AcceptError::Hello)?;
                self.hellos += 1;
            }
            self.checked += RECORD_HEADER + length;
        }
    }

    /// The records that passed the check, and the bytes to send.
    pub(super) fn split(&mut self) -> (&mut [u8], &mut Outgoing) {
        let Self { incoming, checked, outgoing, .. } = self;
        (incoming.get_mut(..*checked).unwrap_or_default(), outgoing)
    }

    /// Drops so many bytes of the records that passed the check, from their start.
    pub(super) fn discard(&mut self, bytes: usize) {
        let bytes = bytes.min(self.checked);
        self.checked -= bytes;
        self.incoming.drain(..bytes);
    }

    /// The bytes to send.
    pub(crate) fn outgoing(&self) -> &[u8] {
        &self.outgoing.0
    }

    /// So many of them were sent.
    pub(crate) fn sent(&mut self, bytes: usize) {
        let bytes = bytes.min(self.outgoing.0.len());
        self.outgoing.0.drain(..bytes);
    }
}

impl Outgoing {
    /// Lets `put` write into the room that is left; it returns how many bytes it wrote, or `None` when they do not fit.
    ///
    /// # Errors
    /// [`AcceptError::Room`]: they do not fit.
    pub(super) fn put(&mut self, put: impl FnOnce(&mut [u8]) -> Option<usize>) -> Result<(), AcceptError> {
        let before = self.0.len();
        let room = self.0.resize_default(self.0.capacity());
        debug_assert!(room.is_ok(), "its capacity is its length");
        let written = put(self.0.get_mut(before..).unwrap_or_default());
        self.0.truncate(before + written.unwrap_or_default());
        written.map(|_| ()).ok_or(AcceptError::Room)
    }
}

/// Checks that a record is one whole ClientHello whose lists are short.
fn check_hello(record: &[u8]) -> Option<()> {
    let mut rest = record;
    let [kind, high, middle, low] = *take(&mut rest, 4)?.first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?;
    if kind != CLIENT_HELLO || length != rest.len() {
        return None;
    }
    // The version and the random number.
    take(&mut rest, 34)?;
    let session = take_list(&mut rest, 1)?;
    let suites = take_list(&mut rest, 2)?;
    let compression = take_list(&mut rest, 1)?;
    if session.len() > 32 || suites.len() > MAX_SUITES || compression.len() > 8 {
        return None;
    }
    let mut extensions = take_list(&mut rest, 2)?;
    let mut count = 0;
    while !extensions.is_empty() {
        let [high, low] = *take(&mut extensions, 2)?.first_chunk()?;
        let body = take_list(&mut extensions, 2)?;
        let most = match u16::from_be_bytes([high, low]) {
            PRE_SHARED_KEY => return None,
            PADDING => TLS_ACCEPT,
            KEY_SHARE => {
                check_key_shares(body)?;
                MAX_KEY_SHARES
            }
            _ => MAX_EXTENSION,
        };
        count += 1;
        if body.len() > most || count > MAX_EXTENSIONS {
            return None;
        }
    }
    rest.is_empty().then_some(())
}

fn check_key_shares(body: &[u8]) -> Option<()> {
    let mut rest = body;
    let mut shares = take_list(&mut rest, 2)?;
    for _ in 0..MAX_KEY_SHARE_COUNT {
        if shares.is_empty() {
            break;
        }
        take(&mut shares, 2)?;
        take_list(&mut shares, 2)?;
    }
    shares.is_empty().then_some(())
}

/// The next so many bytes.
fn take<'b>(rest: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

/// The next bytes, whose count comes first, in so many bytes.
fn take_list<'b>(rest: &mut &'b [u8], prefix: usize) -> Option<&'b [u8]> {
    let count = take(rest, prefix)?.iter().fold(0, |count, byte| count << 8 | usize::from(*byte));
    take(rest, count)
}
