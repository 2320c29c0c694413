//! Whether a certificate may be revoked, decided by lists of revoked certificates (CRLs, RFC 5280 section 5).

use webpki::{
    CertRevocationList, ExpirationPolicy, RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder,
    UnknownStatusPolicy,
};

/// What is asked of the lists: the values of Erlang's `crl_check`, with their meaning there.
#[derive(Clone, Copy, Debug, Default)]
pub enum Revocation<'p> {
    /// `false`: nothing.
    #[default]
    Off,
    /// `true`: each certificate of the path must be on the books of its issuer. A missing or expired list counts as revoked.
    Chain(&'p [&'p CertRevocationList<'p>]),
    /// `peer`: the same for the peer's own certificate alone.
    Peer(&'p [&'p CertRevocationList<'p>]),
    /// `best_effort`: what a list names is revoked. A missing list is no obstacle, an expired one is used.
    BestEffort(&'p [&'p CertRevocationList<'p>]),
}

impl<'p> Revocation<'p> {
    /// What webpki is to ask; `None` when nobody can be accepted, because there is no list at all.
    pub(super) fn options(&self) -> Option<Option<RevocationOptions<'p>>> {
        let (lists, depth, unknown, expired) = match *self {
            Self::Off => return Some(None),
            Self::BestEffort([]) => return Some(None),
            Self::Chain(lists) => {
                (lists, RevocationCheckDepth::Chain, UnknownStatusPolicy::Deny, ExpirationPolicy::Enforce)
            }
            Self::Peer(lists) => {
                (lists, RevocationCheckDepth::EndEntity, UnknownStatusPolicy::Deny, ExpirationPolicy::Enforce)
            }
            Self::BestEffort(lists) => {
                (lists, RevocationCheckDepth::Chain, UnknownStatusPolicy::Allow, ExpirationPolicy::Ignore)
            }
        };
        let builder = RevocationOptionsBuilder::new(lists).ok()?;
        let builder = builder.with_depth(depth).with_status_policy(unknown).with_expiration_policy(expired);
        Some(Some(builder.build()))
    }
}
