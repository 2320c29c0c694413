//! A board on a serial line: it says what it is, asks for a certificate, and takes a blob.

use core::fmt::Write as _;

use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::id::Hex;
use node_core::provision::Blob;
use node_core::provision::frame::{self, About, Answer, MAX_ANSWER, MAX_TEXT, Request};

use super::{Installer, ProvisionError, Provisioner};
use crate::flash::Wiped;
use crate::log::{information, warning};
use crate::sizes::SCRATCH;

/// Bytes that are read at once.
const CHUNK: usize = 32;

impl<G: CryptoRngCore, F: NorFlash> Provisioner<'_, G, F> {
    /// Answers on a serial line until a blob is taken. Returns false when the line ended before.
    ///
    /// A blob takes at most [`SCRATCH`] bytes as a frame.
    ///
    /// # Errors
    /// The line failed. What arrived of a frame is forgotten.
    pub async fn serve<S: Read + Write>(&mut self, line: &mut S) -> Result<bool, S::Error> {
        let Self { installer, buffer } = self;
        let buffer = Wiped(buffer);
        if !installer.store.has_settings() {
            information!(
                "this board is not provisioned, and waits for a blob: kind {}, id {}, public key {}",
                installer.kind,
                installer.id(),
                Hex(&installer.identity.to_sec1())
            );
        }
        let mut filled = Some(0);
        let mut chunk = [0; CHUNK];
        loop {
            let read = line.read(&mut chunk).await?;
            if read == 0 {
                return Ok(false);
            }
            for byte in chunk.iter().take(read) {
                if *byte != frame::END {
                    filled = filled.and_then(|at: usize| keep(buffer.0, at, *byte));
                    continue;
                }
                let outcome = match filled.replace(0) {
                    Some(0) => continue,
                    Some(length) => installer.handle(buffer.0, length).await,
                    None => Some(refuse(buffer.0, &TooLong)),
                };
                let Some(Written { length, taken }) = outcome else { continue };
                line.write_all(buffer.0.get(..length).unwrap_or_default()).await?;
                line.flush().await?;
                if taken {
                    return Ok(true);
                }
            }
        }
    }
}

/// An answer at the start of the buffer.
struct Written {
    length: usize,
    /// A blob was taken.
    taken: bool,
}

impl<G: CryptoRngCore, F: NorFlash> Installer<'_, G, F> {
    /// Does what the first `length` bytes of `buffer` ask for, and puts the answer in their place. `None`: they ask for nothing.
    async fn handle(&mut self, buffer: &mut [u8; SCRATCH], length: usize) -> Option<Written> {
        let blob = match frame::decode(buffer.get_mut(..length)?).ok()? {
            Request::Identify => return Some(answer(buffer, &Answer::Identity(self.about()))),
            // As firmware that never heard of it.
            #[cfg(not(feature = "tls-key"))]
            Request::RequestCertificate => return None,
            #[cfg(feature = "tls-key")]
            Request::RequestCertificate => {
                return Some(match self.certificate_request().await {
                    Ok(request) => answer(buffer, &Answer::CertificateRequest(&request)),
                    Err(error) => refuse(buffer, &error),
                });
            }
            Request::Provision(blob) => blob,
        };
        let taken = match Blob::read(blob) {
            Ok(blob) => self.take(&blob).await,
            Err(error) => Err(ProvisionError::Blob(error)),
        };
        Some(match taken {
            Ok(()) => Written { taken: true, ..answer(buffer, &Answer::Provisioned(self.about())) },
            Err(error) => {
                warning!("the blob is refused: {}", error);
                refuse(buffer, &error)
            }
        })
    }

    fn about(&self) -> About<'_> {
        About { kind: self.kind, id: self.id(), key: self.identity, provisioned: self.store.has_settings() }
    }
}

/// Keeps a byte of a frame. `None` when there is no more room.
fn keep(buffer: &mut [u8; SCRATCH], at: usize, byte: u8) -> Option<usize> {
    *buffer.get_mut(at)? = byte;
    Some(at + 1)
}

/// The frame was longer than the buffer.
struct TooLong;

impl core::fmt::Display for TooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "the blob is longer than this board takes over serial, some {SCRATCH} bytes: remove old slots of the keyring"
        )
    }
}

fn refuse(buffer: &mut [u8; SCRATCH], why: &dyn core::fmt::Display) -> Written {
    let mut text: heapless::String<MAX_TEXT> = heapless::String::new();
    // A longer text is cut off.
    let _ = write!(text, "{why}");
    answer(buffer, &Answer::Refused(&text))
}

/// Puts an answer at the start of the buffer.
fn answer(buffer: &mut [u8; SCRATCH], answer: &Answer<'_>) -> Written {
    let (place, scratch) = buffer.split_at_mut(SCRATCH / 2);
    let scratch = scratch.get_mut(..MAX_ANSWER).unwrap_or_default();
    let length = frame::encode(answer, scratch, place).map_or(0, <[u8]>::len);
    Written { length, taken: false }
}
