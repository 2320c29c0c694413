//! PEM as openssl writes it: RFC 7468, and the headers of RFC 1421 for encrypted keys. Text around the blocks is passed over.
//!
//! What is decoded here wipes itself, because it may be a private key.

use base64ct::{Base64, Encoding};
use zeroize::{Zeroize, Zeroizing};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A block between its `BEGIN` and `END` lines, not decoded yet.
pub struct Block<'a> {
    /// The label, such as `PRIVATE KEY`.
    pub label: &'a [u8],
    /// Whether a `Proc-Type` header says that it is encrypted.
    pub encrypted: bool,
    text: &'a [u8],
}

/// Text that is no whole PEM. The message never shows the text, which may be that of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A block has no end.
    #[error("stops in the middle")]
    Cut,
    /// A line that should begin a block does not name it.
    #[error("cannot be read")]
    BadLine,
    /// A block is not base64.
    #[error("is damaged")]
    NotBase64,
}

/// The blocks of a text, in their order. Ends after the first damage.
pub fn blocks(text: &[u8]) -> impl Iterator<Item = Result<Block<'_>, Damage>> {
    let mut rest = Some(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text));
    core::iter::from_fn(move || match next_block(rest?)? {
        Ok((block, after)) => {
            rest = Some(after);
            Some(Ok(block))
        }
        Err(damage) => {
            rest = None;
            Some(Err(damage))
        }
    })
}

impl Block<'_> {
    /// The bytes of the block.
    ///
    /// # Errors
    /// It is not base64.
    pub fn decode(&self) -> Result<Zeroizing<Vec<u8>>, Damage> {
        // Never grows, so it leaves no smaller copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.text.len()));
        bytes.extend(self.text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        let length = Base64::decode_in_place(&mut bytes).map_err(|_| Damage::NotBase64)?.len();
        bytes.get_mut(length..).unwrap_or_default().zeroize();
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn next_block(text: &[u8]) -> Option<Result<(Block<'_>, &[u8]), Damage>> {
    let mut lines = Lines(text);
    let label = loop {
        if let Some(name) = lines.next()?.strip_prefix(b"-----BEGIN ") {
            match name.strip_suffix(b"-----") {
                Some(label) => break label,
                None => return Some(Err(Damage::BadLine)),
            }
        }
    };
    let body = lines.0;
    loop {
        let before = lines.0.len();
        let Some(line) = lines.next() else { return Some(Err(Damage::Cut)) };
        if line.starts_with(b"-----BEGIN ") {
            return Some(Err(Damage::Cut));
        }
        let ended = line.strip_prefix(b"-----END ").and_then(|line| line.strip_suffix(b"-----"));
        if ended == Some(label) {
            let body = body.get(..body.len() - before).unwrap_or_default();
            return Some(Ok((Block::new(label, body), lines.0)));
        }
    }
}

impl<'a> Block<'a> {
    /// Headers end at an empty line. Only they can hold a colon.
    fn new(label: &'a [u8], body: &'a [u8]) -> Self {
        let mut lines = Lines(body);
        let has_headers = Lines(body).next().is_some_and(|line| line.contains(&b':'));
        let mut encrypted = false;
        while has_headers && let Some(header) = lines.next().filter(|line| !line.is_empty()) {
            encrypted |= header.starts_with(b"Proc-Type:") && header.ends_with(b"ENCRYPTED");
        }
        Self { label, encrypted, text: lines.0 }
    }
}

/// The lines of a text without their ends (CR, LF or both) and the space before those.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        let after = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..));
        self.0 = after.unwrap_or_default();
        Some(line.trim_ascii_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Result<(String, bool, Vec<u8>), Damage>;

    fn read(text: &[u8]) -> Vec<Read> {
        let block = |block: Block<'_>| {
            let label = String::from_utf8(block.label.to_vec()).unwrap();
            Ok((label, block.encrypted, block.decode()?.to_vec()))
        };
        blocks(text).map(|found| found.and_then(block)).collect()
    }

    fn ok(label: &str, bytes: &[u8]) -> Read {
        Ok((label.to_owned(), false, bytes.to_vec()))
    }

    #[test]
    fn text_around_blocks_and_every_line_end_are_taken() {
        let text = "before\n-----BEGIN A B-----\nAQID\nBA==\n-----END A B-----\nbetween\n-----BEGIN C-----\n-----END C-----\nafter";
        let expected = [ok("A B", &[1, 2, 3, 4]), ok("C", &[])];
        assert_eq!(read(text.as_bytes()), expected);
        assert_eq!(read(text.replace('\n', "\r\n").as_bytes()), expected);
        assert_eq!(read(text.replace('\n', "\r").as_bytes()), expected);
        assert_eq!(read(text.replace('\n', " \n").as_bytes()), expected);
        assert_eq!(read(&[b"\xEF\xBB\xBF", &text.as_bytes()[7..]].concat()), expected);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn only_a_header_says_that_a_block_is_encrypted() {
        let encrypted = "-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAQID\n-----END K-----\n";
        assert_eq!(read(encrypted.as_bytes()), [Ok(("K".to_owned(), true, vec![1, 2, 3]))]);
        assert_eq!(read(encrypted.replace('\n', "\r\n").as_bytes()), read(encrypted.as_bytes()));
        let clear = "# Proc-Type: 4,ENCRYPTED\n-----BEGIN K-----\nComment: x\n\nAQID\n-----END K-----\n";
        assert_eq!(read(clear.as_bytes()), [ok("K", &[1, 2, 3])]);
    }

    #[test]
    fn damage_is_told_apart() {
        assert_eq!(read(b"-----BEGIN K-----\nAQID\n"), [Err(Damage::Cut)]);
        assert_eq!(
            read(b"-----BEGIN K-----\nAQ\n-----BEGIN K-----\nAQID\n-----END K-----"),
            [Err(Damage::Cut)]
        );
        assert_eq!(read(b"-----BEGIN K-----\nAQID\n-----END L-----\n"), [Err(Damage::Cut)]);
        assert_eq!(read(b"-----BEGIN K----\nAQID\n-----END K-----\n"), [Err(Damage::BadLine)]);
        for body in ["AQI", "A*ID", "AQID=", "Proc-Type: 4,ENCRYPTED"] {
            let text = format!("-----BEGIN K-----\n{body}\n-----END K-----\n");
            let expected =
                if body.contains(':') { Ok(("K".to_owned(), true, vec![])) } else { Err(Damage::NotBase64) };
            assert_eq!(read(text.as_bytes()), [expected], "{body}");
        }
    }
}
