//! Takes a sealed keyring from an operator, and puts it on trial.

use embassy_time::{Duration, with_timeout};
use embedded_storage_async::nor_flash::NorFlash;
use node_core::keys::{BundleError, Opened, Recipient, SealedError};
use node_core::rpc::Code;
use node_core::trust::Fingerprint;
use thiserror::Error;

use super::{Methods, read_body};
use crate::application::{Application, Reply};
use crate::flash::{KeyringMemory, Keys, Record, StoreError, Summary, Wiped};
use crate::log::{information, warning};
use crate::state::{ExchangeError, State, now};

/// The longest time in which a keyring arrives, and in which its answer leaves. A caller sets the pace of both, and the end of
/// a trial waits for them.
const PACE: Duration = Duration::from_secs(10);

impl<F: NorFlash, A: Application> Methods<'_, '_, F, A> {
    /// Answers the method, with the digest of the keyring in use from now on.
    pub(super) async fn replace_keys(&self, reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        match self.try_replace_keys(reply).await? {
            Ok(()) => Ok(()),
            Err(error) => reply.error(error.code(), error).await,
        }
    }

    /// Checks the sealed keyring, stores it, answers, and uses it last: the answer needs the old link.
    ///
    /// Errors are sent by the caller of this, so that the flash is not reserved while somebody reads one slowly.
    async fn try_replace_keys(
        &self,
        reply: &mut Reply<'_, '_>,
    ) -> Result<Result<(), ReplaceError<F::Error>>, ExchangeError> {
        let Some(unseal) = self.state.owner.unseal else { return Ok(Err(ReplaceError::CannotDecrypt)) };
        let Ok(mut memory) = self.keyring.try_lock() else { return Ok(Err(ReplaceError::Busy)) };
        let KeyringMemory { store, sealed } = &mut *memory;
        if store.is_on_trial() {
            return Ok(Err(ReplaceError::OnTrial));
        }
        let sealed = Wiped(sealed);
        let length = match with_timeout(PACE, read_body(reply.exchange(), sealed.0)).await {
            Ok(Ok(Some(length))) => length,
            Ok(Ok(None)) => return Ok(Err(ReplaceError::TooLong)),
            Err(_) | Ok(Err(ExchangeError::Stalled)) => return Ok(Err(ReplaceError::TooSlow)),
            Ok(Err(lost)) => return Err(lost),
        };
        let sealed = sealed.0.get_mut(..length).unwrap_or_default();
        let recipient = Recipient { identity: self.state.owner.identity, unseal, epoch: store.epoch() };
        let opened = match store.keyring().await.map(|current| open(self.state, &recipient, sealed, current))
        {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Ok(Err(ReplaceError::Sealed(error))),
            Err(error) => return Ok(Err(ReplaceError::Flash(error))),
        };
        let Summary { active, digest } = match Keys::check(opened.bundle, self.state.held_key()) {
            Ok(summary) => summary,
            Err(error) => return Ok(Err(ReplaceError::Bundle(error))),
        };
        if let Err(error) = store.begin_trial(opened.bundle, opened.epoch).await {
            return Ok(Err(ReplaceError::Flash(error)));
        }
        information!("a new keyring is on trial, its active certificate is {}", active);
        let answered = with_timeout(PACE, answer(reply, digest)).await;
        // The flash holds it, so the node uses it, whether or not the answer arrived.
        if let Err(error) = self.state.use_bundle(now(), opened.bundle, true) {
            warning!("the new keyring is not used: {}", error);
        }
        answered.unwrap_or(Err(ExchangeError::TimedOut)).map(Ok)
    }
}

async fn answer(reply: &mut Reply<'_, '_>, digest: Fingerprint) -> Result<(), ExchangeError> {
    reply.ok(&digest.0).await?;
    reply.exchange().finish().await
}

/// Opens a sealed keyring that is signed by an operator in the `current` one.
///
/// Not inlined, so that the stack of a signature's check is given back.
#[inline(never)]
fn open<'b>(
    state: &State<'_>,
    recipient: &Recipient<'_>,
    sealed: &'b mut [u8],
    current: Option<Record<'_>>,
) -> Result<Opened<'b>, SealedError> {
    let keys = state.keys.borrow();
    recipient.open(sealed, |certificate| keys.operator(&current?, certificate))
}

/// Why a keyring is not taken. The one in use stays in use.
#[derive(Debug, Error)]
enum ReplaceError<E: core::fmt::Debug> {
    #[error(
        "the device that holds this board's identity key cannot decrypt keyrings: change them in the firmware's settings"
    )]
    CannotDecrypt,
    #[error("another keyring is being stored: try again")]
    Busy,
    #[error("the last keyring is still on trial, until a link forms with it or 60 s pass: push again then")]
    OnTrial,
    #[error("the keyring is too long for this board: remove old slots")]
    TooLong,
    #[error("the keyring did not arrive within {} s: push again over a faster link", PACE.as_secs())]
    TooSlow,
    #[error(transparent)]
    Sealed(SealedError),
    #[error(transparent)]
    Bundle(BundleError),
    #[error("{0}")]
    Flash(StoreError<E>),
}

impl<E: core::fmt::Debug> ReplaceError<E> {
    const fn code(&self) -> Code {
        match self {
            Self::TooLong
            | Self::TooSlow
            | Self::Bundle(_)
            | Self::Sealed(SealedError::Malformed | SealedError::Version(_)) => Code::BadRequest,
            Self::CannotDecrypt
            | Self::Busy
            | Self::OnTrial
            | Self::Sealed(
                SealedError::OtherBoard(_)
                | SealedError::NoOperator(_)
                | SealedError::Forged(_)
                | SealedError::Old { .. }
                | SealedError::Undecipherable,
            ) => Code::Refused,
            Self::Flash(_) => Code::Internal,
        }
    }
}
