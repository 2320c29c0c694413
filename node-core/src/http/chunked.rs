//! Bodies in chunks (RFC 9112 section 7.1). Lines end in CR LF and nothing else, sizes have a bound, and extensions are dropped.

use thiserror::Error;

use super::trailers::{BadTrailers, MAX_TRAILERS, Trailers};

/// Longest line with the size of a chunk, its extensions included, in bytes.
const MAX_LINE: usize = 1024;

/// Finds the data in a body of chunks. It holds a place in the body and no bytes: the caller keeps the input until it is told
/// how much of that is done with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkDecoder {
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the first chunk.
    #[default]
    Start,
    /// So many bytes of data follow.
    Data(u64),
    /// After the data of a chunk: its line end follows.
    Between,
    /// After the last chunk.
    Trailers,
    /// After the body.
    End,
}

/// What follows in the input, after the bytes that were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// More must arrive first.
    Incomplete,
    /// So many bytes of data, at least 1. Say by [`take`](ChunkDecoder::take) how many of them are done with.
    Data(usize),
    /// The body is over. So many bytes of field lines follow, and then an empty line: in all as many bytes as the second
    /// number says.
    End(usize, usize),
}

impl ChunkDecoder {
    /// Looks at `input`, the bytes that are not done with. Returns how many of them to drop, and what follows after these.
    ///
    /// # Errors
    /// [`BadChunk`]: the rest of the connection cannot be read.
    pub fn next(&mut self, input: &[u8]) -> Result<(usize, Chunk), BadChunk> {
        let mut skipped = 0;
        loop {
            let rest = input.get(skipped..).unwrap_or_default();
            match self.place {
                Place::Start | Place::Between => {
                    let before = if self.place == Place::Between { 2 } else { 0 };
                    let Some((size, line)) = size_line(rest, before)? else {
                        return Ok((skipped, Chunk::Incomplete));
                    };
                    skipped += line;
                    self.place = if size == 0 { Place::Trailers } else { Place::Data(size) };
                }
                Place::Data(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let chunk = if here == 0 { Chunk::Incomplete } else { Chunk::Data(here) };
                    return Ok((skipped, chunk));
                }
                Place::Trailers => {
                    let Some((fields, all)) = trailers(rest)? else {
                        return Ok((skipped, Chunk::Incomplete));
                    };
                    self.place = Place::End;
                    return Ok((skipped, Chunk::End(fields, all)));
                }
                Place::End => return Ok((skipped, Chunk::End(0, 0))),
            }
        }
    }

    /// Says that `bytes` of the data are done with.
    pub fn take(&mut self, bytes: usize) {
        if let Place::Data(left) = self.place {
            let left = left.saturating_sub(bytes as u64);
            self.place = if left == 0 { Place::Between } else { Place::Data(left) };
        }
    }

    /// Whether the body ends after the `data` bytes at the start of `input`, without trailers. Returns how many bytes there are
    /// with the end.
    #[must_use]
    pub fn ends_after(&self, input: &[u8], data: usize) -> Option<usize> {
        const END: &[u8] = b"\r\n0\r\n\r\n";
        let last = self.place == Place::Data(data as u64);
        (last && input.get(data..)?.starts_with(END)).then_some(data + END.len())
    }

    /// Whether the body is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.place == Place::End
    }
}

/// Reads the line with the size of a chunk, after `before` bytes of a line end. Returns the size, and the bytes of all that.
fn size_line(input: &[u8], before: usize) -> Result<Option<(u64, usize)>, BadChunk> {
    let end = b"\r\n".get(..before).unwrap_or_default();
    let seen = input.len().min(before);
    if input.get(..seen) != end.get(..seen) {
        return Err(BadChunk::End);
    }
    let Some(rest) = input.get(before..) else { return Ok(None) };
    let Some(feed) = rest.iter().take(MAX_LINE).position(|&byte| byte == b'\n') else {
        return if rest.len() < MAX_LINE { Ok(None) } else { Err(BadChunk::Size) };
    };
    let line = rest.get(..feed).and_then(|line| line.strip_suffix(b"\r")).ok_or(BadChunk::Size)?;
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, extension) = line.split_at_checked(digits).ok_or(BadChunk::Size)?;
    let is_extension = match extension.trim_ascii_start().first() {
        None => true,
        Some(&first) => first == b';' && !extension.iter().any(|&byte| byte < b' ' && byte != b'\t'),
    };
    // 15 digits are more bytes than anybody sends, and cannot overflow.
    if !is_extension || digits.is_empty() || digits.len() > 15 {
        return Err(BadChunk::Size);
    }
    let value = |digit: &u8| char::from(*digit).to_digit(16).map_or(0, u64::from);
    let size = digits.iter().fold(0, |size, digit| size << 4 | value(digit));
    Ok(Some((size, before + feed + 1)))
}

/// Finds the end of the trailers: the bytes of their lines, and with the empty line after these. The lines are read, so that the
/// end is the same for every reader.
fn trailers(input: &[u8]) -> Result<Option<(usize, usize)>, BadChunk> {
    if input.starts_with(b"\r\n") {
        return Ok(Some((0, 2)));
    }
    let searched = input.get(..MAX_TRAILERS.min(input.len())).unwrap_or_default();
    match searched.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(at) => {
            Trailers::parse(input.get(..at + 2).unwrap_or_default())?;
            Ok(Some((at + 2, at + 4)))
        }
        None if input.len() < MAX_TRAILERS => Ok(None),
        None => Err(BadTrailers::Long.into()),
    }
}

/// A body is not in chunks as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadChunk {
    /// A chunk is longer than its size says.
    #[error("a chunk is longer than its size says")]
    End,
    /// The line with the size of a chunk is not one.
    #[error("the size of a chunk is not a hexadecimal number on a line of its own")]
    Size,
    /// The fields after the last chunk are none.
    #[error(transparent)]
    Trailers(#[from] BadTrailers),
}
