//! Where a certificate says that the list is which would revoke it: its CRL distribution points (RFC 5280 section 4.2.1.13).

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// The URIs in the contents of a `CRLDistributionPoints` extension. What cannot be read ends them. A point for some reasons only, or
/// for a list of another issuer, is passed over.
pub(super) fn read(extension: &[u8]) -> impl Iterator<Item = &str> {
    let points = AnyRef::from_der(extension).ok().filter(|points| points.tag() == Tag::Sequence);
    let mut points = points.and_then(|points| SliceReader::new(points.value()).ok());
    let points = core::iter::from_fn(move || {
        let points = points.as_mut()?;
        if points.is_finished() { None } else { AnyRef::decode(points).ok() }
    });
    points.filter_map(read_full_name).flat_map(read_uris)
}

/// The contents of the `GeneralNames` of a point.
fn read_full_name(point: AnyRef<'_>) -> Option<&[u8]> {
    let is_first = |field: AnyRef<'_>| field.tag().is_context_specific() && field.tag().number().value() == 0;
    let point = (point.tag() == Tag::Sequence).then_some(point.value())?;
    let name = AnyRef::from_der(point).ok().filter(|name| is_first(*name))?;
    let full = AnyRef::from_der(name.value()).ok().filter(|full| is_first(*full))?;
    Some(full.value())
}

fn read_uris(names: &[u8]) -> impl Iterator<Item = &str> {
    let mut names = SliceReader::new(names).ok();
    let names = core::iter::from_fn(move || {
        let names = names.as_mut()?;
        if names.is_finished() { None } else { AnyRef::decode(names).ok() }
    });
    names.filter_map(|name| {
        let Tag::ContextSpecific { constructed: false, number } = name.tag() else { return None };
        let text = (number.value() == 6).then(|| core::str::from_utf8(name.value()).ok()).flatten()?;
        text.bytes().all(|byte| byte.is_ascii_graphic()).then_some(text)
    })
}
