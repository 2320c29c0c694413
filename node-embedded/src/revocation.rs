//! The lists of revoked certificates (CRLs, RFC 5280 section 5), in memory that the firmware lends.

use core::fmt;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::mutex::{Mutex, MutexGuard};
use thiserror::Error;
use webpki::{BorrowedCertRevocationList, CertRevocationList};

/// Most lists.
pub const MAX_LISTS: usize = 4;

/// Lists of revoked certificates. They last as long as the memory: the firmware brings them again after a restart.
///
/// A list is read from its start for each certificate: a long one takes time.
pub struct RevocationLists<'d>(Mutex<CriticalSectionRawMutex, Lists<'d>>);

/// The lists in DER, one after the other.
pub(crate) struct Lists<'d> {
    memory: &'d mut [u8],
    lengths: heapless::Vec<usize, MAX_LISTS>,
}

impl<'d> RevocationLists<'d> {
    /// No lists yet. The memory must hold all of them in DER.
    pub const fn new(memory: &'d mut [u8]) -> Self {
        Self(Mutex::new(Lists { memory, lengths: heapless::Vec::new() }))
    }

    /// Replaces all lists by these, in DER. Their signatures are checked when a hub is judged: a list that its CA did not
    /// sign keeps out all hubs of that CA.
    ///
    /// Links that are up stay. [`Leaf::replace_crls`](crate::Leaf::replace_crls) judges them as well.
    ///
    /// # Errors
    /// [`BadLists`]: the lists before remain.
    pub fn replace(&self, lists: &[&[u8]]) -> Result<(), BadLists> {
        let mut guard = self.0.try_lock().map_err(|_| BadLists::InUse)?;
        let Lists { memory, lengths } = &mut *guard;
        let (room, needed) = (memory.len(), lists.iter().map(|list| list.len()).sum::<usize>());
        if needed > room {
            return Err(BadLists::TooLong { needed, room });
        }
        let bad = lists.iter().position(|list| BorrowedCertRevocationList::from_der(list).is_err());
        if let Some(index) = bad {
            return Err(BadLists::Malformed { number: index + 1 });
        }
        if lists.len() > MAX_LISTS {
            return Err(BadLists::TooMany);
        }
        *lengths = lists.iter().map(|list| list.len()).collect();
        let bytes = lists.iter().flat_map(|list| *list);
        memory.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    /// The lists, `None` while they are replaced.
    pub(crate) fn read(&self) -> Option<MutexGuard<'_, CriticalSectionRawMutex, Lists<'d>>> {
        self.0.try_lock().ok()
    }
}

impl Lists<'_> {
    /// The lists, as webpki asks them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = CertRevocationList<'_>> {
        let mut rest = &*self.memory;
        self.lengths.iter().filter_map(move |length| {
            let (list, behind) = rest.split_at_checked(*length)?;
            rest = behind;
            BorrowedCertRevocationList::from_der(list).ok().map(Into::into)
        })
    }
}

impl fmt::Debug for RevocationLists<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationLists").finish_non_exhaustive()
    }
}

/// The lists of revoked certificates were not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadLists {
    /// A hub is judged by them at this moment.
    #[error("the revocation lists are in use: try again")]
    InUse,
    /// One cannot be read.
    #[error("revocation list number {number} cannot be read: it must be one whole list, in DER")]
    Malformed {
        /// Its place, from 1.
        number: usize,
    },
    /// The settings lend no memory for lists.
    #[error("this board has no memory for revocation lists: lend it some in the rules for hubs")]
    NoMemory,
    /// They do not fit into the memory.
    #[error(
        "the revocation lists take {needed} bytes, and the board lends {room}: lend more, or split the list"
    )]
    TooLong {
        /// Their bytes.
        needed: usize,
        /// Bytes of the memory.
        room: usize,
    },
    /// There are more than [`MAX_LISTS`].
    #[error("there are more than {MAX_LISTS} revocation lists: remove some")]
    TooMany,
}
