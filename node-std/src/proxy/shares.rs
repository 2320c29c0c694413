//! Shares: no source and no component takes all the exchanges of this node's links, so that a few who stall do not stop the
//! others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::arrival::Arrival;
use crate::source::Source;

/// Requests to one component that may be under way on the link to one node: three quarters of those that a link has for
/// components.
pub(super) const OF_COMPONENT: u32 = 336;
/// Requests of one source that may be under way on links: half of what a component has.
const OF_SOURCE: u32 = OF_COMPONENT / 2;
/// Of these, uploads of which not everything is here, and those of all sources together. They hold an exchange for as long as their
/// senders take.
const UPLOADS_OF_SOURCE: u32 = 64;
const UPLOADS: u32 = 256;

/// What sources have under way on this node's links.
#[derive(Debug, Default)]
pub(crate) struct Shares(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    uploads: u32,
    of: HashMap<Source, Held>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    requests: u32,
    uploads: u32,
}

/// Why a source must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMany {
    #[error("too many requests of one client are under way")]
    Requests,
    #[error("too many uploads are under way")]
    Uploads,
}

impl Shares {
    /// Counts one more request until the guard is dropped, which is an upload when not all of it is here. A sender that is trusted
    /// speaks for many: it has no share of its own, as this machine has none.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(crate) fn begin(&self, arrival: Arrival, is_upload: bool) -> Result<Option<Share<'_>>, TooMany> {
        let source = Source::of(arrival.peer);
        let is_one = !arrival.trusted;
        let has_share = is_one && !source.is_loopback();
        if !(is_upload || has_share) {
            return Ok(None);
        }
        let mut counts = self.lock();
        let held = counts.of.get(&source).copied().unwrap_or_default();
        if has_share && held.requests >= OF_SOURCE {
            return Err(TooMany::Requests);
        }
        if is_upload && (counts.uploads >= UPLOADS || (is_one && held.uploads >= UPLOADS_OF_SOURCE)) {
            return Err(TooMany::Uploads);
        }
        let uploads = u32::from(is_upload);
        counts.uploads += uploads;
        counts.of.insert(source, Held { requests: held.requests + 1, uploads: held.uploads + uploads });
        Ok(Some(Share { shares: self, source, uploads }))
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Share<'s> {
    shares: &'s Shares,
    source: Source,
    /// One for an upload.
    uploads: u32,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut counts = self.shares.lock();
        counts.uploads = counts.uploads.saturating_sub(self.uploads);
        if let Some(held) = counts.of.get_mut(&self.source) {
            held.requests = held.requests.saturating_sub(1);
            held.uploads = held.uploads.saturating_sub(self.uploads);
            if *held == Held::default() {
                counts.of.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    fn from(peer: &str, trusted: bool) -> Arrival {
        Arrival { peer: peer.parse::<IpAddr>().unwrap(), secure: false, trusted }
    }

    #[test]
    fn uploads_of_one_source_leave_room_for_others() {
        let (shares, one) = (Shares::default(), from("192.0.2.1", false));
        let mut held: Vec<_> = (0..UPLOADS_OF_SOURCE).map(|_| shares.begin(one, true).unwrap()).collect();
        assert_eq!(shares.begin(one, true).unwrap_err(), TooMany::Uploads);
        held.push(shares.begin(one, false).unwrap());
        held.push(shares.begin(from("192.0.2.2", false), true).unwrap());
        held.push(shares.begin(from("192.0.2.1", true), true).unwrap());
        held.truncate(1);
        held.push(shares.begin(one, true).unwrap());
        let others = (0..=u8::MAX).map(|n| from(&format!("192.0.3.{n}"), false));
        let all: Vec<_> = others.filter_map(|other| shares.begin(other, true).ok()).collect();
        assert_eq!(all.len() + held.len(), UPLOADS as usize);
        drop((all, held));
        assert!(shares.lock().of.is_empty());
    }

    #[test]
    fn downloads_of_one_network_leave_half_of_a_component_to_others() {
        let shares = Shares::default();
        let one = |n: u32| from(&format!("2001:db8::{n:x}"), false);
        let held: Vec<_> = (0..OF_COMPONENT).filter_map(|n| shares.begin(one(n), false).ok()).collect();
        assert_eq!(held.len() as u32, OF_COMPONENT / 2);
        assert_eq!(shares.begin(one(0), false).unwrap_err(), TooMany::Requests);
        for other in [from("2001:db8:0:1::1", false), from("2001:db8::1", true), from("127.0.0.1", false)] {
            assert!(shares.begin(other, false).is_ok());
        }
        drop(held);
        assert!(shares.begin(one(0), false).unwrap().is_some());
    }
}
