//! `maelctl cert`: makes and shows certificates. No node is asked, and nothing is sent.
//!
//! rcgen writes certificates and lists, x509-cert reads them, and the crypto library of TLS signs:
//!
//! ```text
//! flags -> { authority, key, names } -> draft -> files -> report
//! ```

mod authority;
mod blob;
mod blob_flags;
mod board;
mod board_request;
mod ca;
mod crl;
mod directory;
mod draft;
mod error;
mod files;
mod flags;
mod info;
mod issuer_name;
mod key;
mod leaf;
mod names;
mod operator_issuer;
mod pem_file;
mod report;
mod revocation_list;
mod signature;

pub use error::CertError;
pub use flags::CertCommand;

/// What a command prints, and the exit status after that.
pub struct Outcome {
    /// The text for the standard output.
    pub text: String,
    /// The lines for the standard error.
    pub problems: Vec<String>,
    /// The exit status.
    pub status: u8,
}

/// Runs a command. Files that it makes are whole or absent.
///
/// # Errors
/// [`CertError`] names the file and says what to do.
pub fn run(command: &CertCommand, json: bool) -> Result<Outcome, CertError> {
    let report = match command {
        CertCommand::Info(flags) => return Ok(info::run(flags, json)),
        CertCommand::Ca(flags) => ca::run(flags),
        CertCommand::Agent(flags) => leaf::agent(flags),
        CertCommand::Client(flags) => leaf::client(flags),
        CertCommand::Dir(flags) => directory::run(flags),
        CertCommand::Board(flags) => board::run(flags),
        CertCommand::Crl(flags) => crl::run(flags),
    }?;
    Ok(report.outcome(json))
}
