//! `maelctl provision`: sends a blob to a board over a serial line, or fetches its request for a certificate, and shows what the board
//! says.

mod conversation;
mod error;
mod line;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use node_core::provision::Blob;
use serde_json::json;
use x509_cert::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

use conversation::{Board, Conversation, PACE};
use line::Line;

pub use error::ProvisionError;

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
        let mut conversation = Conversation::new(Line::open(&self.serial, self.baud)?, PACE);
        let mut board = conversation.identify()?;
        if let Some(blob) = &blob {
            board = conversation.provision(board, blob)?;
        }
        let mut requested = String::new();
        if let Some(path) = &self.request {
            write(path, &conversation.request_certificate()?)?;
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
