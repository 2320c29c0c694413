//! Memory for the fields of a head: as many as its lines, up to a limit.

use memchr::{memchr_iter, memmem};
use node_core::http::{Field, NO_FIELD};

/// Fields that need no memory of their own: as many as most heads have. They are cleared for each head, so more would cost all.
const FEW: usize = 32;
/// Bytes of the shortest field.
const SHORTEST: usize = b"a:\r\n".len();
/// Fields that nodes add to a head on its way.
pub(crate) const ADDED: usize = 32;

/// Slots for the fields of one head.
pub(crate) struct Slots<'b> {
    few: [Field<'b>; FEW],
    many: Vec<Field<'b>>,
    most: usize,
}

impl<'b> Slots<'b> {
    /// Slots for the head at the start of `bytes`, which may have `most` fields.
    pub(crate) fn of(bytes: &'b [u8], most: usize) -> Self {
        let mut many = Vec::new();
        if most > FEW && bytes.len() > FEW * SHORTEST {
            let end = memmem::find(bytes, b"\r\n\r\n").unwrap_or(bytes.len());
            let lines = memchr_iter(b'\n', bytes.get(..end).unwrap_or_default()).count();
            if lines > FEW {
                many = vec![NO_FIELD; lines.min(most)];
            }
        }
        Self { few: [NO_FIELD; FEW], many, most: most.min(FEW) }
    }

    pub(crate) fn get(&mut self) -> &mut [Field<'b>] {
        if self.many.is_empty() { self.few.get_mut(..self.most).unwrap_or_default() } else { &mut self.many }
    }
}

#[cfg(test)]
mod tests {
    use node_core::http::{HeadError, RequestHead};

    use super::*;

    #[test]
    fn as_many_fields_are_read_as_are_allowed_and_no_more() {
        let head = |fields: usize| {
            let fields: String = (0..fields).map(|n| format!("X-{n}: 1\r\n")).collect();
            format!("GET / HTTP/1.1\r\n{fields}\r\n\r\nbody\nbody")
        };
        for most in [1, 128, FEW, FEW + 1, 1024] {
            let read = |text: String| {
                let mut slots = Slots::of(text.as_bytes(), most);
                RequestHead::parse(text.as_bytes(), slots.get()).map(|head| head.unwrap().fields.len())
            };
            assert_eq!(read(head(most)), Ok(most));
            assert_eq!(read(head(most + 1)), Err(HeadError::TooManyFields), "{most}");
        }
    }
}
