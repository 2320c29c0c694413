//! An X.509 certificate (RFC 5280) as a borrowed view.

use core::fmt;

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagMode, TagNumber, Tagged};
use pki_types::SignatureVerificationAlgorithm;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::names::{self, SubjectName};
use super::rejection::NoPath;
use super::usage::Usage;
use super::{date, distribution};
use crate::crypto::P256Point;
use crate::time::UnixTime;

/// The parts of a certificate that the trust rules read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate<'a> {
    /// The version, 1 to 3. Only version 3 has extensions, and so names.
    pub version: u8,
    /// The serial number's bytes, as encoded.
    pub serial: &'a [u8],
    /// Contents of the issuer's `Name`.
    pub issuer: &'a [u8],
    /// Contents of the subject's `Name`.
    pub subject: &'a [u8],
    /// Start of the validity period.
    pub not_before: UnixTime,
    /// End of the validity period, still valid.
    pub not_after: UnixTime,
    /// First common name of the subject, when it is text without control characters: fit for a log line.
    pub common_name: Option<&'a str>,
    /// DER of the `SubjectPublicKeyInfo`, what an SPKI pin is taken over.
    pub spki: &'a [u8],
    /// The kind of the key.
    pub algorithm: KeyAlgorithm,
    key: &'a [u8],
    extensions: &'a [u8],
    /// What the issuer signed, and how.
    pub(super) signed: Signed<'a>,
}

/// The signed part of a certificate or of a list, and its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signed<'a> {
    /// DER of the `TBSCertificate` or `TBSCertList`.
    pub(super) tbs: &'a [u8],
    /// Contents of the `AlgorithmIdentifier`.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl Signed<'_> {
    /// Checks that the key signed it whose `SubjectPublicKeyInfo` has these contents.
    ///
    /// # Errors
    /// The reason why it did not.
    pub(super) fn verify(
        &self,
        spki: &[u8],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<(), NoPath> {
        let (kind, key) = read_spki(spki).map_err(|_| NoPath::Malformed)?;
        let fits = |algorithm: &&&dyn SignatureVerificationAlgorithm| {
            *algorithm.signature_alg_id() == *self.algorithm && *algorithm.public_key_alg_id() == *kind
        };
        let algorithm = algorithms.iter().find(fits).ok_or(NoPath::UnsupportedSignature)?;
        algorithm.verify_signature(key, self.tbs, self.signature).map_err(|_| NoPath::BadSignature)
    }
}

impl<'a> Certificate<'a> {
    /// Reads a certificate's DER. Bytes left over, and encodings that are BER but not DER, are refused.
    ///
    /// # Errors
    /// [`BadCertificate`] when it is not one whole certificate.
    pub fn parse(der: &'a [u8]) -> Result<Self, BadCertificate> {
        let signed = AnyRef::from_der(der)?.sequence(|reader| {
            let tbs = reader.tlv_bytes()?;
            let algorithm = expect(reader, Tag::Sequence)?.value();
            let signature = BitStringRef::decode(reader)?.raw_bytes();
            Ok(Signed { tbs, algorithm, signature })
        })?;
        let (certificate, repeated) =
            AnyRef::from_der(signed.tbs)?.sequence(|reader| read_tbs(reader, signed))?;
        // RFC 5280 section 4.1.1.2: the algorithm outside the signed part repeats the one inside.
        if repeated != signed.algorithm {
            return Err(BadCertificate);
        }
        Ok(certificate)
    }

    /// The names of a kind that can be compared with a node or a person. What cannot be read ends them.
    pub fn names(&self) -> impl Iterator<Item = SubjectName<'a>> + use<'a> {
        names::read(self.extension(SUBJECT_ALT_NAME).unwrap_or_default())
    }

    /// First common name of the issuer, under the same conditions as that of the subject.
    #[must_use]
    pub fn issuer_name(&self) -> Option<&'a str> {
        read_common_name(self.issuer).ok().flatten()
    }

    /// The contents of its `SubjectPublicKeyInfo`, as a [`TrustAnchor`](pki_types::TrustAnchor) has them.
    #[must_use]
    pub fn spki_contents(&self) -> &'a [u8] {
        AnyRef::from_der(self.spki).map(|spki| spki.value()).unwrap_or_default()
    }

    /// The URIs of the lists that would revoke it: its CRL distribution points. What cannot be read ends them.
    pub fn distribution_points(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        distribution::read(self.extension(CRL_DISTRIBUTION_POINTS).unwrap_or_default())
    }

    /// The name that it gives its holder, in NATS's order: its first e-mail address, else DNS name, else URI, else the subject's
    /// common name.
    #[must_use]
    pub fn user_name(&self) -> Option<&'a str> {
        let email = |name| if let SubjectName::Email(name) = name { Some(name) } else { None };
        let dns = |name| if let SubjectName::Dns(name) = name { Some(name) } else { None };
        let uri = |name| if let SubjectName::Uri(name) = name { Some(name) } else { None };
        let alternative = self.names().find_map(email).or_else(|| self.names().find_map(dns));
        alternative.or_else(|| self.names().find_map(uri)).or(self.common_name)
    }

    /// Returns true when it has no subject alternative names of any kind.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.extension(SUBJECT_ALT_NAME).is_none()
    }

    /// Returns true for the certificate of a CA: its basic constraints say so.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        let constraints = self.extension(BASIC_CONSTRAINTS).and_then(|bytes| AnyRef::from_der(bytes).ok());
        let first = constraints
            .and_then(|constraints| AnyRef::decode(&mut SliceReader::new(constraints.value()).ok()?).ok());
        first.is_some_and(|first| first.decode_as::<bool>() == Ok(true))
    }

    /// Returns true when the key may sign certificates: its key usage says so, or says nothing.
    #[must_use]
    pub fn may_sign_certificates(&self) -> bool {
        self.has_key_usage(0b100)
    }

    /// Returns true when the key may sign handshakes: its key usage says so (digitalSignature), or says nothing.
    #[must_use]
    pub fn may_sign_handshakes(&self) -> bool {
        self.has_key_usage(0b1000_0000)
    }

    /// What the extended key usage allows. `None` without that extension, which allows everything.
    #[must_use]
    pub fn extended_key_usage(&self) -> Option<Usage> {
        self.extension(EXTENDED_KEY_USAGE).map(Usage::read)
    }

    /// Whether the key usage has this bit, counted in its first byte, or says nothing (RFC 5280 section 4.2.1.3).
    fn has_key_usage(&self, bit: u8) -> bool {
        let bits = self.extension(KEY_USAGE).map(BitStringRef::from_der);
        bits.is_none_or(|bits| {
            bits.is_ok_and(|bits| bits.raw_bytes().first().is_some_and(|first| first & bit != 0))
        })
    }

    /// Returns true when its extended key usage allows this, or it has none.
    #[must_use]
    pub fn allows(&self, usage: Usage) -> bool {
        self.extended_key_usage()
            .is_none_or(|found| (found.server || !usage.server) && (found.client || !usage.client))
    }

    /// Returns true when there are any extensions, which version 1 does not have.
    pub(super) const fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Its extensions. What cannot be read ends them.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut reader = SliceReader::new(self.extensions).ok();
        core::iter::from_fn(move || {
            let reader = reader.as_mut().filter(|reader| !reader.is_finished())?;
            AnyRef::decode(reader).ok()?.sequence(read_extension).ok()
        })
    }

    /// The contents of the extension of this kind.
    fn extension(&self, kind: ObjectIdentifier) -> Option<&'a [u8]> {
        self.extensions().find(|extension| extension.oid == kind.as_bytes()).map(|extension| extension.value)
    }

    /// The public key, when it is a P-256 key.
    #[must_use]
    pub fn p256_key(&self) -> Option<P256Point> {
        (self.algorithm == KeyAlgorithm::P256).then(|| P256Point::from_sec1(self.key)).flatten()
    }
}

/// An extension of a certificate (RFC 5280 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Contents of the object identifier that says its kind.
    pub oid: &'a [u8],
    /// A reader that does not know the kind must refuse the certificate.
    pub critical: bool,
    /// DER of what it says.
    pub value: &'a [u8],
}

/// The kind of a certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256, with an uncompressed point: what boards use.
    P256,
    /// ECDSA on P-384.
    P384,
    /// `EdDSA` on edwards25519.
    Ed25519,
    /// RSA with a modulus of this many bits.
    Rsa(u16),
    /// Another curve, or a compressed point.
    OtherEc,
    /// Anything else.
    Other,
}

impl KeyAlgorithm {
    /// Whether the key is on an elliptic curve and signs by ECDSA.
    #[must_use]
    pub const fn is_ec(self) -> bool {
        matches!(self, Self::P256 | Self::P384 | Self::OtherEc)
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa(bits) => write!(f, "RSA-{bits}"),
            Self::OtherEc => f.write_str("other EC"),
            Self::Other => f.write_str("other"),
        }
    }
}

/// The bytes are not one whole certificate in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not one whole X.509 certificate: make it anew")]
pub struct BadCertificate;

impl From<der::Error> for BadCertificate {
    fn from(_: der::Error) -> Self {
        Self
    }
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.31");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// `TBSCertificate`: what is read of it, and the contents of its signature algorithm.
fn read_tbs<'a>(
    reader: &mut SliceReader<'a>,
    signed: Signed<'a>,
) -> der::Result<(Certificate<'a>, &'a [u8])> {
    let version = reader.context_specific::<u8>(TagNumber::N0, TagMode::Explicit)?.unwrap_or(0);
    if version > 2 {
        return Err(Tag::Integer.value_error());
    }
    let serial = expect(reader, Tag::Integer)?.value();
    let signed_algorithm = expect(reader, Tag::Sequence)?.value();
    let issuer = expect(reader, Tag::Sequence)?.value();
    let (not_before, not_after) = AnyRef::decode(reader)?.sequence(|validity| {
        Ok((date::parse(AnyRef::decode(validity)?)?, date::parse(AnyRef::decode(validity)?)?))
    })?;
    let subject = expect(reader, Tag::Sequence)?.value();
    let common_name = read_common_name(subject)?;
    let spki = reader.tlv_bytes()?;
    let (algorithm, key) = AnyRef::from_der(spki)?.sequence(read_key)?;
    let extensions = read_optional_fields(reader)?;
    let certificate = Certificate {
        version: version + 1,
        serial,
        issuer,
        subject,
        not_before,
        not_after,
        common_name,
        spki,
        algorithm,
        key,
        extensions,
        signed,
    };
    Ok((certificate, signed_algorithm))
}

/// The unique identifiers `[1]` and `[2]` and the extensions `[3]`: at most one of each, in this order. Returns the contents of the
/// extensions.
fn read_optional_fields<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let mut last = TagNumber::N0;
    let mut extensions: &[u8] = &[];
    while !reader.is_finished() {
        let field = AnyRef::decode(reader)?;
        let (Tag::ContextSpecific { number, .. }, tag) = (field.tag(), field.tag()) else {
            return Err(field.tag().unexpected_error(None));
        };
        if number <= last || number > TagNumber::N3 {
            return Err(tag.unexpected_error(None));
        }
        if number == TagNumber::N3 {
            extensions = AnyRef::from_der(field.value())?.value();
        }
        last = number;
    }
    Ok(extensions)
}

pub(super) fn read_extension<'a>(reader: &mut SliceReader<'a>) -> der::Result<Extension<'a>> {
    let oid = expect(reader, Tag::ObjectIdentifier)?.value();
    let next = AnyRef::decode(reader)?;
    if next.tag() == Tag::Boolean {
        let critical = next.decode_as::<bool>()?;
        return Ok(Extension { oid, critical, value: AnyRef::decode(reader)?.value() });
    }
    Ok(Extension { oid, critical: false, value: next.value() })
}

/// `SubjectPublicKeyInfo`: the kind of key, and its bits.
fn read_key<'a>(reader: &mut SliceReader<'a>) -> der::Result<(KeyAlgorithm, &'a [u8])> {
    let (algorithm, parameters) = AnyRef::decode(reader)?.sequence(|identifier| {
        Ok((expect(identifier, Tag::ObjectIdentifier)?, Option::<AnyRef<'_>>::decode(identifier)?))
    })?;
    let key = BitStringRef::decode(reader)?.as_bytes().ok_or_else(|| Tag::BitString.value_error())?;
    let is = |oid: ObjectIdentifier| algorithm.value() == oid.as_bytes();
    let curve_is = |oid: ObjectIdentifier| {
        parameters
            .is_some_and(|curve| curve.tag() == Tag::ObjectIdentifier && curve.value() == oid.as_bytes())
    };
    let algorithm = if is(EC_PUBLIC_KEY) && curve_is(P256_CURVE) && P256Point::from_sec1(key).is_some() {
        KeyAlgorithm::P256
    } else if is(EC_PUBLIC_KEY) && curve_is(P384_CURVE) {
        KeyAlgorithm::P384
    } else if is(EC_PUBLIC_KEY) {
        KeyAlgorithm::OtherEc
    } else if is(ED25519) {
        KeyAlgorithm::Ed25519
    } else if is(RSA_ENCRYPTION) {
        KeyAlgorithm::Rsa(read_rsa_bits(key)?)
    } else {
        KeyAlgorithm::Other
    };
    Ok((algorithm, key))
}

/// The contents of a `SubjectPublicKeyInfo`: the contents of its `AlgorithmIdentifier`, and its key.
fn read_spki(contents: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(contents)?;
    let algorithm = expect(&mut reader, Tag::Sequence)?.value();
    let key = BitStringRef::decode(&mut reader)?.as_bytes().ok_or_else(|| Tag::BitString.value_error())?;
    Ok((algorithm, key))
}

/// Length of the modulus in an `RSAPublicKey`.
fn read_rsa_bits(key: &[u8]) -> der::Result<u16> {
    AnyRef::from_der(key)?.sequence(|reader| {
        let modulus = expect(reader, Tag::Integer)?.value();
        let _exponent = expect(reader, Tag::Integer)?;
        let leading_zeros: usize = match modulus {
            [0, first, ..] => 8 + first.leading_zeros() as usize,
            [first, ..] => first.leading_zeros() as usize,
            [] => 0,
        };
        u16::try_from(modulus.len().saturating_mul(8).saturating_sub(leading_zeros))
            .map_err(|_| Tag::Integer.value_error())
    })
}

/// The first common name in the contents of a `Name`.
pub(super) fn read_common_name(subject: &[u8]) -> der::Result<Option<&str>> {
    let mut found = None;
    let mut names = SliceReader::new(subject)?;
    while !names.is_finished() {
        let set = expect(&mut names, Tag::Set)?;
        let mut attributes = SliceReader::new(set.value())?;
        while !attributes.is_finished() {
            let (kind, value) = AnyRef::decode(&mut attributes)?
                .sequence(|pair| Ok((expect(pair, Tag::ObjectIdentifier)?, AnyRef::decode(pair)?)))?;
            let text = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
            if found.is_none() && text && kind.value() == COMMON_NAME.as_bytes() {
                found =
                    core::str::from_utf8(value.value()).ok().filter(|name| !name.contains(char::is_control));
            }
        }
    }
    Ok(found)
}

/// The next element, which has this tag and is not empty unless it is constructed.
pub(super) fn expect<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<AnyRef<'a>> {
    let element = AnyRef::decode(reader)?;
    element.tag().assert_eq(tag)?;
    if element.value().is_empty() && !tag.is_constructed() {
        return Err(tag.length_error());
    }
    Ok(element)
}
