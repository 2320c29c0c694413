//! `maelctl provision`: sends a blob to a board over a serial line, or fetches its request for a certificate, and shows what the board
//! says.

mod error;
mod line;

use core::time::Duration;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use node_core::id::Hex;
use node_core::provision::frame::{self, About, Answer, MAX_FRAME, MAX_PAYLOAD, Request};
use node_core::provision::{Blob, MAX_BLOB};
use serde_json::json;
use x509_cert::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

use line::Line;

pub use error::ProvisionError;

/// How long a board has to say what it is, and how often it is asked: its bytes may get lost while it starts.
const INTRODUCTION: (Duration, u32) = (Duration::from_secs(2), 5);
/// How long a board has to check a signature and to write its flash.
const STORE: Duration = Duration::from_secs(30);

/// `provision`
#[derive(Clone, Debug, Args)]
pub struct ProvisionFlags {
    /// The blob, NAME.provision. Without one, the board only says what it is.
    #[arg(value_name = "FILE")]
    blob: Option<PathBuf>,

    /// Write the board's request for a certificate of its own TLS key to this new file, for maelctl cert board --request. The first
    /// request makes the key, which stays on the board.
    #[arg(long, value_name = "FILE", conflicts_with = "blob")]
    request: Option<PathBuf>,

    /// The serial port, such as /dev/ttyACM0, or the UNIX socket of an emulator.
    #[arg(long, value_name = "PORT")]
    serial: PathBuf,

    /// The speed of the serial port, in bits a second.
    #[arg(long, value_name = "BAUD", default_value_t = 115_200)]
    baud: u32,
}

impl ProvisionFlags {
    /// Provisions the board, and returns what to print: its id and its public key, to be recorded.
    ///
    /// # Errors
    /// [`ProvisionError`] says what to do.
    pub fn run(&self, json: bool) -> Result<String, ProvisionError> {
        let blob = self.blob.as_ref().map(|path| read(path)).transpose()?;
        let mut conversation = Conversation::new(Line::open(&self.serial, self.baud)?);
        let (timeout, times) = INTRODUCTION;
        let mut board = Err(ProvisionError::Silent);
        for _ in 0..times {
            board = conversation.ask(&Request::Identify, timeout);
            if !matches!(board, Err(ProvisionError::Silent)) {
                break;
            }
        }
        let mut board = board?;
        if let Some(blob) = &blob {
            board = conversation.ask(&Request::Provision(blob), STORE)?;
        }
        let mut requested = String::new();
        if let Some(path) = &self.request {
            let request = conversation.converse(&Request::RequestCertificate, STORE, |answer| match answer {
                Answer::CertificateRequest(der) => Some(der.to_vec()),
                _ => None,
            });
            write(path, &request.map_err(ProvisionError::or_no_requests)?)?;
            let path = path.display();
            requested = format!(
                "wrote {path}\nnext: make its certificate with maelctl cert board --request {path}\n"
            );
        }
        let Board { kind, id, key, provisioned, taken } = board;
        Ok(if json {
            let request = self.request.as_ref().map(|path| path.display().to_string());
            let board = json!({
                "kind": kind, "nodeId": id, "publicKey": key, "provisioned": provisioned, "taken": taken, "request": request,
            });
            format!("{board:#}\n")
        } else {
            let state = match (taken, provisioned) {
                (true, _) => "provisioned now",
                (false, true) => "provisioned before",
                (false, false) => "not provisioned",
            };
            format!("board {kind}, {state}\nid {id}\npublic key {key}\n{requested}")
        })
    }
}

/// Reads a blob, so that no board is asked to take what is none.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ProvisionError> {
    let bytes = std::fs::read(path).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| ProvisionError::File { path: path.to_owned(), error })?;
    Blob::read(&bytes).map_err(|error| ProvisionError::Blob { path: path.to_owned(), error })?;
    Ok(bytes)
}

/// Writes a request as PEM into a file that is not there yet: it may be of another board.
fn write(path: &Path, der: &[u8]) -> Result<(), ProvisionError> {
    // It fails only for a label that is no label.
    let pem = encode_string("CERTIFICATE REQUEST", LineEnding::LF, der).unwrap_or_default();
    let written = File::create_new(path).and_then(|mut file| file.write_all(pem.as_bytes()));
    written.map_err(|error| ProvisionError::Write { path: path.to_owned(), error })
}

/// What a board says of itself.
struct Board {
    kind: String,
    id: String,
    key: String,
    provisioned: bool,
    /// It took the blob.
    taken: bool,
}

impl Board {
    fn new(about: &About<'_>, taken: bool) -> Self {
        let About { kind, id, key, provisioned } = about;
        // The text is a board's. Control characters must not reach the terminal.
        let kind = kind.chars().filter(|letter| !letter.is_control()).collect();
        let key = Hex(&key.to_sec1()).to_string();
        Self { kind, id: id.to_string(), key, provisioned: *provisioned, taken }
    }
}

/// Requests and answers over a line.
struct Conversation {
    line: Line,
    /// What arrived since the last zero.
    part: Vec<u8>,
}

impl Conversation {
    fn new(line: Line) -> Self {
        Self { line, part: Vec::new() }
    }

    /// Sends a request, and waits for so long for what the board says of itself.
    fn ask(&mut self, request: &Request<'_>, timeout: Duration) -> Result<Board, ProvisionError> {
        self.converse(request, timeout, |answer| match (answer, request) {
            (Answer::Identity(about), Request::Identify) => Some(Board::new(&about, false)),
            (Answer::Provisioned(about), Request::Provision(_)) => Some(Board::new(&about, true)),
            _ => None,
        })
    }

    /// Sends a request, and waits for so long for an answer that `read` takes.
    fn converse<T>(
        &mut self,
        request: &Request<'_>,
        timeout: Duration,
        read: impl Fn(Answer<'_>) -> Option<T>,
    ) -> Result<T, ProvisionError> {
        let mut scratch = Zeroizing::new([0; MAX_PAYLOAD]);
        let mut place = Zeroizing::new([0; MAX_FRAME + 1]);
        let frame = frame::encode(request, &mut scratch[..], &mut place[..]);
        // A blob was checked to have no more than this.
        debug_assert!(frame.is_ok(), "{MAX_BLOB} bytes fit");
        self.line.send(frame.unwrap_or_default())?;
        let end = Instant::now() + timeout;
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
                // Else it is no frame at all.
                if let Ok(answer) = frame::decode(&mut part) {
                    if let Answer::Refused(reason) = answer {
                        return Err(ProvisionError::Refused(reason.to_owned()));
                    }
                    // Else it is an answer to an earlier question.
                    if let Some(answer) = read(answer) {
                        return Ok(answer);
                    }
                }
            }
        }
        Err(ProvisionError::Silent)
    }
}
