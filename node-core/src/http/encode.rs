//! Writing a head into lent memory. Text that a reader could take for a second line is refused.

use super::error::EncodeError;

/// Writes one head: the first line by [`request`](Self::request) or [`response`](Self::response), then each
/// [`field`](Self::field), then [`finish`](Self::finish).
#[derive(Debug)]
pub struct HeadWriter<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl<'b> HeadWriter<'b> {
    /// Begins a request head in `buf`.
    ///
    /// # Errors
    /// [`EncodeError`]: no room, or a part that does not belong in a first line.
    pub fn request(buf: &'b mut [u8], method: &str, target: &str) -> Result<Self, EncodeError> {
        if !is_token(method) {
            return Err(EncodeError::Method);
        }
        if target.is_empty() || target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(EncodeError::Target);
        }
        let mut head = Self { buf, len: 0 };
        head.put(&[method.as_bytes(), b" ", target.as_bytes(), b" HTTP/1.1\r\n"])?;
        Ok(head)
    }

    /// Begins a response head in `buf`. The `reason` may be empty.
    ///
    /// # Errors
    /// [`EncodeError`]: no room, a status that is not 100 to 999, or a reason of more than one line.
    pub fn response(buf: &'b mut [u8], status: u16, reason: &str) -> Result<Self, EncodeError> {
        if !(100..1000).contains(&status) {
            return Err(EncodeError::Status);
        }
        if !is_line(reason.as_bytes()) {
            return Err(EncodeError::Reason);
        }
        let mut digits = itoa::Buffer::new();
        let status = digits.format(status).as_bytes();
        let mut head = Self { buf, len: 0 };
        head.put(&[b"HTTP/1.1 ", status, b" ", reason.as_bytes(), b"\r\n"])?;
        Ok(head)
    }

    /// Adds a field. White space around `value` is not part of it and a reader drops it.
    ///
    /// # Errors
    /// [`EncodeError`]: no room, or a name or value that no reader may accept. Nothing was written.
    pub fn field(&mut self, name: &str, value: &[u8]) -> Result<(), EncodeError> {
        if !is_token(name) {
            return Err(EncodeError::FieldName);
        }
        if !is_line(value) {
            return Err(EncodeError::FieldValue);
        }
        self.put(&[name.as_bytes(), b": ", value, b"\r\n"])
    }

    /// Ends the head and returns how many bytes it took.
    ///
    /// # Errors
    /// [`EncodeError::Full`].
    pub fn finish(mut self) -> Result<usize, EncodeError> {
        self.put(&[b"\r\n"])?;
        Ok(self.len)
    }

    /// All parts or none.
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), EncodeError> {
        let mut end = self.len;
        for part in parts {
            let rest = self.buf.get_mut(end..).ok_or(EncodeError::Full)?;
            rest.get_mut(..part.len()).ok_or(EncodeError::Full)?.copy_from_slice(part);
            end += part.len();
        }
        self.len = end;
        Ok(())
    }
}

/// A token of RFC 9110 section 5.6.2: what methods and field names are made of.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Text for a field value or a reason phrase: any characters but control characters other than tab.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}
