//! Shares: no source and no component takes all the exchanges of this node's links, so that a few who stall do not stop the
//! others.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Uploads that a source may have under way of which not everything is here, and all sources together. They hold an exchange for
/// as long as their senders take.
const OF_SOURCE: usize = 64;
const OF_ALL: usize = 256;

/// Requests to one component that may be under way on the link to one node: three quarters of those that a link has for
/// components.
pub(super) const OF_COMPONENT: u32 = 336;

/// The uploads under way whose senders can make others wait.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

impl Uploads {
    /// Counts one more upload of a source until the guard is dropped. `None` when it or all have too many. A source that is
    /// `trusted` speaks for many.
    pub(crate) fn begin(&self, source: IpAddr, trusted: bool) -> Option<Upload<'_>> {
        let source = source.to_canonical();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = counts.of.get(&source).copied().unwrap_or(0);
        if counts.all >= OF_ALL || (of >= OF_SOURCE && !trusted) {
            return None;
        }
        counts.all += 1;
        counts.of.insert(source, of + 1);
        Some(Upload { uploads: self, source })
    }
}

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Upload<'u> {
    uploads: &'u Uploads,
    source: IpAddr,
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut counts = self.uploads.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(of) = counts.of.get_mut(&self.source) {
            *of = of.saturating_sub(1);
            if *of == 0 {
                counts.of.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_leaves_room_for_others() {
        let (uploads, one, other) =
            (Uploads::default(), IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut held: Vec<_> = (0..OF_SOURCE).map(|_| uploads.begin(one, false).unwrap()).collect();
        assert!(uploads.begin(one, false).is_none());
        held.push(uploads.begin(other, false).unwrap());
        held.push(uploads.begin(one, true).unwrap());
        held.truncate(1);
        assert!(uploads.begin(one, false).is_some());
        let all: Vec<_> =
            (0..=u8::MAX).filter_map(|n| uploads.begin(IpAddr::from([192, 0, 3, n]), false)).collect();
        assert_eq!(all.len(), OF_ALL - held.len());
        drop((all, held));
        assert!(uploads.0.lock().unwrap().of.is_empty());
    }
}
