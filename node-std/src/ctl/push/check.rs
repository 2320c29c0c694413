//! Whether a board with these keys would still be reached, and still be steered.

use std::path::Path;

use node_core::keys::{Keyring, SlotInfo, roles_in};
use node_core::trust::Role;

use super::error::PushError;
use crate::api::KeySlot;

/// Checks that the node that is asked, with the keyring `hub`, and a board with the keyring `new` trust each other. A board whose
/// hubs do not trust it, or that trusts none of them, has no link.
pub fn mutual_trust(hub: &[KeySlot], new: &[SlotInfo], url: &str) -> Result<(), PushError> {
    let new = Keyring::new(new).map_err(PushError::Keyring)?;
    let active = new.active();
    let sha256 = active.certificate.to_string();
    if !hub.iter().any(|slot| slot.certificate_sha256 == sha256) {
        return Err(PushError::HubWouldNotTrust { url: url.to_owned(), shown: active.name.clone() });
    }
    let Some(shown) = hub.iter().find(|slot| slot.active) else { return Ok(()) };
    let Some(trusted) =
        new.slots().iter().find(|slot| slot.certificate.to_string() == shown.certificate_sha256)
    else {
        return Err(PushError::BoardWouldNotTrust { url: url.to_owned(), shown: shown.name.clone() });
    };
    if !roles_in(new.slots(), trusted.certificate, &[], None).roles.contains(Role::Hub) {
        return Err(PushError::NotAsHub { url: url.to_owned(), stem: trusted.name.clone() });
    }
    Ok(())
}

/// Checks that a board with the keyring `new` takes the next keyring from the operator with the certificate of `signer`.
pub fn operators(new: &[SlotInfo], signer: &SlotInfo, dir: &Path) -> Result<(), PushError> {
    let is_operator =
        |slot: &SlotInfo| roles_in(new, slot.certificate, &[], None).roles.contains(Role::Operator);
    let (name, dir) = (signer.name.clone(), dir.to_owned());
    if !new.iter().any(is_operator) {
        return Err(PushError::NoOperator { name, dir });
    }
    match new.iter().find(|slot| slot.certificate == signer.certificate) {
        Some(slot) if is_operator(slot) => Ok(()),
        Some(slot) => Err(PushError::NotAsOperator { stem: slot.name.clone(), dir }),
        None => Err(PushError::OtherOperator { name, dir }),
    }
}
