//! Reconciliation: range fingerprints, item lists, IWANT.

use core::cmp::Ordering;

use super::budget::{MAX_LISTED, afford};
use crate::gossip::context::Context;
use crate::gossip::membership::{MemberSlot, Members, id_before};
use crate::gossip::overlay::{Peer, Peers};
use crate::gossip::packer::{NO_ROOM_RETRY, send_all};
use crate::id::{LinkId, NodeId};
use crate::log::notice;
use crate::time::{Duration, Instant};
use crate::wire::Outbox;
use crate::wire::gossip::{IdRange, Items, Malformed, RangeFingerprint, Tag, Version, Writer};

/// Parts that a larger range is cut into.
const RANGE_PARTS: usize = 8;
/// Ranges of one message that are answered: work for a peer is bounded.
const MAX_RANGES: usize = 16;
/// Shortest time between two lines of the log about repairs.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What reconciliation found.
pub struct Sync {
    /// Records that differed, and when that is logged next.
    repairs: u32,
    log_at: Instant,
}

/// Whether a reconciliation with the peer is due.
pub fn is_due(peer: &Peer, now: Instant) -> bool {
    peer.sync.at.is_some_and(|at| now >= at)
}

/// Starts a reconciliation that is due, and says when the next one is.
pub fn poll(
    context: &mut Context,
    members: &Members<'_>,
    now: Instant,
    peer: &mut Peer,
    out: &mut impl Outbox,
) {
    if is_due(peer, now) {
        peer.sync.at = match start(members, out) {
            true => peer.dialled.then(|| now + context.jitter(context.config.sync)),
            false => Some(now + NO_ROOM_RETRY),
        };
    }
}

/// Starts a reconciliation; `false` when there is no room.
pub fn start(members: &Members<'_>, out: &mut impl Outbox) -> bool {
    let mut writer = Writer::new(Tag::RangeFingerprints);
    writer.push(&members.table.fingerprint(IdRange::ALL)) && out.put(&[writer.message()]).is_ok()
}

/// Answers the range fingerprints of a peer; `false` when there is no room for all answers.
///
/// # Errors
/// [`Malformed`]; the peer is at fault.
pub fn handle_fingerprints(
    members: &Members<'_>,
    peers: &mut Peers<'_>,
    now: Instant,
    link: LinkId,
    ranges: Items<'_, RangeFingerprint>,
    out: &mut impl Outbox,
) -> Result<bool, Malformed> {
    let table = &members.table;
    for theirs in ranges.take(MAX_RANGES) {
        let theirs = theirs?;
        let range = theirs.range;
        let count = table.count(range);
        // The fingerprint of everything is at hand.
        if range == IdRange::ALL && table.fingerprint(range) == theirs {
            continue;
        }
        if !afford(members, peers, now, link, count) {
            return Ok(false);
        }
        if table.fingerprint(range) == theirs {
            continue;
        }
        let answered = if count <= MAX_LISTED {
            put_item_list(members, range, out)
        } else {
            afford(members, peers, now, link, count) && put_parts(members, range, count, out)
        };
        if !answered {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Answers IWANT by records; `false` when there is no room for all.
///
/// # Errors
/// [`Malformed`]; the peer is at fault.
pub fn handle_iwant(
    members: &Members<'_>,
    peers: &mut Peers<'_>,
    now: Instant,
    link: LinkId,
    ids: Items<'_, NodeId>,
    out: &mut impl Outbox,
) -> Result<bool, Malformed> {
    let mut malformed = false;
    let mut count = 0;
    ids.clone().for_each(|id| (malformed, count) = (malformed | id.is_err(), count + 1));
    if malformed {
        return Err(Malformed);
    }
    if !afford(members, peers, now, link, count) {
        return Ok(false);
    }
    let wanted = ids.flatten().filter_map(|id| members.table.find(id));
    Ok(send_all(Tag::Records, wanted.map(|index| members.table.record(index)), out))
}

impl Sync {
    pub const fn new(now: Instant) -> Self {
        Self { repairs: 0, log_at: now }
    }

    /// Answers an item list of a peer by records that it lacks, and by IWANT; `false` when there is no room for all.
    ///
    /// # Errors
    /// [`Malformed`]; the peer is at fault.
    pub fn handle_item_list(
        &mut self,
        members: &Members<'_>,
        peers: &mut Peers<'_>,
        now: Instant,
        link: LinkId,
        items: &[u8],
        out: &mut impl Outbox,
    ) -> Result<bool, Malformed> {
        let (range, versions) = postcard::take_from_bytes::<IdRange>(items).map_err(|_| Malformed)?;
        if !afford(members, peers, now, link, members.table.count(range)) {
            return Ok(false);
        }
        let mut differences = 0;
        let mut wanted = Writer::new(Tag::IWant);
        for version in Items::<Version>::new(versions) {
            let version = version?;
            if members.compare_version(&version).1 == Ordering::Greater {
                wanted.push(&version.id);
                differences += 1;
            }
        }
        // Both sides go by ascending id.
        let mut theirs = Items::<Version>::new(versions).flatten().peekable();
        let mut lacks = |slot: &MemberSlot| {
            while theirs.next_if(|version| version.id < slot.id).is_some() {}
            match theirs.peek().filter(|version| version.id == slot.id) {
                Some(theirs) => slot.version() > theirs.order(),
                None => slot.state.is_live(),
            }
        };
        let table = &members.table;
        let lacking = table.range(range).filter(|&index| lacks(table.slot(index)));
        let asked = wanted.is_empty() || out.put(&[wanted.message()]).is_ok();
        let records = lacking.inspect(|_| differences += 1).map(|index| table.record(index));
        let sent = send_all(Tag::Records, records, out);
        self.log_repairs(peers, now, link, differences);
        Ok(sent && asked)
    }

    /// Logs what reconciliation found, not for each message.
    fn log_repairs(&mut self, peers: &Peers<'_>, now: Instant, link: LinkId, differences: u32) {
        self.repairs = self.repairs.saturating_add(differences);
        if self.repairs == 0 || now < self.log_at {
            return;
        }
        if let Some(peer) = peers.get(link) {
            notice!(
                "repair: reconciliation with {} and others found {} records that differed",
                peer.id,
                self.repairs
            );
        }
        self.repairs = 0;
        self.log_at = now + LOG_INTERVAL;
    }
}

fn put_item_list(members: &Members<'_>, range: IdRange, out: &mut impl Outbox) -> bool {
    let mut writer = Writer::new(Tag::ItemList);
    let mut fits = writer.push(&range);
    for slot in members.table.range(range).map(|index| members.table.slot(index)) {
        fits &= writer.push(&slot.wire_version());
    }
    fits && out.put(&[writer.message()]).is_ok()
}

fn put_parts(members: &Members<'_>, range: IdRange, count: usize, out: &mut impl Outbox) -> bool {
    let table = &members.table;
    let mut writer = Writer::new(Tag::RangeFingerprints);
    let size = count.div_ceil(RANGE_PARTS);
    let mut first = range.first;
    let mut fits = true;
    for part in 1..=RANGE_PARTS {
        // Each part ends just before the member that begins the next, the last one with the range.
        let next = table.nth(range, part * size).map(|index| table.slot(index).id);
        let last = next.map_or(range.last, id_before);
        fits &= writer.push(&table.fingerprint(IdRange { first, last }));
        match next {
            Some(id) => first = id,
            None => break,
        }
    }
    fits && out.put(&[writer.message()]).is_ok()
}
