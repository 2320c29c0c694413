//! The local token: whoever can read it in the data directory may steer a node that runs without TLS.

use std::io;
use std::path::{Path, PathBuf};

use node_core::id::Hex;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::error::DataDirError;
use super::{DataDir, write};

/// The name of the token's file.
const FILE: &str = "token";
/// Longest text that is read as a token, in bytes.
const MAX_TOKEN: usize = 256;

/// The token of this start of the daemon.
pub struct Token {
    text: Zeroizing<String>,
    path: PathBuf,
}

impl DataDir {
    /// Makes the token of this start and writes it into the file `token`, which only the daemon's user can read.
    ///
    /// # Errors
    /// The file cannot be written, or the system gives no random numbers.
    pub fn make_token(&self) -> Result<Token, DataDirError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|error| DataDirError::Random(io::Error::other(error)))?;
        let text = Zeroizing::new(Hex(&*bytes).to_string());
        write(&self.path, FILE, &text)?;
        Ok(Token { text, path: self.path.join(FILE) })
    }
}

impl Token {
    /// Returns true when `text` is this token. The time that this takes does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.text.as_bytes().ct_eq(text).into()
    }

    /// The file that holds it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl core::fmt::Debug for Token {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Token").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Reads the token in the data directory at `path`.
///
/// # Errors
/// The file cannot be read, or holds something else than a token.
pub fn read_token(path: &Path) -> Result<Zeroizing<String>, DataDirError> {
    let path = path.join(FILE);
    let fault = |error| DataDirError::Read { path: path.clone(), error };
    // Checked before it is opened, because opening a pipe waits for its other end.
    if !path.metadata().map_err(fault)?.is_file() {
        return Err(fault(io::ErrorKind::InvalidData.into()));
    }
    let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(fault)?);
    let token = text.trim();
    let is_token =
        (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_token {
        return Err(DataDirError::Corrupt { path, expected: "the hexadecimal digits of a token" });
    }
    Ok(Zeroizing::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn every_start_makes_a_token_that_only_its_user_can_read() {
        let home = tempfile::tempdir().unwrap();
        let first = DataDir::open(home.path()).unwrap().make_token().unwrap();
        let text = read_token(home.path()).unwrap();
        assert_eq!(text.len(), 64);
        assert_eq!(fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(first.matches(text.as_bytes()));
        let second = DataDir::open(home.path()).unwrap().make_token().unwrap();
        assert!(
            !second.matches(text.as_bytes()) && second.matches(read_token(home.path()).unwrap().as_bytes())
        );
        for wrong in ["", "0", &text[1..], &format!("{}0", *text)] {
            assert!(!first.matches(wrong.as_bytes()), "{wrong}");
        }
        assert!(!format!("{first:?}").contains(&**text));
    }

    #[test]
    fn what_is_no_token_is_not_sent_anywhere() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(read_token(home.path()), Err(DataDirError::Read { .. })));
        for content in ["", "\n", "not hex\r\nX-Header: 1", &"0".repeat(300)] {
            fs::write(home.path().join("token"), content).unwrap();
            assert!(matches!(read_token(home.path()), Err(DataDirError::Corrupt { .. })), "{content}");
        }
    }
}
