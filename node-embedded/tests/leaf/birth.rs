//! The identity of a board: made once, at the first start, and kept.

use core::num::NonZeroU32;
use core::ops::Range;

use embassy_futures::block_on;
use embassy_futures::select::select;
use embassy_time::Timer;
use node_core::gossip::Start;
use node_core::id::NodeId;
use node_embedded::{StartError, StoreError};
use rand_core::{CryptoRng, OsRng, RngCore};
use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};

use crate::board::{board, settings, try_board};
use crate::clock::run;
use crate::flash::{self, Flash};
use crate::world::{World, world};

/// The id of a board with this flash, which only starts.
async fn id(world: &World, flash: &Flash) -> NodeId {
    board(&world.network, flash.copy(), &world.keyring()).await.0.id()
}

/// Writes a record of a board's flash.
fn write(flash: &Flash, record: u8, bytes: &[u8]) {
    let range: Range<u32> = flash::RANGE;
    let mut map = MapStorage::new(flash.clone(), MapConfig::new(range), Cache::new_uncached());
    block_on(map.store_item(&mut [0; 256], &record, &bytes)).unwrap();
}

#[test]
fn a_board_is_the_same_node_after_each_start_and_another_flash_is_another_node() {
    let (world, tasks) = world();
    let flash = Flash::new();
    run(tasks, async {
        let mut starts = Vec::<Start>::new();
        let mut ids = Vec::new();
        for _ in 0..3 {
            let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
            let test = async {
                leaf.linked().await;
                Timer::after_millis(100).await;
                starts.extend(world.hub.member(leaf.id(), |member| member.metadata.start));
            };
            select(test, task).await;
            ids.push(leaf.id());
        }
        assert_eq!(ids, [ids[0]; 3]);
        // The cluster tells its starts apart.
        assert_eq!(starts.iter().map(|start| start.at).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(starts[0].random != starts[1].random && starts[1].random != starts[2].random);
        assert_ne!(id(&world, &Flash::new()).await, ids[0]);
    });
}

#[test]
fn a_power_cut_at_any_write_of_the_first_start_leaves_a_board_that_starts() {
    let (world, tasks) = world();
    run(tasks, async {
        let keyring = world.keyring();
        for words in 0.. {
            let flash = Flash::new();
            flash.fail_after(words);
            let first = try_board(&world.network, flash.clone(), OsRng, settings(&keyring)).await;
            let done = first.map(|(leaf, _)| leaf.id());
            assert!(matches!(done, Ok(_) | Err(StartError::Flash(_))), "after {words} words");
            let flash = flash.copy();
            let (leaf, _task) = board(&world.network, flash.clone(), &keyring).await;
            assert!(done.as_ref().is_ok_and(|id| *id == leaf.id()) || done.is_err(), "another node");
            assert_eq!(id(&world, &flash).await, leaf.id(), "after {words} words");
            if done.is_ok() {
                assert!(words > 100, "it wrote nothing");
                return;
            }
        }
    });
}

#[test]
fn a_board_with_an_id_and_no_identity_key_becomes_a_new_node() {
    let (world, tasks) = world();
    run(tasks, async {
        const NODE_ID: u8 = 2;
        let (flash, old) = (Flash::new(), [7; 16]);
        write(&flash, NODE_ID, &old);
        let (leaf, task) = board(&world.network, flash.clone(), &world.keyring()).await;
        assert_ne!(leaf.id(), NodeId(old));
        let test = async {
            leaf.linked().await;
            Timer::after_millis(100).await;
            assert!(world.hub.member(leaf.id(), |_| ()).is_some());
            assert!(world.hub.member(NodeId(old), |_| ()).is_none());
            assert_eq!(id(&world, &flash).await, leaf.id());
        };
        select(test, task).await;
    });
}

#[test]
fn an_identity_record_without_a_key_is_no_reason_for_a_new_identity() {
    let (world, tasks) = world();
    run(tasks, async {
        const IDENTITY: u8 = 4;
        // Zero, and a number above the order of the curve.
        for record in [vec![0; 32], vec![0xff; 32], vec![1; 31], vec![]] {
            let flash = Flash::new();
            write(&flash, IDENTITY, &record);
            let started = try_board(&world.network, flash, OsRng, settings(&world.keyring())).await;
            let failed = started.map(|_| ()).unwrap_err();
            assert!(matches!(failed, StartError::Flash(StoreError::Key)), "{failed}");
        }
    });
}

/// A generator that gives this byte, or fails with `None`, at these draws.
struct Faulty {
    byte: Option<u8>,
    draws: Range<usize>,
    /// Draws so far.
    drawn: usize,
}

impl Faulty {
    fn new(byte: Option<u8>, draws: Range<usize>) -> Self {
        Self { byte, draws, drawn: 0 }
    }
}

impl RngCore for Faulty {
    fn next_u32(&mut self) -> u32 {
        unreachable!("a fault would not be seen")
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("a fault would not be seen")
    }

    fn fill_bytes(&mut self, _bytes: &mut [u8]) {
        unreachable!("a fault would not be seen")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.drawn += 1;
        if !self.draws.contains(&(self.drawn - 1)) {
            return OsRng.try_fill_bytes(bytes);
        }
        bytes.fill(self.byte.ok_or(NonZeroU32::MAX)?);
        // Not stuck, but above the order of the curve.
        bytes[31] ^= u8::from(self.byte == Some(0xff));
        Ok(())
    }
}

impl CryptoRng for Faulty {}

#[test]
fn without_random_numbers_there_is_no_identity_and_no_node() {
    let (world, tasks) = world();
    run(tasks, async {
        for byte in [None, Some(0), Some(0xa5), Some(0xff)] {
            let (flash, rng) = (Flash::new(), Faulty::new(byte, 0..usize::MAX));
            let started = try_board(&world.network, flash, rng, settings(&world.keyring())).await;
            assert!(matches!(started.map(|_| ()), Err(StartError::Entropy)), "{byte:?}");
        }
        // A random number that is no key is drawn again. The first 16 draws are tested.
        let rng = Faulty::new(Some(0xff), 16..17);
        assert!(try_board(&world.network, Flash::new(), rng, settings(&world.keyring())).await.is_ok());
    });
}
