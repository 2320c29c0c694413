//! The names in a certificate: its subject alternative names (RFC 5280 section 4.2.1.6).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// A subject alternative name of a kind that names a node or a person. Other kinds are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectName<'a> {
    /// A DNS name, perhaps with a wildcard: `*.example.com`.
    Dns(&'a str),
    /// An IP address.
    Ip(IpAddr),
    /// An e-mail address.
    Email(&'a str),
    /// A URI, such as `spiffe://example.com/shop`.
    Uri(&'a str),
}

/// The names in the contents of a `SubjectAltName` extension. What cannot be read ends them.
pub(super) fn read(extension: &[u8]) -> impl Iterator<Item = SubjectName<'_>> {
    let names = AnyRef::from_der(extension).ok().filter(|names| names.tag() == Tag::Sequence);
    let mut reader = names.and_then(|names| SliceReader::new(names.value()).ok());
    core::iter::from_fn(move || {
        let reader = reader.as_mut()?;
        loop {
            if reader.is_finished() {
                return None;
            }
            if let Some(name) = read_name(AnyRef::decode(reader).ok()?) {
                return Some(name);
            }
        }
    })
}

fn read_name(name: AnyRef<'_>) -> Option<SubjectName<'_>> {
    let Tag::ContextSpecific { constructed: false, number } = name.tag() else { return None };
    let text = || {
        let text = core::str::from_utf8(name.value()).ok()?;
        (text.is_ascii() && !text.contains(|each: char| each.is_ascii_control())).then_some(text)
    };
    match number.value() {
        1 => text().map(SubjectName::Email),
        2 => text().map(SubjectName::Dns),
        6 => text().map(SubjectName::Uri),
        7 => read_address(name.value()).map(SubjectName::Ip),
        _ => None,
    }
}

fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))).ok()
}
