//! Checks the headers of TLS records, which embedded-tls 0.19 does not.
//!
//! embedded-tls panics on an empty encrypted record and on a plaintext handshake record after the handshake. It accepts
//! a plaintext close_notify as if the peer had authenticated it. So the guard checks the header of each record before it
//! passes a byte on:
//!
//! | record | the guard passes |
//! |---|---|
//! | first record | one handshake record (ServerHello), or an alert |
//! | second record | one ChangeCipherSpec of the single byte 1 (RFC 8446, appendix D.4) |
//! | from then on | application data: 17 bytes (a content type and a tag) up to the record buffer |

use core::fmt;

use embedded_io_async::{ErrorKind, ErrorType, Read};
use thiserror::Error;

const RECORD_HEADER: usize = 5;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// The shortest encrypted record: a content type and the tag of AES-128-GCM.
const SHORTEST: usize = 17;

/// Reads TLS records and passes on those that are allowed at this point.
///
/// After an error it reads nothing more.
pub(crate) struct Guard<R> {
    inner: R,
    longest: usize,
    expected: Expected,
    header: [u8; RECORD_HEADER],
    /// Bytes of `header` that arrived, and bytes of it that were passed on.
    arrived: usize,
    passed: usize,
    /// Bytes of the record that are still to come.
    rest: usize,
    /// Bytes of the whole record.
    length: usize,
    violation: Option<Violation>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Nothing has arrived.
    ServerHello,
    /// ServerHello has arrived: one ChangeCipherSpec is allowed.
    ChangeCipherSpec,
    /// Every record is encrypted.
    Encrypted,
}

impl<R: Read> Guard<R> {
    /// Guards a connection that was just opened. Records have at most `longest` bytes after their header.
    pub(crate) const fn new(inner: R, longest: usize) -> Self {
        Self {
            inner,
            longest,
            expected: Expected::ServerHello,
            header: [0; RECORD_HEADER],
            arrived: 0,
            passed: RECORD_HEADER,
            rest: 0,
            length: 0,
            violation: None,
        }
    }

    /// The record that was refused.
    pub(crate) const fn violation(&self) -> Option<Violation> {
        self.violation
    }

    /// Bytes of the record that was passed on last, without its header.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    async fn next_header(&mut self) -> Result<bool, GuardError<R::Error>> {
        while self.arrived < RECORD_HEADER {
            let missing = self.header.get_mut(self.arrived..).unwrap_or_default();
            match self.inner.read(missing).await.map_err(GuardError::Carrier)? {
                0 => return Ok(false),
                read => self.arrived += read,
            }
        }
        self.arrived = 0;
        self.passed = 0;
        Ok(true)
    }

    fn check(&mut self) -> Result<(), Violation> {
        let [kind, _, _, high, low] = self.header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let violation = Violation { kind, length };
        let (fits, next) = match (self.expected, kind) {
            (Expected::ServerHello, HANDSHAKE) => {
                ((1..=self.longest).contains(&length), Expected::ChangeCipherSpec)
            }
            (Expected::ServerHello, ALERT) => (length == 2, Expected::ServerHello),
            (Expected::ChangeCipherSpec, CHANGE_CIPHER_SPEC) => (length == 1, Expected::Encrypted),
            (Expected::ChangeCipherSpec | Expected::Encrypted, APPLICATION_DATA) => {
                ((SHORTEST..=self.longest).contains(&length), Expected::Encrypted)
            }
            _ => (false, self.expected),
        };
        if !fits {
            return Err(violation);
        }
        self.expected = next;
        self.rest = length;
        self.length = length;
        Ok(())
    }

    const fn refuse<E>(&mut self, violation: Violation) -> GuardError<E> {
        self.violation = Some(violation);
        GuardError::Violation(violation)
    }

    fn pass_header(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = self.header.get(self.passed..).unwrap_or_default();
        let count = waiting.len().min(buffer.len());
        buffer.iter_mut().zip(waiting).for_each(|(to, from)| *to = *from);
        self.passed += count;
        count
    }
}

impl<R: ErrorType> ErrorType for Guard<R> {
    type Error = GuardError<R::Error>;
}

impl<R: Read> Read for Guard<R> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        if let Some(violation) = self.violation {
            return Err(GuardError::Violation(violation));
        }
        if self.passed == RECORD_HEADER && self.rest == 0 {
            if !self.next_header().await? {
                return Ok(0);
            }
            self.check().map_err(|violation| self.refuse(violation))?;
        }
        if self.passed < RECORD_HEADER {
            return Ok(self.pass_header(buffer));
        }
        let wanted = self.rest.min(buffer.len());
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.inner.read(part).await.map_err(GuardError::Carrier)?;
        self.rest = self.rest.saturating_sub(read);
        let [kind, ..] = self.header;
        if kind == CHANGE_CIPHER_SPEC && part.first().is_some_and(|byte| *byte != 1) {
            return Err(self.refuse(Violation { kind, length: 1 }));
        }
        Ok(read)
    }
}

/// A record that is not allowed at this point, or not in this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The record's content type.
    pub kind: u8,
    /// Bytes that it announces.
    pub length: usize,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, length } = self;
        let kind = match *kind {
            CHANGE_CIPHER_SPEC => "ChangeCipherSpec",
            ALERT => "plaintext alert",
            HANDSHAKE => "plaintext handshake",
            APPLICATION_DATA => "encrypted",
            _ => "unknown",
        };
        write!(
            f,
            "the hub sent a TLS record that is not allowed at this point ({kind}, {length} bytes): it is no Maelstrom \
             hub, or its records are longer than this board accepts"
        )
    }
}

/// Why the guard reads no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum GuardError<E> {
    #[error("{0}")]
    Carrier(E),
    #[error("{0}")]
    Violation(Violation),
}

impl<E: embedded_io_async::Error> embedded_io_async::Error for GuardError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Carrier(error) => error.kind(),
            Self::Violation(_) => ErrorKind::InvalidData,
        }
    }
}
