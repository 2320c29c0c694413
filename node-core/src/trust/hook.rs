//! A custom verifier: it sees what the policy finds, and has the last word. Erlang calls it `verify_fun`.

use super::certificate::Certificate;
use super::rejection::Rejection;

/// A verifier of an application's own, asked by [`Policy::judge_with`](super::Policy::judge_with) about each error, then about each
/// certificate of the path. Its state is its own fields.
///
/// The order is:
/// 1. [`VerifyEvent::Bad`] for each rule that refuses the peer. An error that is accepted is passed over, and **every other rule is
///    still checked**; an error that is not stays the reason of the refusal.
/// 2. [`VerifyEvent::Valid`] for each issuer that the peer showed and that is on its path, from the CA's side to the peer.
/// 3. [`VerifyEvent::ValidPeer`] for the peer's own certificate, last.
///
/// The first refusal ends it. A peer that an anchor names has no path, so its hook sees the third event alone. The key of the
/// peer has to be proved by its signature over the handshake in any case, and that is checked outside.
///
/// # Who vouches for the certificate
/// While a path leads to a CA, the hook can only lift single rules. Where none does ([`Rejection::Unknown`],
/// [`Rejection::NoPath`] of most kinds, see [`Rejection::leaves_no_path`]), nobody's signature was checked: anybody can make a
/// certificate with these names, this serial number and these extensions. A hook that accepts such an error alone vouches for the
/// peer, and MUST know it by the fingerprint in the rejection.
///
/// # Example
/// A list of serial numbers that may come, which counts those that may not:
///
/// ```
/// use node_core::crypto::Digest;
/// use node_core::trust::{Accepted, Circumstances, Policy, Rejection, VerifyAnswer, VerifyEvent, VerifyHook};
///
/// /// No memory from a heap: it runs on a board.
/// struct AllowList<'l> {
///     serials: &'l [&'l [u8]],
///     refused: u32,
/// }
///
/// impl VerifyHook for AllowList<'_> {
///     fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
///         match event {
///             VerifyEvent::ValidPeer(certificate) if self.serials.contains(&certificate.serial) => VerifyAnswer::Accept,
///             VerifyEvent::ValidPeer(_) => {
///                 self.refused += 1;
///                 VerifyAnswer::Refuse("its serial number is not on the list")
///             }
///             // Issuers need not be on the list, and errors stay errors.
///             VerifyEvent::Valid(_) => VerifyAnswer::Accept,
///             VerifyEvent::Bad { .. } => VerifyAnswer::Refuse("not acceptable"),
///             _ => VerifyAnswer::Refuse("an event of a later version"),
///         }
///     }
/// }
///
/// fn judge<'c>(
///     policy: &Policy<'_>,
///     chain: &[&'c [u8]],
///     circumstances: &Circumstances<'_>,
///     crypto: &impl Digest,
///     list: &mut AllowList<'_>,
/// ) -> Result<Accepted<'c>, Rejection> {
///     policy.judge_with(chain, circumstances, crypto, list)
/// }
/// ```
pub trait VerifyHook {
    /// Answers an event.
    fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer;
}

/// What a [`VerifyHook`] is asked about.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum VerifyEvent<'e> {
    /// An issuer on the path. The CA itself is none: only its name and key are kept.
    Valid(&'e Certificate<'e>),
    /// The peer's own certificate, after everything else held or was accepted.
    ValidPeer(&'e Certificate<'e>),
    /// A rule refuses the peer.
    Bad {
        /// The peer's own certificate.
        certificate: &'e Certificate<'e>,
        /// The reason.
        rejection: &'e Rejection,
    },
}

/// What a [`VerifyHook`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyAnswer {
    /// Go on.
    Accept,
    /// The peer must not come in, for this reason.
    Refuse(&'static str),
}

/// The policy alone: no error is acceptable, and nothing else is asked.
pub(super) struct NoHook;

impl VerifyHook for NoHook {
    fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
        match event {
            VerifyEvent::Valid(_) | VerifyEvent::ValidPeer(_) => VerifyAnswer::Accept,
            VerifyEvent::Bad { .. } => VerifyAnswer::Refuse(""),
        }
    }
}

/// Most errors of one peer that are accepted.
const MAX_ERRORS: usize = 8;

/// The errors of one peer. A hook is asked about each one once.
pub(super) struct Errors<'h, H: ?Sized> {
    pub(super) hook: &'h mut H,
    certificate: &'h Certificate<'h>,
    accepted: heapless::Vec<Rejection, MAX_ERRORS>,
}

impl<'h, H: VerifyHook + ?Sized> Errors<'h, H> {
    pub(super) fn new(hook: &'h mut H, certificate: &'h Certificate<'h>) -> Self {
        Self { hook, certificate, accepted: heapless::Vec::new() }
    }

    /// Passes over an error that the hook accepts, or accepted before.
    ///
    /// # Errors
    /// The hook does not accept it, or must not.
    pub(super) fn lift(&mut self, rejection: Rejection) -> Result<(), Rejection> {
        if self.accepted.contains(&rejection) { Ok(()) } else { self.ask(rejection) }
    }

    /// The same for an error that is new. Without a hook the compiler sees that this fails, and leaves out what would follow:
    /// webpki, on a board without CAs.
    #[inline]
    pub(super) fn ask(&mut self, rejection: Rejection) -> Result<(), Rejection> {
        if rejection.is_final() || self.accepted.is_full() {
            return Err(rejection);
        }
        match self.hook.check(&VerifyEvent::Bad { certificate: self.certificate, rejection: &rejection }) {
            VerifyAnswer::Accept => self.accepted.push(rejection),
            VerifyAnswer::Refuse(_) => Err(rejection),
        }
    }
}
