//! Back-off for each address: a thousand members at one address are dialled no more often than one.
//!
//! The table holds the addresses where a dial failed last. It is short. What it forgets is dialled at the pace of the dial budget.

use crate::gossip::membership::mix;
use crate::id::NodeId;
use crate::time::{Duration, Instant};

/// Addresses that are remembered. A leaf knows few hubs.
const MAX_ADDRESSES: usize = if cfg!(feature = "hub") { 64 } else { 4 };

/// An address where dials failed, or one is under way.
#[derive(Clone, Copy)]
struct Entry {
    /// 0: the place is free.
    hash: u64,
    failed_at: Instant,
    wait_ms: u32,
    /// The member that is being dialled there, abbreviated; 0 is none.
    dialled: u16,
    failed: u8,
}

const FREE: Entry = Entry { hash: 0, failed_at: Instant::START, wait_ms: 0, dialled: 0, failed: 0 };

impl Entry {
    fn retry_at(&self) -> Instant {
        self.failed_at + Duration::from_millis(self.wait_ms.into())
    }
}

/// Whether an address can be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Nothing speaks against it.
    Free,
    /// Another dial to it is under way.
    Dialled,
    /// Dials to it failed, the last one at this time; the back-off lasts until then.
    BacksOff { failed_at: Instant, until: Instant },
}

/// The addresses where dials failed.
pub struct Addresses {
    /// Makes the hashes differ from node to node: nobody can make up an address that blocks another.
    key: u64,
    entries: [Entry; MAX_ADDRESSES],
}

impl Addresses {
    pub const fn new(key: u64) -> Self {
        Self { key, entries: [FREE; MAX_ADDRESSES] }
    }

    /// Whether an address can be dialled.
    pub fn availability(&self, address: &str) -> Availability {
        let hash = self.hash(address);
        match self.entries.iter().find(|entry| entry.hash == hash) {
            None => Availability::Free,
            Some(entry) if entry.dialled != 0 => Availability::Dialled,
            Some(entry) => Availability::BacksOff { failed_at: entry.failed_at, until: entry.retry_at() },
        }
    }

    /// A dial to an address of a member begins.
    pub fn begin(&mut self, address: &str, id: NodeId) {
        let hash = self.hash(address);
        let is_known = self.entries.iter().any(|entry| entry.hash == hash);
        let place = match is_known {
            true => self.entries.iter_mut().find(|entry| entry.hash == hash),
            // Free places come first: their back-off is over the longest.
            false => self
                .entries
                .iter_mut()
                .filter(|entry| entry.dialled == 0)
                .min_by_key(|entry| entry.retry_at()),
        };
        if let Some(place) = place {
            if !is_known {
                *place = Entry { hash, ..FREE };
            }
            place.dialled = abbreviated(id);
        }
    }

    /// The dial of a member failed. `back_off` gives the wait after so many failures before.
    pub fn fail(&mut self, now: Instant, id: NodeId, back_off: impl FnOnce(u8) -> Duration) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.dialled == abbreviated(id)) {
            let wait = back_off(entry.failed);
            entry.wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
            (entry.dialled, entry.failed_at) = (0, now);
            entry.failed = entry.failed.saturating_add(1);
        }
    }

    /// The dial of a member led to it.
    pub fn succeed(&mut self, id: NodeId) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.dialled == abbreviated(id)) {
            *entry = FREE;
        }
    }

    /// Never 0.
    fn hash(&self, address: &str) -> u64 {
        let word = |chunk: &[u8]| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let start = mix(self.key ^ address.len() as u64);
        let hash = address.as_bytes().chunks(8).fold(start, |hash, chunk| mix(hash ^ word(chunk)));
        hash.max(1)
    }
}

/// Never 0.
fn abbreviated(id: NodeId) -> u16 {
    let id = u128::from_le_bytes(id.0);
    let folded = mix(id as u64 ^ mix((id >> 64) as u64));
    (folded as u16).max(1)
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::{Addresses, Availability, MAX_ADDRESSES};
    use crate::id::NodeId;
    use crate::time::{Duration, Instant};

    const fn id(number: u8) -> NodeId {
        NodeId([number; 16])
    }

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    fn fail(addresses: &mut Addresses, now: Instant, address: &str) -> Duration {
        let mut wait = Duration::ZERO;
        addresses.begin(address, id(1));
        addresses.fail(now, id(1), |failed| {
            wait = Duration::from_secs(1 << failed);
            wait
        });
        wait
    }

    #[test]
    fn an_address_backs_off_twice_as_long_after_each_failure_until_it_answers() {
        let mut addresses = Addresses::new(7);
        assert_eq!(addresses.availability("a:1"), Availability::Free);
        for (now, wait) in [(0, 1), (10, 2), (20, 4)] {
            assert_eq!(fail(&mut addresses, at(now), "a:1"), Duration::from_secs(wait));
            let back_off = Availability::BacksOff { failed_at: at(now), until: at(now + wait) };
            assert_eq!(addresses.availability("a:1"), back_off);
            assert_eq!(addresses.availability("a:2"), Availability::Free, "another port is another address");
        }
        addresses.begin("a:1", id(2));
        assert_eq!(addresses.availability("a:1"), Availability::Dialled);
        addresses.succeed(id(2));
        assert_eq!(addresses.availability("a:1"), Availability::Free);
        assert_eq!(fail(&mut addresses, at(30), "a:1"), Duration::from_secs(1));
    }

    #[test]
    fn a_full_table_forgets_the_address_whose_back_off_ends_first() {
        let mut addresses = Addresses::new(7);
        addresses.begin("under-way:1", id(9));
        (0..3).for_each(|_| _ = fail(&mut addresses, at(0), "old:1"));
        for number in 0..MAX_ADDRESSES {
            fail(&mut addresses, at(1), &format!("new-{number}:1"));
        }
        assert_eq!(addresses.availability("under-way:1"), Availability::Dialled);
        assert_eq!(
            addresses.availability("old:1"),
            Availability::BacksOff { failed_at: at(0), until: at(4) }
        );
        assert_eq!(addresses.availability("new-0:1"), Availability::Free);
        let last = format!("new-{}:1", MAX_ADDRESSES - 1);
        assert!(matches!(addresses.availability(&last), Availability::BacksOff { .. }));
    }
}
