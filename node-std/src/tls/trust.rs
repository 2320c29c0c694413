//! What a keyring trusts: the core's policy over the certificates of the directory. It decides for a handshake, and again for a
//! connection that is up.

use core::time::Duration;
use std::sync::Arc;

use node_core::crypto::Software;
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{Accepted, AcceptedKeys, Anchor, Circumstances, Policy, Rejection};
use rustls::CommonState;
use rustls::pki_types::CertificateDer;

/// A decision holds no longer than this: the clock of the machine may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(60);

/// The grounds to trust a peer.
#[derive(Debug)]
pub(super) struct Trust {
    anchors: Vec<Anchor>,
}

impl Trust {
    pub(super) const fn new(anchors: Vec<Anchor>) -> Self {
        Self { anchors }
    }

    /// Judges what a peer showed, its own certificate first.
    pub(super) fn judge<'c>(&self, chain: &[&'c [u8]], now: UnixTime) -> Result<Accepted<'c>, Rejection> {
        let circumstances = Circumstances::at(Some(WallClock::Reliable(now)));
        Policy::new(&self.anchors, AcceptedKeys::Any).judge(chain, &circumstances, &Software)
    }
}

/// The certificates that a peer showed in a handshake, its own one first. They are kept, because it is judged again while its
/// connection is up.
#[derive(Clone, Debug)]
pub struct Shown(Arc<[CertificateDer<'static>]>);

impl Shown {
    /// Those of a finished handshake; `None` when the peer showed none.
    #[must_use]
    pub fn of(connection: &CommonState) -> Option<Self> {
        let chain = connection.peer_certificates()?;
        let owned = chain.iter().map(|certificate| certificate.clone().into_owned());
        Some(Self(owned.collect()))
    }

    /// Those of a peer that showed `chain`.
    #[must_use]
    pub fn new(chain: Vec<CertificateDer<'static>>) -> Self {
        Self(chain.into())
    }

    pub(super) fn chain(&self) -> Vec<&[u8]> {
        self.0.iter().map(AsRef::as_ref).collect()
    }
}

/// How long from `now` a decision holds that ends with the second `until`.
pub(super) fn holds_for(until: UnixTime, now: UnixTime) -> Duration {
    // A certificate is still valid in its last second.
    LONGEST.min(Duration::from_secs(until.0.saturating_sub(now.0).saturating_add(1)))
}
