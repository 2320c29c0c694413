//! Who reaches whom.

use std::collections::BTreeSet;
use std::prelude::rust_2024::*;

/// Machines live in zones, and ways between zones may be cut, in one direction or both.
#[derive(Default)]
pub(super) struct Reach {
    zones: Vec<usize>,
    ways: Ways,
    /// Who dials along a way that is cut is told so, as by a firewall that rejects.
    refusing: bool,
}

/// Which ways are cut.
#[derive(Default)]
enum Ways {
    #[default]
    None,
    /// Those between any two zones.
    All,
    /// Those from one zone to another.
    These(BTreeSet<(usize, usize)>),
}

impl Reach {
    /// Nothing passes between machines in different zones.
    pub(super) fn partition(&mut self, zones: Vec<usize>) {
        *self = Self { zones, ways: Ways::All, refusing: false };
    }

    /// Nothing passes from the one zone to the other of each pair.
    pub(super) fn cut(&mut self, zones: Vec<usize>, ways: &[(usize, usize)]) {
        *self = Self { zones, ways: Ways::These(ways.iter().copied().collect()), refusing: false };
    }

    /// The same, and who dials along such a way is refused.
    pub(super) fn refuse(&mut self, zones: Vec<usize>, ways: &[(usize, usize)]) {
        self.cut(zones, ways);
        self.refusing = true;
    }

    pub(super) fn heal(&mut self) {
        *self = Self::default();
    }

    /// Whether a dial that does not get through is refused.
    pub(super) const fn is_refusing(&self) -> bool {
        self.refusing
    }

    /// Whether what `from` sends does not get to `to`.
    pub(super) fn is_cut(&self, from: usize, to: usize) -> bool {
        let zone = |machine| self.zones.get(machine).copied().unwrap_or(0);
        match &self.ways {
            Ways::None => false,
            Ways::All => zone(from) != zone(to),
            Ways::These(ways) => ways.contains(&(zone(from), zone(to))),
        }
    }
}
