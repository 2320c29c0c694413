//! The name of a CA, from its certificate into those that it signs: byte for byte, because a verifier compares bytes.

use rcgen::string::BmpString;
use rcgen::{DistinguishedName, DnType, DnValue};
use x509_cert::der::{Tag, Tagged};
use x509_cert::name::Name;

/// The name as rcgen writes it. `None` for a form that rcgen cannot write: an attribute twice, or two in one part.
pub fn copy(name: &Name) -> Option<DistinguishedName> {
    let mut copy = DistinguishedName::new();
    for part in &name.0 {
        let [attribute] = part.0.as_slice() else { return None };
        let arcs: Vec<u64> = attribute.oid.arcs().map(u64::from).collect();
        let kind = DnType::from_oid(&arcs);
        if copy.get(&kind).is_some() {
            return None;
        }
        let bytes = attribute.value.value();
        let text = || str::from_utf8(bytes).ok();
        let value = match attribute.value.tag() {
            Tag::Utf8String => DnValue::Utf8String(text()?.to_owned()),
            Tag::PrintableString => DnValue::PrintableString(text()?.try_into().ok()?),
            Tag::Ia5String => DnValue::Ia5String(text()?.try_into().ok()?),
            Tag::TeletexString => DnValue::TeletexString(text()?.try_into().ok()?),
            Tag::BmpString => DnValue::BmpString(BmpString::from_utf16be(bytes.to_vec()).ok()?),
            _ => return None,
        };
        copy.push(kind, value);
    }
    Some(copy)
}
