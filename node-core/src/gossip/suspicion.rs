//! Doubt: from a failed dial or a lost leaf to *suspect*, from there to *down* (R-093 to R-096).
//!
//! A broken link is a hint, not a verdict: the peer is dialled again first, and how that fails says how strong the
//! evidence is. A suspect has a while to deny it by a higher incarnation; every independent accuser halves that
//! while. Whoever only heard of it waits for those who saw. Whoever has a link to the suspect passes the accusation to it
//! and does not believe it.

use super::due::NEVER;
use super::node::{NAMED_STILL, Node};
use super::table::{Index, MemberSlot};
use crate::id::NodeId;
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::{Kind, Metadata, Record, State};

/// A peer that dialled us is given this long to dial again before we do.
const REDIAL_GRACE: Duration = Duration::from_millis(300);
/// Who cannot be dialled is missed when it is not back by now, and nobody has heard that it has another hub.
const RETURN: Duration = Duration::from_secs(5);
const _: () = assert!(
    NAMED_STILL.as_millis() * 2 < RETURN.as_millis(),
    "what it says of its hubs is to be heard by then"
);
/// A peer that accepts connections and says nothing is dialled so often again before it is doubted: mostly it stands still, and
/// goes on in a moment.
pub(super) const SILENT_REDIALS: u8 = 2;
/// When more members are suspect, the network fell apart rather than that they all died: further accusers are counted, and not
/// passed on.
const CROWD: usize = 16;
/// A leaf that sleeps is missed when it is late by more than this, and than its clock may go wrong meanwhile: an oscillator
/// without a quartz errs by a hundredth.
const WAKING: Duration = Duration::from_secs(15);
const CLOCK_ERROR: u32 = 64;

/// Longest announced sleep in seconds: who is gone for good is to be missed some day.
pub(super) const MAX_SLEEP: u32 = 7 * 24 * 3600;

/// What is overdue is looked for once in this time, longer with many members: when half of a cluster is gone, thousands are.
const EXPIRY: Duration = Duration::from_millis(20);
const EXPIRY_FOR_EACH: Duration = Duration::from_micros(2);

/// A hub looks for orphans in one of so many parts of its table at a time, and at so many members at least: where there are many
/// members there are many hubs that look. Of a leaf that was lost before it started it alone may know: it looks at all of them first.
const PARTS: usize = 8;
const LEAST: usize = 256;

/// How long a node that stood still is no good witness.
const IMPAIRED: Duration = Duration::from_secs(10);

/// Why a dial came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host says that nothing listens there.
    Refused,
    /// The host does not answer.
    Unreachable,
    /// The connection was accepted, and it did not come to a link.
    Unresponsive,
    /// It was not even tried: this node cannot, or does not know where.
    Untried,
}

/// What a suspicion rests on here, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// Others say so.
    Hearsay,
    /// This node stood still itself a moment ago.
    Stalled,
    /// It was not even dialled.
    Untried,
    /// No hub speaks for it.
    Orphaned,
    /// It accepts connections and says nothing, as a process that stands still does.
    Silent,
    /// It said that it would be awake by now.
    Overslept,
    /// Its link broke, and it has no address.
    Vanished,
    /// Its host does not answer.
    Unreachable,
    /// Others called it down, after it had time to object there.
    Condemned,
    /// Its host says that nothing listens there.
    Refused,
}

impl Evidence {
    /// The time for a suspect to object, before accusers shorten it, in units of
    /// [`suspicion`](super::Config::suspicion).
    const fn patience(self) -> u32 {
        match self {
            Self::Hearsay | Self::Stalled | Self::Untried | Self::Orphaned | Self::Silent => 30,
            Self::Overslept | Self::Vanished | Self::Unreachable => 4,
            Self::Condemned | Self::Refused => 1,
        }
    }

    /// What it says of the suspect; nothing, when only others saw something.
    pub(super) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Hearsay | Self::Condemned => None,
            Self::Stalled => Some("it has no link here, but this node stood still itself a moment ago"),
            Self::Untried => Some("it cannot be dialled from here"),
            Self::Orphaned => Some("no hub speaks for it"),
            Self::Silent => Some("it accepts connections and says nothing"),
            Self::Overslept => Some("it did not wake when it said it would"),
            Self::Vanished => Some("its link broke, and it has no address to dial"),
            Self::Unreachable => Some("its host does not answer"),
            Self::Refused => Some("nothing listens at its address"),
        }
    }
}

impl From<Failure> for Evidence {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Unreachable => Self::Unreachable,
            Failure::Unresponsive => Self::Silent,
            Failure::Untried => Self::Untried,
        }
    }
}

impl Node<'_> {
    /// Calls a member suspect because of what was seen here.
    pub(super) fn suspect(&mut self, now: Instant, id: NodeId, evidence: Evidence) {
        let Some(index) = self.table.find(id) else { return };
        let accuser = self.config.id;
        if self.is_linked(id) || id == accuser {
            return;
        }
        // Who stood still itself a moment ago is no good witness.
        let evidence = if now < self.impaired_until { Evidence::Stalled } else { evidence };
        let state = self.table.slot(index).state;
        match state {
            State::Alive => {
                self.set_state(now, index, State::Suspect, Some(accuser));
                self.weigh(now, index, (accuser, evidence));
                self.table.touch(index, 0);
            }
            State::Suspect if self.weigh(now, index, (accuser, evidence)) => {
                self.pass_on_accuser(index, accuser, 0);
            }
            _ => {}
        }
    }

    /// Somebody else doubts a suspect, too; `mark` is that of the hub that said it.
    pub(super) fn pass_on_accuser(&mut self, index: Index, accuser: NodeId, mark: u64) {
        if self.table.suspects() > CROWD {
            return self.note_known(index, mark);
        }
        if let Some(slot) = self.table.slot_mut(index) {
            slot.by = Some(accuser);
        }
        self.table.touch(index, mark);
    }

    /// A link broke: dial the peer, to see whether it is gone, or wait until it is back.
    pub(super) fn verify(&mut self, now: Instant, id: NodeId, dialled: bool) {
        let Some(index) = self.table.find(id) else { return };
        if !self.table.slot(index).dialable {
            self.await_return(now, index);
            return;
        }
        let jitter = self.rng.u64(0..REDIAL_GRACE.as_micros() as u64);
        let grace = if dialled { Duration::ZERO } else { REDIAL_GRACE + Duration::from_micros(jitter) };
        if self.table.slot(index).state.is_live() {
            self.overlay_at = Some(now);
            self.table.revise(index, |slot| {
                slot.wanted = true;
                slot.retry_at = slot.retry_at.max(now + grace);
            });
        }
    }

    /// Who cannot be dialled comes back by itself, or is found at another hub.
    pub(super) fn await_return(&mut self, now: Instant, index: Index) {
        let Some(slot) = self.table.slot_mut(index) else { return };
        if slot.state == State::Alive && !slot.asleep {
            slot.missed = true;
            self.table.set_due(index, now + RETURN);
        } else if slot.state == State::Suspect {
            let id = slot.id;
            self.suspect(now, id, Evidence::Vanished);
        }
    }

    /// A suspect that did not answer is dialled again until it is called down: it may have been cut off, and be linked to
    /// nobody who could tell it that it is doubted.
    pub(super) fn look_again(&mut self, index: Index) {
        self.table.revise(index, |slot| slot.wanted |= slot.state == State::Suspect && slot.dialable);
    }

    /// A member said GOAWAY to the cluster.
    pub(super) fn departed(&mut self, now: Instant, id: NodeId) {
        let Some(index) = self.table.find(id) else { return };
        if self.table.slot(index).state.is_live() {
            self.set_state(now, index, State::Left, None);
            self.table.touch(index, 0);
        }
    }

    /// Whether a live member that others called down had the time to object here that such a verdict leaves it.
    pub(super) fn had_its_say(&mut self, now: Instant, index: Index, verdict: &Record<'_>) -> bool {
        let slot = *self.table.slot(index);
        if (slot.state, slot.incarnation) != (State::Suspect, verdict.incarnation) {
            return false;
        }
        if now < self.table.due(index) {
            // Who is no member is no further witness: what it says strengthens the word of one who was counted.
            let by = verdict.by.filter(|by| self.is_live(*by)).or(slot.by).unwrap_or(verdict.id);
            self.weigh(now, index, (by, Evidence::Condemned));
        }
        now >= self.table.due(index)
    }

    /// Remembers what is said of a linked peer until it is told.
    pub(super) fn accuse_to_its_face(&mut self, id: NodeId, accusation: (u64, State, Option<NodeId>)) {
        let (incarnation, state, _) = accusation;
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.is_usable() && peer.id == id) {
            let pending = peer.accused.map(|(incarnation, state, _)| (incarnation, state));
            // Denying the worst that is said denies all of it.
            if pending.is_none_or(|pending| pending < (incarnation, state)) {
                peer.accused = Some(accusation);
            }
        }
    }

    /// Adds an accuser and what it has seen, as far as that is known here, to the case against a suspect: each accuser
    /// counts once, of evidence the strongest. `true` when the accuser is a new one.
    pub(super) fn weigh(
        &mut self,
        now: Instant,
        index: Index,
        (accuser, evidence): (NodeId, Evidence),
    ) -> bool {
        let suspicion = self.config.suspicion_timeout;
        let brief = brief(accuser);
        let Some(slot) = self.table.slot_mut(index) else { return false };
        let free = slot.accusers.iter_mut().find(|accuser| **accuser == 0 || **accuser == brief);
        let news = free.is_some_and(|free| core::mem::replace(free, brief) == 0);
        let before = slot.evidence;
        slot.evidence = before.max(evidence);
        if news || slot.evidence.patience() < before.patience() {
            let others = slot.accusers.iter().filter(|accuser| **accuser != 0).count().saturating_sub(1);
            let patience = suspicion.saturating_mul(slot.evidence.patience()) / (1 << others);
            let expires = (slot.since + patience).max(now);
            // A leaf has seen nothing itself: its hubs tell it who is down, but not of everybody who objects.
            if self.config.kind == Kind::Hub {
                self.table.set_due(index, expires);
            }
        }
        news
    }

    pub(super) fn set_state(&mut self, now: Instant, index: Index, state: State, by: Option<NodeId>) {
        let tombstone = self.config.tombstone;
        let Some(slot) = self.table.slot_mut(index) else { return };
        if slot.state != state {
            slot.since = now;
        }
        slot.by = by;
        slot.accusers = Default::default();
        slot.evidence = Evidence::Hearsay;
        slot.missed &= state == State::Alive;
        let still_missed = slot.missed;
        match state {
            State::Alive if still_missed => {}
            State::Alive | State::Suspect => self.table.set_due(index, NEVER),
            State::Down | State::Left => self.table.set_due(index, now + tombstone),
        }
        self.table.revise(index, |slot| {
            // Nobody need look after who objected, or is gone.
            slot.wanted &= state.is_live() && (slot.for_requests || slot.state != State::Suspect);
            slot.state = state;
        });
    }

    /// A leaf said how long it sleeps, or that it does not.
    pub(super) fn note_sleep(&mut self, now: Instant, index: Index, seconds: u32) {
        let Some(slot) = self.table.slot_mut(index) else { return };
        let slept = slot.asleep;
        slot.asleep = seconds > 0 && slot.kind == Kind::Leaf;
        if slot.state != State::Alive {
            return;
        }
        if slot.asleep {
            slot.missed = false;
            let sleep = Duration::from_secs(seconds.min(MAX_SLEEP).into());
            self.table.set_due(index, now + sleep + sleep / CLOCK_ERROR + WAKING);
        } else if slept {
            // It names the hubs that it had, and is on its way to them.
            slot.since = now;
            self.table.set_due(index, NEVER);
        }
    }

    /// This node was called later than it asked to be: it stood still, or is slow. What others did meanwhile waits to be
    /// read, so nobody is convicted for having been silent towards it.
    pub(super) fn excuse(&mut self, now: Instant, late: Duration) {
        if now >= self.impaired_until {
            warning!("this node stood still for {} ms", late.as_millis());
        }
        self.impaired_until = now + IMPAIRED;
        for index in self.table.places_in_memory() {
            if let Some(slot) = self.table.slot_mut(index).filter(|slot| slot.state == State::Suspect) {
                // What further accusers leave of its time counts from here.
                slot.since = slot.since + late;
            }
        }
        self.table.put_off(late);
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(super) fn expiry_due(&self) -> Instant {
        self.table.first_due().max(self.expire_from)
    }

    /// Calls overdue suspects down and forgets overdue departed members.
    pub(super) fn expire(&mut self, now: Instant) {
        if now < self.expiry_due() {
            return;
        }
        let members = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        self.expire_from = now + EXPIRY + EXPIRY_FOR_EACH.saturating_mul(members);
        let mut convicted = false;
        for index in self.table.places_in_memory() {
            if now < self.table.due(index) {
                continue;
            }
            self.table.set_due(index, NEVER);
            let &MemberSlot { state, asleep, .. } = self.table.slot(index);
            match state {
                State::Alive if asleep => self.oversleep(now, index),
                State::Alive => self.miss(now, index),
                State::Suspect => convicted |= self.convict(now, index),
                State::Down | State::Left => self.table.remove(index),
            }
        }
        self.table.review_due();
        if convicted && self.config.kind == Kind::Hub {
            let count = self.table.places_in_memory().len();
            self.suspect_orphans(now, 0, count);
        }
    }

    /// A sleeping leaf did not come back in time.
    fn oversleep(&mut self, now: Instant, index: Index) {
        let id = self.table.slot(index).id;
        if let Some(slot) = self.table.slot_mut(index) {
            slot.asleep = false;
        }
        self.suspect(now, id, Evidence::Overslept);
    }

    /// Who could not be dialled had the time to come back.
    fn miss(&mut self, now: Instant, index: Index) {
        let &MemberSlot { id, dialable, outdated, .. } = self.table.slot(index);
        if let Some(slot) = self.table.slot_mut(index) {
            slot.missed = false;
        }
        if !self.is_linked(id) && (dialable || outdated || self.is_lost(index)) {
            self.look_after(now, index);
        }
    }

    /// Who is missed is dialled, if that is possible by now, else doubted.
    pub(super) fn look_after(&mut self, now: Instant, index: Index) {
        let &MemberSlot { id, dialable, .. } = self.table.slot(index);
        if dialable {
            self.verify(now, id, true);
        } else {
            self.suspect(now, id, Evidence::Vanished);
        }
    }

    /// Calls an overdue suspect down; `false` when it has a link here after all.
    fn convict(&mut self, now: Instant, index: Index) -> bool {
        let MemberSlot { id, incarnation, by, .. } = *self.table.slot(index);
        if self.is_linked(id) {
            // It is right here, and its denial is under way.
            self.accuse_to_its_face(id, (incarnation, State::Suspect, by));
            self.table.set_due(index, now + self.config.suspicion_timeout.max(Duration::from_millis(1)) * 4);
            return false;
        }
        let retry = now + self.config.retry;
        self.set_state(now, index, State::Down, Some(self.config.id));
        if let Some(slot) = self.table.slot_mut(index) {
            // It may be on its way back.
            slot.attempts = 0;
            slot.retry_at = retry;
        }
        self.table.touch(index, 0);
        self.overlay_at = Some(now);
        true
    }

    /// Looks for orphans in the next part of the table.
    pub(super) fn look_for_orphans(&mut self, now: Instant) {
        let count = self.table.places_in_memory().len();
        let (from, size) = match self.orphans_from {
            Some(from) => (from, count.div_ceil(PARTS).max(LEAST).min(count)),
            // Hubs that start together do not go on at the same members.
            None => (self.rng.usize(..count.max(1)), count),
        };
        self.orphans_from = (from + size).checked_rem(count);
        self.suspect_orphans(now, from, size);
    }

    /// Nobody speaks for who cannot be dialled any more when all its hubs are down, or left, or have lost it. Looked at are so
    /// many places of the table from one on, as if it were a circle.
    fn suspect_orphans(&mut self, now: Instant, from: usize, count: usize) {
        let members = self.table.places_in_memory();
        for index in members.clone().skip(from).chain(members).take(count) {
            if self.is_orphan(now, index) {
                self.suspect(now, self.table.slot(index).id, Evidence::Orphaned);
            }
        }
    }

    /// Whether it is a hub of which somebody knows that it lives: one that can be dialled, or is linked here.
    fn can_vouch(&self, id: NodeId) -> bool {
        let Some(slot) = self.table.find(id).map(|index| self.table.slot(index)) else { return false };
        slot.kind == Kind::Hub && slot.state.is_live() && (slot.dialable || self.is_linked(id))
    }

    fn is_orphan(&self, now: Instant, index: Index) -> bool {
        let slot = self.table.slot(index);
        // One that just joined has not named its hubs yet.
        let settled = now.since(slot.since) >= self.config.suspicion_timeout * 2;
        let exempt = slot.dialable || slot.asleep || slot.missed || slot.outdated;
        slot.state == State::Alive && !exempt && settled && self.is_lost(index)
    }

    /// Whether nobody speaks for who cannot be dialled.
    fn is_lost(&self, index: Index) -> bool {
        let slot = self.table.slot(index);
        let me = self.config.id;
        if slot.id == me || self.is_linked(slot.id) {
            return false;
        }
        // One that names this hub and has no link here does not know what became of it, or is gone: of two hubs that
        // lost it, neither may count on the other.
        Metadata::decode(self.table.metadata(index)).is_ok_and(|metadata| {
            metadata.hubs.contains(&me)
                || !metadata.hubs.iter().any(|hub| *hub != slot.id && self.can_vouch(*hub))
        })
    }
}

/// An accuser as a suspect's slot remembers it.
fn brief(accuser: NodeId) -> u16 {
    let [.., high, low] = accuser.0;
    u16::from_be_bytes([high, low]).max(1)
}

impl MemberSlot {
    /// Whether the word of one more accuser counts.
    pub(super) fn counts(&self, accuser: NodeId) -> bool {
        self.accusers.contains(&0) && !self.accusers.contains(&brief(accuser))
    }
}
