//! The blob that provisions a board: settings and keyring, signed by an operator.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use node_core::crypto::{P256Secret, Software, SoftwareSigner};
use node_core::id::{Name, NodeId};
use node_core::keys::{Bundle, operator_key};
use node_core::provision::{Draft, Ip, MAX_BLOB, MAX_SETTINGS, Settings, SettingsError, Wifi};
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey;
use zeroize::Zeroizing;

use super::blob_flags::BlobFlags;
use super::error::CertError;
use crate::clock::unix_time;
use crate::stack;
use crate::tls::read_operator;

/// Makes the blob for the board `name`, whose id is `board` if only that one is meant. Without a keyring the board keeps the one that
/// it has.
pub fn make(
    flags: &BlobFlags,
    name: &Name,
    board: Option<NodeId>,
    keyring: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, CertError> {
    let passphrase = flags.wifi_passphrase.as_deref().map(first_line).transpose()?.unwrap_or_default();
    let mut buffer = Zeroizing::new([0; MAX_SETTINGS]);
    let settings = settings(flags, name, &passphrase)?.encode(&mut buffer)?;
    let draft = Draft {
        epoch: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
        kind: flags.kind.as_ref().map_or("", Name::as_str),
        board,
        new_identity: flags.new_identity,
        settings,
        keyring,
    };
    let mut buffer = Zeroizing::new([0; MAX_BLOB]);
    let signed = match (&flags.operator, &flags.provisioning_key) {
        (Some(dir), _) => {
            let operator = stack::wiped(|| read_operator(dir))?;
            let certificate = operator.slot.certificate;
            if let Some(keyring) = keyring
                && operator_key(&Bundle::decode(keyring)?, certificate, &Software).is_none()
            {
                return Err(CertError::SignerNotTrusted { dir: dir.clone(), name: operator.slot.name });
            }
            draft.sign(certificate, &operator.signer, &Software, &mut buffer)
        }
        (None, Some(path)) => {
            let signer = stack::wiped(|| read_key(path))?;
            draft.sign_with_key(signer.public_key(), &signer, &Software, &mut buffer)
        }
        (None, None) => return Err(CertError::NoSigner),
    };
    Ok(Zeroizing::new(signed?.to_vec()))
}

fn settings<'f>(
    flags: &'f BlobFlags,
    name: &'f Name,
    passphrase: &'f str,
) -> Result<Settings<'f>, SettingsError> {
    let mut settings = Settings::new(name.as_str(), flags.cluster_id.as_str());
    let hubs: Vec<&str> = flags.hubs.iter().map(String::as_str).collect();
    let uses: Vec<&str> = flags.uses.iter().map(Name::as_str).collect();
    let listen: Vec<&str> = flags.listen.iter().map(String::as_str).collect();
    settings.hubs.extend_from_slice(&hubs).map_err(|_| SettingsError::TooMany)?;
    settings.listen.extend_from_slice(&listen).map_err(|_| SettingsError::TooMany)?;
    settings.uses.extend_from_slice(&uses).map_err(|_| SettingsError::TooMany)?;
    settings.pins.extend_from_slice(&flags.pins).map_err(|_| SettingsError::TooMany)?;
    if let Some((address, prefix)) = flags.ip {
        let name_servers = flags.name_servers[..].try_into().map_err(|_| SettingsError::TooMany)?;
        settings.ip = Ip::Static { address, prefix, gateway: flags.gateway, name_servers };
    }
    settings.wifi = flags.wifi.as_deref().map(|ssid| Wifi { ssid, passphrase });
    settings.not_before = unix_time();
    Ok(settings)
}

/// The first line of a file with a secret.
fn first_line(path: &Path) -> Result<Zeroizing<String>, CertError> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| CertError::Read { path: path.to_owned(), error })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// A provisioning key.
fn read_key(path: &Path) -> Result<SoftwareSigner, CertError> {
    let pem = std::fs::read_to_string(path).map(Zeroizing::new);
    let pem = pem.map_err(|error| CertError::Read { path: path.to_owned(), error })?;
    let unusable = || CertError::Unreadable {
        path: path.to_owned(),
        problem: "is no P-256 key in PEM (PKCS #8): make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    };
    let secret = Zeroizing::new(SecretKey::from_pkcs8_pem(&pem).map_err(|_| unusable())?.to_bytes());
    let secret = <&[u8; 32]>::try_from(&secret[..]).map_err(|_| unusable())?;
    SoftwareSigner::new(P256Secret(secret)).map_err(|_| unusable())
}
