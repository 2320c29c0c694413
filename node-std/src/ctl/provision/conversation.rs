//! Requests to a board over a line that may lose or damage any of them, and the board's answers.

use core::time::Duration;
use std::time::Instant;

use node_core::id::Hex;
use node_core::provision::frame::{self, About, Answer, MAX_FRAME, MAX_PAYLOAD, Request};
use node_core::provision::{Blob, BlobError, MAX_BLOB};
use zeroize::Zeroizing;

use super::error::ProvisionError;
use super::line::Line;

/// What a board says of itself.
pub struct Board {
    pub kind: String,
    pub id: String,
    pub key: String,
    pub provisioned: bool,
    /// It took the blob.
    pub taken: bool,
}

impl Board {
    fn new(about: &About<'_>, taken: bool) -> Self {
        let About { kind, id, key, provisioned } = about;
        // The text is a board's. Control characters must not reach the terminal.
        let kind = kind.chars().filter(|letter| !letter.is_control()).collect();
        let key = Hex(&key.to_sec1()).to_string();
        Self { kind, id: id.to_string(), key, provisioned: *provisioned, taken }
    }

    /// Whether it shows that it took a blob since it was `before`.
    fn has_changed_since(&self, before: &Self) -> bool {
        self.provisioned && (!before.provisioned || self.key != before.key)
    }
}

/// How long each copy of a request waits for its answer, and how many copies there are.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Of the question what board it is. A board's bytes may get lost while it starts.
    pub introduction: (Duration, u32),
    /// Of the others. A board checks a signature and writes its flash, for up to several seconds. A slow one gets copies meanwhile, to
    /// which it may answer, too.
    pub store: (Duration, u32),
}

/// Some 30 s in all until a board counts as silent that said what it is.
pub const PACE: Pace = Pace { introduction: (Duration::from_secs(2), 5), store: (Duration::from_secs(5), 4) };

/// Requests and answers over a line.
pub struct Conversation {
    line: Line,
    pace: Pace,
    /// What arrived since the last zero.
    part: Vec<u8>,
}

impl Conversation {
    pub const fn new(line: Line, pace: Pace) -> Self {
        Self { line, pace, part: Vec::new() }
    }

    /// The same, at another pace.
    #[cfg(test)]
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Asks what board it is.
    pub fn identify(&mut self) -> Result<Board, ProvisionError> {
        // No board refuses that: a refusal is of an earlier copy of a blob.
        let board = self.repeat(&Request::Identify, self.pace.introduction, |answer| match answer {
            Answer::Identity(about) => Some(Board::new(&about, false)),
            _ => None,
        });
        board?.ok_or(ProvisionError::Silent)
    }

    /// Sends a blob to the board, which was `before` as it says.
    pub fn provision(&mut self, before: Board, blob: &[u8]) -> Result<Board, ProvisionError> {
        let (timeout, copies) = self.pace.store;
        for copy in 1..=copies {
            let answer = self.converse(&Request::Provision(blob), timeout, |answer| match answer {
                Answer::Provisioned(about) => Some(Ok(Board::new(&about, true))),
                Answer::Refused(reason) => Some(Err(reason.to_owned())),
                _ => None,
            });
            match answer? {
                Some(Ok(board)) => return Ok(board),
                Some(Err(reason)) if copy == 1 => return Err(ProvisionError::Refused(reason)),
                Some(Err(reason)) => return self.settle(before, blob, Some(reason)),
                None => {}
            }
        }
        self.settle(before, blob, None)
    }

    /// Finds out what became of several copies of a blob. The board may have taken one whose answer got lost, and then it refuses the
    /// next one, perhaps for this `refusal`, or no longer listens.
    fn settle(
        &mut self,
        before: Board,
        blob: &[u8],
        mut refusal: Option<String>,
    ) -> Result<Board, ProvisionError> {
        let board = self.repeat(&Request::Identify, self.pace.introduction, |answer| match answer {
            Answer::Identity(about) => Some(Board::new(&about, false)),
            // A slow board is done.
            Answer::Provisioned(about) => Some(Board::new(&about, true)),
            Answer::Refused(reason) => {
                refusal.get_or_insert_with(|| reason.to_owned());
                None
            }
            Answer::CertificateRequest(_) => None,
        })?;
        let (has, keeps_identity) = Blob::read(blob).map_or((None, false), |blob| {
            (Some(BlobError::Old { epoch: blob.epoch, last: blob.epoch }), !blob.new_identity)
        });
        // It is the text of a board that has this very blob. Firmware of another version may have other words for it.
        let has = has.is_some_and(|has| refusal.as_ref() == Some(&has.to_string()));
        match (board, refusal) {
            (Some(board), _) if board.taken || has || board.has_changed_since(&before) => {
                Ok(Board { taken: true, ..board })
            }
            (None, Some(_)) if has && keeps_identity => {
                Ok(Board { provisioned: true, taken: true, ..before })
            }
            // It may have the identity that the blob asks for, which it did not say.
            (None, Some(_)) if has => Err(ProvisionError::Unanswered),
            (_, Some(reason)) => Err(ProvisionError::Refused(reason)),
            (Some(_), None) => Err(ProvisionError::Damaged),
            (None, None) => Err(ProvisionError::Unanswered),
        }
    }

    /// Asks the board for a request for a certificate of its own key, in DER. Every copy of the question gets the same key.
    pub fn request_certificate(&mut self) -> Result<Vec<u8>, ProvisionError> {
        let answer = self.repeat(&Request::RequestCertificate, self.pace.store, |answer| match answer {
            Answer::CertificateRequest(der) => Some(Ok(der.to_vec())),
            Answer::Refused(reason) => Some(Err(ProvisionError::Refused(reason.to_owned()))),
            _ => None,
        });
        match answer? {
            Some(answer) => answer,
            None => Err(match self.identify() {
                Ok(_) => ProvisionError::NoRequests,
                Err(ProvisionError::Silent) => ProvisionError::Vanished,
                Err(error) => error,
            }),
        }
    }

    /// Sends a request until an answer comes that `read` takes. `None`: there was none to any copy.
    fn repeat<T>(
        &mut self,
        request: &Request<'_>,
        (timeout, copies): (Duration, u32),
        mut read: impl FnMut(Answer<'_>) -> Option<T>,
    ) -> Result<Option<T>, ProvisionError> {
        for _ in 0..copies {
            let answer = self.converse(request, timeout, &mut read)?;
            if answer.is_some() {
                return Ok(answer);
            }
        }
        Ok(None)
    }

    /// Sends a request once, and waits for so long for an answer that `read` takes.
    fn converse<T>(
        &mut self,
        request: &Request<'_>,
        timeout: Duration,
        mut read: impl FnMut(Answer<'_>) -> Option<T>,
    ) -> Result<Option<T>, ProvisionError> {
        let mut scratch = Zeroizing::new([0; MAX_PAYLOAD]);
        let mut place = Zeroizing::new([0; MAX_FRAME + 1]);
        let frame = frame::encode(request, &mut scratch[..], &mut place[..]);
        // A blob was checked to have no more than this.
        debug_assert!(frame.is_ok(), "{MAX_BLOB} bytes fit");
        let begun = Instant::now();
        let frame = frame.unwrap_or_default();
        let is_sent = self.line.send(frame)?;
        // A long frame takes its time on a slow line, and may still lie in the buffer of the port.
        let end = if is_sent { Instant::now() + self.line.time_for(frame.len()) } else { begun } + timeout;
        while Instant::now() < end {
            let mut chunk = [0; 256];
            let filled = self.line.receive(&mut chunk)?;
            for byte in chunk.iter().take(filled) {
                if *byte != frame::END {
                    // A log on the same line is as long as it likes.
                    if self.part.len() < MAX_FRAME {
                        self.part.push(*byte);
                    }
                    continue;
                }
                let mut part = core::mem::take(&mut self.part);
                // Else it is no frame at all, or the answer to an earlier question.
                if let Ok(answer) = frame::decode(&mut part)
                    && let Some(answer) = read(answer)
                {
                    return Ok(Some(answer));
                }
            }
        }
        Ok(None)
    }
}
