//! `maelctl cert info`

mod description;
mod status;
mod text;

use std::path::Path;

use serde_json::json;

pub use description::Description;
pub use status::Status;

use super::Outcome;
use super::error::CertError;
use super::flags::InfoFlags;
use super::pem_file;

/// The exit status when a file cannot be read.
const UNREADABLE: u8 = 1;

/// Shows all certificates in the files.
pub fn run(flags: &InfoFlags, json: bool) -> Outcome {
    let (mut shown, mut problems) = (Vec::new(), Vec::new());
    for file in &flags.files {
        match read(file) {
            Ok(certificates) => {
                let of = certificates.len();
                let numbered = certificates.into_iter().enumerate();
                shown.extend(numbered.map(|(index, each)| (file.display().to_string(), index + 1, of, each)));
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    let worst = shown.iter().map(|(.., certificate)| certificate.status).max();
    let status = if problems.is_empty() { worst.map_or(UNREADABLE, Status::exit_status) } else { UNREADABLE };
    let text = if json {
        let certificates: Vec<_> = shown.iter().map(|(file, .., each)| each.json(file)).collect();
        format!("{:#}\n", json!({"certificates": certificates, "problems": problems}))
    } else {
        let sections: Vec<String> =
            shown.iter().map(|(file, number, of, each)| text::section(file, *number, *of, each)).collect();
        sections.join("\n")
    };
    Outcome { text, problems, status }
}

fn read(path: &Path) -> Result<Vec<Description>, CertError> {
    let wrong = |problem| CertError::Unreadable { path: path.to_owned(), problem };
    let found = pem_file::read(path, "CERTIFICATE")?;
    if found.is_empty() {
        return Err(wrong(
            "holds no certificate in PEM: for DER, first openssl x509 -inform DER -in FILE -out FILE.crt",
        ));
    }
    let each =
        |der: &Vec<u8>| Description::of(der).ok_or_else(|| wrong("holds a certificate that cannot be read"));
    found.iter().map(each).collect()
}
