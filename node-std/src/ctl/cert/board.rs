//! `maelctl cert board`: a board's own pair, or a certificate of the key that the board made, the certificates that it trusts, both as its keyring, and the blob that provisions it.

use std::collections::BTreeMap;
use std::path::Path;

use node_core::crypto::{P256Secret, Software};
use node_core::id::{Name, NodeId};
use node_core::keys::{Bundle, BundleSlot, MAX_BUNDLE, SlotInfo, roles_in};
use node_core::trust::{Role, Roles};
use zeroize::Zeroizing;

use super::authority::Authority;
use super::blob;
use super::board_request::BoardRequest;
use super::draft::{Draft, Pair, Purpose, Validity};
use super::error::CertError;
use super::files::Files;
use super::flags::{BoardFlags, Signing};
use super::info::Description;
use super::names;
use super::operator_issuer;
use super::report::Report;
use crate::stack;
use crate::tls::read_chain;

/// Makes the TLS directory of a board.
pub fn run(flags: &BoardFlags) -> Result<Report, CertError> {
    let BoardFlags { cn, trust, blob, output, .. } = flags;
    if blob.keep_keys {
        return settings_alone(flags);
    }
    let own = own_name(cn, blob.is_of_hub())?;
    let trusted = trusted(trust)?;
    if trusted.contains_key(&own) {
        return Err(CertError::TwiceTrusted(own));
    }
    let (made, mut warnings) = Made::new(flags, &own)?;
    let (slots, bundle) = stack::wiped(|| encode(&own, &made, &trusted))?;
    if !trusts(&slots, Role::Hub) {
        if !blob.is_of_hub() {
            return Err(CertError::NoHub);
        }
        if !trusts(&slots, Role::Leaf) {
            warnings.push(format!(
                "{cn} trusts no board and no other hub yet: make their certificates with --trust {own}.crt, then give them to this \
                 command with --trust and --keep-pair"
            ));
        }
    }
    if !trusts(&slots, Role::Operator) {
        warnings.push(format!(
            "no certificate is that of an operator, so maelctl keys push cannot change the keys of {cn}: name one \
             NAME.operator.crt and give it with --trust"
        ));
    }
    check_is_its_own(&output.dir, &own, &trusted)?;
    let mut files = Files::new(&output.dir, output.force || flags.keep_pair);
    match &made {
        Made::Here(pair) => files.add_pair(own.as_str(), pair),
        Made::OfRequest { certificate, .. } => files.add_certificate(own.as_str(), certificate),
    }
    trusted.iter().for_each(|(name, der)| files.add_certificate(name.as_str(), der));
    files.add_secret(&format!("{cn}.bundle"), &bundle);
    let mut next = format!("copy {own}.crt into the TLS directory of each hub\n      ");
    if blob.is_of_hub() {
        next += &format!("name it with --trust, as it is called, for each board that dials {cn}\n      ");
    }
    if blob.is_wanted() {
        files.add_secret(
            &blob_name(cn),
            &blob::make(blob, cn, made.board().or(blob.board_id), Some(&bundle))?,
        );
        next += &next_with_blob(cn, &output.dir);
    } else {
        next +=
            &format!("{cn}.bundle, secret, is the keyring in the settings that the board is flashed with");
    }
    let certificates = Description::of(made.certificate()).into_iter().collect();
    Ok(Report { files: files.write()?, certificates, warnings, next })
}

/// The board's own certificate, and where its private key is.
enum Made {
    /// Here: it travels in the keyring.
    Here(Pair),
    /// On the board, which asked for the certificate.
    OfRequest { request: BoardRequest, certificate: Vec<u8> },
}

impl Made {
    /// Makes the certificate. Returns what the user should know of it, too.
    fn new(flags: &BoardFlags, own: &Name) -> Result<(Self, Vec<String>), CertError> {
        let BoardFlags { cn, days, request, ca, ca_key, blob, .. } = flags;
        if flags.keep_pair {
            return Ok((Self::Here(Pair::read(&flags.output.dir, own)?), Vec::new()));
        }
        let validity = Validity::of_days(*days);
        let draft =
            Draft { cn: cn.to_string(), purpose: Purpose::Agent, names: names::of_name(cn), validity };
        let Some(path) = request else { return Ok((Self::Here(draft.sign_itself()?), Vec::new())) };
        let request = BoardRequest::read(path)?;
        let (certificate, warnings) = match (ca, &blob.operator) {
            (Some(path), _) => {
                let mut ca = Authority::read(&Signing::new(path.clone(), ca_key.clone()), Path::new(""))?;
                let draft = Draft { validity: ca.validity(*days), ..draft };
                (draft.certify(&request, &ca.issuer)?, ca.warnings)
            }
            (None, Some(dir)) => (draft.certify(&request, &operator_issuer::read(dir)?)?, Vec::new()),
            (None, None) => return Err(CertError::NoIssuer),
        };
        Ok((Self::OfRequest { request, certificate }, warnings))
    }

    fn certificate(&self) -> &[u8] {
        match self {
            Self::Here(pair) => &pair.certificate,
            Self::OfRequest { certificate, .. } => certificate,
        }
    }

    /// The one board that has the private key.
    fn board(&self) -> Option<NodeId> {
        match self {
            Self::Here(_) => None,
            Self::OfRequest { request, .. } => Some(request.id),
        }
    }
}

/// Makes the blob of a board that keeps its keys.
fn settings_alone(flags: &BoardFlags) -> Result<Report, CertError> {
    let BoardFlags { cn, blob, output, .. } = flags;
    let mut files = Files::new(&output.dir, output.force);
    files.add_secret(&blob_name(cn), &blob::make(blob, cn, blob.board_id, None)?);
    let next = next_with_blob(cn, &output.dir);
    Ok(Report { files: files.write()?, certificates: Vec::new(), warnings: Vec::new(), next })
}

fn blob_name(cn: &Name) -> String {
    format!("{cn}.provision")
}

fn next_with_blob(cn: &Name, dir: &Path) -> String {
    let file = blob_name(cn);
    let path = dir.join(&file);
    let path = path.display();
    format!(
        "{file}, secret, goes into a partition of the board's flash, or over a serial line: maelctl provision {path} --serial PORT"
    )
}

/// Returns true when a certificate of another has this role.
fn trusts(slots: &[SlotInfo], role: Role) -> bool {
    let has = |slot: &SlotInfo| roles_in(slots, slot.certificate, &[], None).roles.contains(role);
    slots.iter().any(|slot| !slot.has_key && has(slot))
}

/// The certificates that the board trusts, by their names in its directory.
fn trusted(files: &[impl AsRef<Path>]) -> Result<BTreeMap<Name, Vec<u8>>, CertError> {
    let mut trusted = BTreeMap::new();
    for file in files {
        let file = file.as_ref();
        let chain = read_chain(file)?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = with_role(&stem, "hub")?;
        // A board trusts the first certificate alone.
        let der = chain.first().map(|der| der.to_vec()).unwrap_or_default();
        if trusted.insert(name.clone(), der).is_some() {
            return Err(CertError::TwiceTrusted(name));
        }
    }
    Ok(trusted)
}

/// The name of the board's own slot, with its role.
fn own_name(cn: &Name, is_hub: bool) -> Result<Name, CertError> {
    match Roles::of_name(cn.as_str()) {
        Some(roles) if is_hub && !roles.contains(Role::Hub) => Err(CertError::HubRole(cn.clone())),
        _ => with_role(cn.as_str(), if is_hub { "hub" } else { "leaf" }),
    }
}

/// The name with this role at its end, unless it ends in a role.
fn with_role(name: &str, role: &str) -> Result<Name, CertError> {
    let named = if Roles::of_name(name).is_some() { name.to_owned() } else { format!("{name}.{role}") };
    names::file_name(&named).map_err(|_| CertError::TooLongName(name.to_owned()))
}

/// The slots of the board, and its keyring as a board takes it.
fn encode(
    own: &Name,
    made: &Made,
    trusted: &BTreeMap<Name, Vec<u8>>,
) -> Result<(Vec<SlotInfo>, Zeroizing<Vec<u8>>), CertError> {
    let (secret, held) = match made {
        Made::Here(pair) => (Some(pair.key.secret()?), None),
        Made::OfRequest { request, .. } => (None, Some(request.key)),
    };
    let mut bundle = Bundle::default();
    let own = match &secret {
        Some(secret) => BundleSlot::pair(own.clone(), made.certificate(), P256Secret(secret)),
        None => BundleSlot::trusted(own.clone(), made.certificate()),
    };
    let trusted = trusted.iter().map(|(name, der)| BundleSlot::trusted(name.clone(), der));
    let mut sorted: Vec<BundleSlot<'_>> = core::iter::once(own).chain(trusted).collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    for slot in sorted {
        bundle.push(slot)?;
    }
    let slots = bundle.validate_with(&Software, held)?;
    let mut buffer = Zeroizing::new([0; MAX_BUNDLE]);
    let encoded = Zeroizing::new(bundle.encode(&mut buffer)?.to_vec());
    Ok((slots.to_vec(), encoded))
}

/// A certificate that lies in the directory from before would be trusted, too, and an old pair might be the active one.
fn check_is_its_own(dir: &Path, own: &Name, trusted: &BTreeMap<Name, Vec<u8>>) -> Result<(), CertError> {
    let Ok(entries) = dir.read_dir() else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        let Some("crt" | "key") = path.extension().and_then(|ending| ending.to_str()) else { continue };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if stem != own.as_str() && !trusted.keys().any(|name| stem == name.as_str()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            return Err(CertError::BoardDirInUse { dir: dir.to_owned(), name });
        }
    }
    Ok(())
}
