//! The pair with which an operator seals keyrings for boards.

use std::path::Path;

use node_core::crypto::{P256Secret, SoftwareSigner};
use node_core::keys::{Keyring, SlotInfo};

use super::bundle::secret;
use super::directory;
use super::error::{DirectoryProblem, TlsError};
use super::password::KeyPassword;

/// The active pair of a TLS directory as an operator's.
pub struct Operator {
    /// Its slot.
    pub slot: SlotInfo,
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// Signs with its key, which is P-256.
    pub signer: SoftwareSigner,
}

impl core::fmt::Debug for Operator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Operator").field("slot", &self.slot).finish_non_exhaustive()
    }
}

/// Reads the active pair of `directory`. Blocks while it reads.
///
/// # Errors
/// The directory cannot be used, or its active pair is not P-256.
pub fn read_operator(directory: &Path) -> Result<Operator, TlsError> {
    let password = KeyPassword::of_process();
    let slots = directory::read_usable(directory, password.as_ref())?.slots;
    let infos: Vec<SlotInfo> = slots.iter().map(|slot| slot.info.clone()).collect();
    let rules = Keyring::new(&infos).map_err(|error| DirectoryProblem::Keyring(error).of(directory))?;
    let active = rules.active();
    let pair = slots.iter().find(|slot| slot.info.name == active.name);
    let certificate = pair.and_then(|pair| pair.chain.first()).map(|der| der.to_vec()).unwrap_or_default();
    let signer = pair.and_then(secret).and_then(|secret| SoftwareSigner::new(P256Secret(&secret)).ok());
    let signer = signer.ok_or_else(|| TlsError::Operator {
        path: directory.to_owned(),
        name: active.name.clone(),
        algorithm: active.algorithm,
    })?;
    Ok(Operator { slot: active.clone(), certificate, signer })
}
