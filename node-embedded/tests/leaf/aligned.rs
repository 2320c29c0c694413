//! A board whose flash takes whole aligned words only.

use core::cell::Cell;
use std::rc::Rc;

use embassy_futures::block_on;
use embassy_futures::select::select;
use embassy_time::Timer;
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use node_embedded::AlignedFlash;
use rand_core::OsRng;

use crate::board::{settings, try_board};
use crate::clock::run;
use crate::flash::{Failure, Flash};
use crate::identity::{Identity, bundle};
use crate::world::world;

/// Refuses buffers and lengths that are no whole words, as the DMA of a QSPI does. All clones are the same flash.
#[derive(Clone)]
struct Strict {
    flash: Flash,
    /// The longest transfer so far.
    longest: Rc<Cell<usize>>,
}

impl Strict {
    fn new() -> Self {
        Self { flash: Flash::new(), longest: Rc::default() }
    }

    fn check(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.longest.set(self.longest.get().max(bytes.len()));
        let whole = bytes.as_ptr().addr().is_multiple_of(4) && bytes.len().is_multiple_of(4);
        if whole { Ok(()) } else { Err(Failure::Range) }
    }
}

impl ErrorType for Strict {
    type Error = Failure;
}

impl ReadNorFlash for Strict {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failure> {
        self.check(bytes)?;
        self.flash.read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for Strict {
    const WRITE_SIZE: usize = Flash::WRITE_SIZE;
    const ERASE_SIZE: usize = Flash::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Failure> {
        self.flash.erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.check(bytes)?;
        self.flash.write(offset, bytes).await
    }
}

#[test]
fn a_board_starts_links_takes_keys_and_starts_again() {
    let (world, tasks) = world();
    run(tasks, async {
        let flash = Strict::new();
        let settings = settings(&world.keyring());
        let start = async || {
            let flash = AlignedFlash::new(flash.clone());
            try_board(&world.network, flash, OsRng, settings).await.unwrap()
        };
        let (leaf, task) = start().await;
        let next = Identity::new();
        world.trusted.lock().unwrap().push(next.certificate.clone());
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            world.push(leaf, &bundle(&[&next], &[&world.hub_identity])).await.unwrap();
            Timer::after_secs(3).await;
        };
        select(test, task).await;
        let (again, _task) = start().await;
        assert_eq!((again.id(), again.active_key()), (leaf.id(), next.fingerprint()));
        assert!(flash.longest.get() > 500, "long records do not pass through the small buffer");
    });
}

#[repr(align(4))]
struct Words([u8; 260]);

#[test]
fn a_buffer_anywhere_is_read_and_written() {
    block_on(async {
        let mut flash = AlignedFlash::new(Strict::new());
        let mut memory = Words([0; 260]);
        memory.0.iter_mut().zip((0..=255).cycle()).for_each(|(byte, value)| *byte = value);
        for from in 0..4 {
            flash.erase(0, 4096).await.unwrap();
            for (length, at) in [4, 8, 60, 64, 68, 200, 256].into_iter().zip((0..).step_by(256)) {
                let bytes = &memory.0[from..from + length];
                flash.write(at, bytes).await.unwrap();
                let mut read = Words([0; 260]);
                flash.read(at, &mut read.0[from..from + length]).await.unwrap();
                assert_eq!(&read.0[from..from + length], bytes, "{length} bytes at {from}");
            }
        }
    });
}

#[test]
fn a_flash_that_fails_says_so() {
    block_on(async {
        let mut flash = AlignedFlash::new(Strict::new());
        let mut memory = Words([0; 260]);
        let outside = u32::try_from(flash.capacity()).unwrap();
        for from in 0..2 {
            let bytes = &mut memory.0[from..from + 8];
            assert!(matches!(flash.read(outside, bytes).await, Err(Failure::Range)));
            assert!(matches!(flash.write(outside, bytes).await, Err(Failure::Range)));
        }
    });
}
