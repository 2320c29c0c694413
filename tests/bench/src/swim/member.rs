//! A running member.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use foca::{Config, Foca, NoCustomBroadcast, PostcardCodec, Timer};
use node_core::sim::Conditions;
use node_core::time::Instant;
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;

use super::identity::Identity;

/// foca with a random generator that gives the same numbers on every machine.
pub type Protocol = Foca<Identity, PostcardCodec, Xoshiro256PlusPlus, NoCustomBroadcast>;

/// foca and its timers.
pub struct Member {
    pub foca: Protocol,
    /// By time. Timers of one time keep the order in which they were set.
    due: BTreeMap<(Instant, u64), Due>,
    sequence: u64,
}

/// An action that is due at some time.
pub enum Due {
    /// A timer of foca.
    Timer(Timer<Identity>),
    /// Ask the first two to join, if the member knows nobody.
    Join,
}

impl Member {
    pub fn new(identity: Identity, config: Config, seed: u64) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let foca = Foca::new(identity, config, rng, PostcardCodec);
        Self { foca, due: BTreeMap::new(), sequence: 0 }
    }

    pub fn remind(&mut self, at: Instant, due: Due) {
        self.sequence += 1;
        self.due.insert((at, self.sequence), due);
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn take_due(&mut self, now: Instant) -> Option<Due> {
        self.due.first_entry().filter(|entry| entry.key().0 <= now).map(|entry| entry.remove())
    }
}

/// foca's own settings for a LAN, or those for a WAN where a probe of the LAN settings times out before its answer is back.
pub fn config(nodes: usize, conditions: &Conditions) -> Config {
    let nodes = u32::try_from(nodes).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let round_trip = (conditions.delay + conditions.jitter) * 2;
    let lan = Config::new_lan(nodes);
    if round_trip <= lan.probe_rtt { lan } else { Config::new_wan(nodes) }
}
