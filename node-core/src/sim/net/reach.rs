//! Which machines reach which.

use std::collections::BTreeSet;
use std::prelude::rust_2024::*;

/// The direction from one zone of machines to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The zone that sends.
    pub from: usize,
    /// The zone that receives.
    pub to: usize,
}

/// Machines are in zones. Paths between zones may be cut, in one direction or both.
#[derive(Default)]
pub(super) struct Reach {
    zones: Vec<usize>,
    cut: Cut,
    /// A dial along a cut path is refused, as by a firewall that rejects.
    refusing: bool,
}

/// Which paths are cut.
#[derive(Default)]
enum Cut {
    #[default]
    None,
    /// The paths between any two zones.
    All,
    /// These paths.
    These(BTreeSet<Path>),
}

impl Reach {
    /// Nothing passes between machines in different zones.
    pub(super) fn partition(&mut self, zones: Vec<usize>) {
        *self = Self { zones, cut: Cut::All, refusing: false };
    }

    /// Nothing passes along these paths.
    pub(super) fn cut(&mut self, zones: Vec<usize>, paths: &[Path]) {
        *self = Self { zones, cut: Cut::These(paths.iter().copied().collect()), refusing: false };
    }

    /// Nothing passes along these paths, and a dial along one is refused.
    pub(super) fn refuse(&mut self, zones: Vec<usize>, paths: &[Path]) {
        self.cut(zones, paths);
        self.refusing = true;
    }

    pub(super) fn heal(&mut self) {
        *self = Self::default();
    }

    /// Whether a dial that does not get through is refused.
    pub(super) const fn is_refusing(&self) -> bool {
        self.refusing
    }

    /// Whether a packet from one machine does not reach another.
    pub(super) fn is_cut(&self, from: usize, to: usize) -> bool {
        let zone = |machine| self.zones.get(machine).copied().unwrap_or(0);
        match &self.cut {
            Cut::None => false,
            Cut::All => zone(from) != zone(to),
            Cut::These(paths) => paths.contains(&Path { from: zone(from), to: zone(to) }),
        }
    }
}
