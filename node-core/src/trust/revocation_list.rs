//! A list of revoked certificates (CRL, RFC 5280 section 5) as a borrowed view: who issued it and when, and whose signature it has.
//! What it revokes is webpki's to read.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use pki_types::SignatureVerificationAlgorithm;
use thiserror::Error;

use super::certificate::{Extension, Signed, expect, read_common_name, read_extension};
use super::date;
use crate::time::UnixTime;

/// Longest CRL number (RFC 5280 section 5.2.3).
const MAX_NUMBER: usize = 20;
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");

/// The head of a list of revoked certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationList<'a> {
    /// Contents of the issuer's `Name`.
    pub issuer: &'a [u8],
    /// First common name of the issuer, under the same conditions as in a certificate.
    pub issuer_name: Option<&'a str>,
    /// Which of the issuer's lists it is.
    pub edition: Edition,
    /// When the issuer makes the next one, if it says so.
    pub next_update: Option<UnixTime>,
    signed: Signed<'a>,
}

/// Tells the lists of one issuer apart; a newer one is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edition {
    /// When it was issued.
    pub this_update: UnixTime,
    /// Its number, for lists that were issued in the same second; zero without one.
    number: [u8; MAX_NUMBER],
}

/// The bytes are not one whole list in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not one whole list of revoked certificates (X509 CRL)")]
pub struct BadRevocationList;

impl From<der::Error> for BadRevocationList {
    fn from(_: der::Error) -> Self {
        Self
    }
}

impl<'a> RevocationList<'a> {
    /// Reads the head of a list. The entries are passed over.
    ///
    /// # Errors
    /// [`BadRevocationList`] when it is not one whole list.
    pub fn parse(list: &'a [u8]) -> Result<Self, BadRevocationList> {
        let signed = AnyRef::from_der(list)?.sequence(|reader| {
            let tbs = reader.tlv_bytes()?;
            let algorithm = expect(reader, Tag::Sequence)?.value();
            let signature = BitStringRef::decode(reader)?.raw_bytes();
            Ok(Signed { tbs, algorithm, signature })
        })?;
        let (list, repeated) = AnyRef::from_der(signed.tbs)?.sequence(|reader| read_tbs(reader, signed))?;
        // RFC 5280 section 5.1.1.2: the algorithm outside the signed part repeats the one inside.
        if repeated != signed.algorithm {
            return Err(BadRevocationList);
        }
        Ok(list)
    }

    /// Returns true when the key signed it whose `SubjectPublicKeyInfo` has these contents.
    #[must_use]
    pub fn is_signed_by(&self, spki: &[u8], algorithms: &[&dyn SignatureVerificationAlgorithm]) -> bool {
        self.signed.verify(spki, algorithms).is_ok()
    }
}

/// `TBSCertList`: what is read of it, and the contents of its signature algorithm.
fn read_tbs<'a>(
    reader: &mut SliceReader<'a>,
    signed: Signed<'a>,
) -> der::Result<(RevocationList<'a>, &'a [u8])> {
    let first = AnyRef::decode(reader)?;
    // Lists of version 1 leave the version out.
    let algorithm = if first.tag() == Tag::Integer { expect(reader, Tag::Sequence)? } else { first };
    algorithm.tag().assert_eq(Tag::Sequence)?;
    let issuer = expect(reader, Tag::Sequence)?.value();
    let this_update = date::parse(AnyRef::decode(reader)?)?;
    let mut next_update = None;
    let mut number = [0; MAX_NUMBER];
    while !reader.is_finished() {
        let field = AnyRef::decode(reader)?;
        match field.tag() {
            Tag::UtcTime | Tag::GeneralizedTime => next_update = Some(date::parse(field)?),
            Tag::ContextSpecific { number: TagNumber::N0, .. } => number = read_number(field.value())?,
            // The entries.
            _ => {}
        }
    }
    let list = RevocationList {
        issuer,
        issuer_name: read_common_name(issuer).ok().flatten(),
        edition: Edition { this_update, number },
        next_update,
        signed,
    };
    Ok((list, algorithm.value()))
}

/// The CRL number in the `Extensions` of a list; zero without one.
fn read_number(extensions: &[u8]) -> der::Result<[u8; MAX_NUMBER]> {
    let mut number = [0; MAX_NUMBER];
    let mut reader = SliceReader::new(AnyRef::from_der(extensions)?.value())?;
    while !reader.is_finished() {
        let Extension { oid, value, .. } = AnyRef::decode(&mut reader)?.sequence(read_extension)?;
        if oid != CRL_NUMBER.as_bytes() {
            continue;
        }
        let digits = AnyRef::from_der(value)?;
        digits.tag().assert_eq(Tag::Integer)?;
        let digits = digits.value();
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        let start = MAX_NUMBER.checked_sub(digits.len()).ok_or_else(|| Tag::Integer.length_error())?;
        number.get_mut(start..).ok_or_else(|| Tag::Integer.length_error())?.copy_from_slice(digits);
    }
    Ok(number)
}
