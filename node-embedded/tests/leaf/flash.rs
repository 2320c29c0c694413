//! NOR flash in memory that behaves like the real one, whose power can be cut, and which wears out.

use core::cell::RefCell;
use core::ops::Range;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

const PAGE: usize = 4096;
const WORD: usize = 4;
const PAGES: usize = 7;
const SIZE: usize = PAGES * PAGE;

/// The pages of the node's records. The others are free for the tests.
pub const RANGE: Range<u32> = 0..4 * PAGE as u32;

/// A flash. All clones are the same flash.
#[derive(Clone)]
pub struct Flash(Rc<RefCell<Cells>>);

struct Cells {
    bytes: Vec<u8>,
    /// Words that can be written, or sixteenths of pages erased, until the power fails.
    words_left: Option<usize>,
    /// The bits of the next word that are written although the power fails.
    tear: [u8; WORD],
    /// The place of a word that was written so. It can be written again where that clears bits only.
    torn: Option<usize>,
    /// Writes and erases so far.
    operations: usize,
    /// Those that fail.
    failing: Range<usize>,
    /// No page can be erased any more.
    worn: bool,
    /// Pages that were erased.
    erased: u32,
}

impl Flash {
    /// A new flash, erased.
    pub fn new() -> Self {
        Self::with(vec![0xff; SIZE])
    }

    fn with(bytes: Vec<u8>) -> Self {
        Self(Rc::new(RefCell::new(Cells {
            bytes,
            words_left: None,
            tear: [0; WORD],
            torn: None,
            operations: 0,
            failing: 0..0,
            worn: false,
            erased: 0,
        })))
    }

    /// Another flash with the same contents and unlimited power.
    pub fn copy(&self) -> Self {
        let cells = self.0.borrow();
        let copy = Self::with(cells.bytes.clone());
        copy.0.borrow_mut().torn = cells.torn;
        copy
    }

    /// Whether there was more power than it took.
    pub fn has_power(&self) -> bool {
        self.0.borrow().words_left != Some(0)
    }

    /// Makes the power fail after this many words.
    pub fn fail_after(&self, words: usize) {
        self.0.borrow_mut().words_left = Some(words);
    }

    /// Makes the power fail after this many words, and in the middle of the next one: only these bits of it are written.
    pub fn tear_after(&self, words: usize, bits: [u8; WORD]) {
        self.fail_after(words);
        self.0.borrow_mut().tear = bits;
    }

    /// Makes some of the next writes and erases fail, without an effect. The first one has the number 0.
    pub fn fail_operations(&self, failing: Range<usize>) {
        let mut cells = self.0.borrow_mut();
        (cells.operations, cells.failing) = (0, failing);
    }

    /// Writes and erases since [`fail_operations`](Self::fail_operations).
    pub fn operations(&self) -> usize {
        self.0.borrow().operations
    }
}

impl Flash {
    /// Pages that were erased so far.
    pub fn erased(&self) -> u32 {
        self.0.borrow().erased
    }

    /// Makes every erase fail from now on.
    pub fn wear_out(&self) {
        self.0.borrow_mut().worn = true;
    }
}

impl Cells {
    /// Counts one write or erase.
    fn operate(&mut self) -> Result<(), Failure> {
        self.operations += 1;
        if self.failing.contains(&(self.operations - 1)) { Err(Failure::Worn) } else { Ok(()) }
    }

    /// Changes one word, or part of a page, if there is power left.
    fn change(&mut self, at: Range<usize>, change: impl FnOnce(&mut [u8])) -> Result<(), Failure> {
        match &mut self.words_left {
            Some(0) => return Err(Failure::NoPower),
            Some(left) => *left -= 1,
            None => {}
        }
        change(&mut self.bytes[at]);
        Ok(())
    }
}

/// Why the flash did not carry out an operation.
#[derive(Debug)]
pub enum Failure {
    NoPower,
    Range,
    NotErased,
    Worn,
}

impl NorFlashError for Failure {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for Flash {
    type Error = Failure;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failure> {
        let cells = self.0.borrow();
        let from = cells.bytes.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(Failure::Range)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        SIZE
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Failure> {
        let (from, to) = (from as usize, to as usize);
        if !from.is_multiple_of(PAGE) || !to.is_multiple_of(PAGE) || to > SIZE {
            return Err(Failure::Range);
        }
        let mut cells = self.0.borrow_mut();
        cells.operate()?;
        if cells.worn {
            return Err(Failure::Worn);
        }
        cells.erased += ((to - from) / PAGE) as u32;
        // An erase takes time: power may fail in the middle of it.
        const STEP: usize = PAGE / 16;
        (from..to).step_by(STEP).try_for_each(|at| cells.change(at..at + STEP, |part| part.fill(0xff)))
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        let offset = offset as usize;
        if !offset.is_multiple_of(WORD) || !bytes.len().is_multiple_of(WORD) || offset + bytes.len() > SIZE {
            return Err(Failure::Range);
        }
        let mut cells = self.0.borrow_mut();
        cells.operate()?;
        for (at, part) in (offset..).step_by(WORD).zip(bytes.chunks(WORD)) {
            let mut old = cells.bytes[at..at + WORD].iter().zip(part);
            let is_free = if cells.torn == Some(at) {
                old.all(|(old, new)| old & new == *new)
            } else {
                old.all(|(old, _)| *old == 0xff)
            };
            if !is_free {
                return Err(Failure::NotErased);
            }
            if let Err(failure) = cells.change(at..at + WORD, |word| word.copy_from_slice(part)) {
                let tear = core::mem::take(&mut cells.tear);
                if tear != [0; WORD] {
                    cells.torn = Some(at);
                }
                let torn = part.iter().zip(tear).map(|(byte, bits)| byte | !bits);
                cells.bytes[at..at + WORD].iter_mut().zip(torn).for_each(|(cell, byte)| *cell &= byte);
                return Err(failure);
            }
        }
        Ok(())
    }
}
