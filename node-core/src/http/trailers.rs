//! Trailers: the fields after a body (RFC 9110 section 6.5).

use thiserror::Error;

use super::encode::{is_line, is_token};
use super::field::Field;

/// Longest trailers, in bytes.
pub const MAX_TRAILERS: usize = 16 * 1024;

/// The fields after a body, in their order.
///
/// A reader that ends a line where this one does not could take a part of them for the next message. So each line must end in
/// CR LF, and must be a field from its first byte to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailers<'b> {
    lines: &'b [u8],
}

impl<'b> Trailers<'b> {
    /// Reads all of `lines`, the field lines without the empty line after them.
    ///
    /// # Errors
    /// [`BadTrailers`]: nothing of the lines may be passed on.
    pub fn parse(lines: &'b [u8]) -> Result<Self, BadTrailers> {
        if lines.len() > MAX_TRAILERS {
            return Err(BadTrailers::Long);
        }
        let mut rest = lines;
        while !rest.is_empty() {
            (_, rest) = first(rest).ok_or(BadTrailers::Line)?;
        }
        Ok(Self { lines })
    }
}

impl<'b> Iterator for Trailers<'b> {
    type Item = Field<'b>;

    fn next(&mut self) -> Option<Field<'b>> {
        let (field, rest) = first(self.lines)?;
        self.lines = rest;
        Some(field)
    }
}

/// The field on the first line, and the lines after it.
fn first(lines: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let feed = lines.iter().position(|&byte| byte == b'\n')?;
    let (line, rest) = lines.split_at_checked(feed + 1)?;
    let line = line.strip_suffix(b"\r\n").filter(|line| is_line(line))?;
    let (name, value) = line.split_at_checked(line.iter().position(|&byte| byte == b':')?)?;
    let name = core::str::from_utf8(name).ok().filter(|name| is_token(name))?;
    let value = value.strip_prefix(b":")?.trim_ascii();
    Some((Field { name, value }, rest))
}

/// Trailers are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadTrailers {
    /// A line is no field, or does not end in CR LF.
    #[error("a line of the trailers is no field that ends in CR LF")]
    Line,
    /// They are too long.
    #[error("the trailers take more than {MAX_TRAILERS} bytes")]
    Long,
}
