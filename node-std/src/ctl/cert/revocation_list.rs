//! A list of revoked certificates (RFC 5280 section 5), read with all its entries and signed anew.

use core::time::Duration;
use std::path::Path;

use node_core::time::UnixTime;
use node_core::trust::Rfc3339;
use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::der::asn1::GeneralizedTime;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};

use super::authority::Authority;
use super::error::CertError;
use super::pem_file;
use super::signature::Signed;
use crate::clock::unix_time;

/// How long ago a list begins, for machines whose clock is behind.
const BACKDATED: u64 = 5 * 60;
const DAY: u64 = 24 * 3600;

/// id-ce-invalidityDate.
const INVALIDITY_DATE: &str = "2.5.29.24";

/// The entries of a list, and the number of the next.
pub struct RevocationList {
    entries: Vec<RevokedCertParams>,
    number: u128,
    now: UnixTime,
}

impl RevocationList {
    /// The list in the file at `path`, or an empty one when there is no file.
    ///
    /// # Errors
    /// The file is not a list of this CA, or holds what would be lost.
    pub fn read(path: &Path, ca: &Authority) -> Result<Self, CertError> {
        let now = unix_time();
        // Grows even when the list before is lost.
        let first = u128::from(now.0);
        if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Ok(Self { entries: Vec::new(), number: first, now });
        }
        let wrong = |problem| CertError::Unreadable { path: path.to_owned(), problem };
        let found = pem_file::read(path, "X509 CRL")?;
        let [der] = &found[..] else {
            return Err(wrong("does not hold one list of revoked certificates in PEM"));
        };
        let list = CertificateList::from_der(der);
        let list = list.map_err(|_| wrong("holds a list of revoked certificates that cannot be read"))?;
        let message = list.tbs_cert_list.to_der().unwrap_or_default();
        let signature = list.signature.raw_bytes();
        let signed = Signed { message: &message, algorithm: &list.signature_algorithm, signature };
        ca.check_signed(path, &list.tbs_cert_list.issuer, &signed)?;
        let extensions = list.tbs_cert_list.crl_extensions.unwrap_or_default();
        let known = |extension: &Extension| {
            [AuthorityKeyIdentifier::OID, CrlNumber::OID].contains(&extension.extn_id)
        };
        if extensions.iter().any(|extension| extension.critical && !known(extension)) {
            return Err(wrong("is a list for a part of the certificates: extend it with openssl ca -gencrl"));
        }
        let number = extensions.iter().find(|extension| extension.extn_id == CrlNumber::OID);
        let number = number.map_or(Some(0), read_number);
        let number = number.and_then(|number| number.checked_add(1)).map(|next| next.max(first));
        let number = number.ok_or_else(|| wrong("has a CRL number that is too large"))?;
        let entries = list.tbs_cert_list.revoked_certificates.unwrap_or_default();
        let entries: Option<Vec<_>> = entries.iter().map(read_entry).collect();
        let entries = entries
            .ok_or_else(|| wrong("has an entry that would be lost: extend it with openssl ca -gencrl"))?;
        Ok(Self { entries, number, now })
    }

    /// Adds a certificate. Returns false when it is there already.
    pub fn add(&mut self, serial_number: Vec<u8>) -> bool {
        let serial_number = SerialNumber::from(serial_number);
        if self.entries.iter().any(|entry| entry.serial_number == serial_number) {
            return false;
        }
        let revocation_time = date_time_ymd(1970, 1, 1) + Duration::from_secs(self.now.0);
        self.entries.push(RevokedCertParams {
            serial_number,
            revocation_time,
            reason_code: None,
            invalidity_date: None,
        });
        true
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the next list is due.
    pub fn due(&self, days: u32) -> Rfc3339 {
        Rfc3339(UnixTime(self.now.0.saturating_add(u64::from(days) * DAY)))
    }

    /// The list in DER.
    ///
    /// # Errors
    /// The CA cannot sign it.
    pub fn sign(self, ca: &Authority, days: u32) -> Result<Vec<u8>, CertError> {
        let at = |time: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(time);
        let number = self.number.to_be_bytes();
        let list = CertificateRevocationListParams {
            this_update: at(self.now.0.saturating_sub(BACKDATED)),
            next_update: at(self.due(days).0.0),
            crl_number: SerialNumber::from_slice(&number),
            issuing_distribution_point: None,
            revoked_certs: self.entries,
            key_identifier_method: KeyIdMethod::PreSpecified(ca.key_id.clone()),
        };
        let list = list.signed_by(&ca.issuer).map_err(CertError::Library)?;
        Ok(list.der().to_vec())
    }
}

fn read_number(extension: &Extension) -> Option<u128> {
    let number = CrlNumber::from_der(extension.extn_value.as_bytes()).ok()?;
    let mut bytes = [0; 16];
    let given = number.0.as_bytes();
    let start = bytes.len().checked_sub(given.len())?;
    bytes.get_mut(start..)?.copy_from_slice(given);
    Some(u128::from_be_bytes(bytes))
}

/// The bytes of a serial number. rcgen would write a negative one as another number.
pub fn positive(serial_number: &x509_cert::serial_number::SerialNumber) -> Option<Vec<u8>> {
    let bytes = serial_number.as_bytes();
    bytes.first().is_some_and(|first| *first < 0x80).then(|| bytes.to_vec())
}

/// An entry as rcgen writes it. `None` when it holds more than that.
fn read_entry(entry: &RevokedCert) -> Option<RevokedCertParams> {
    let at = |seconds: Duration| date_time_ymd(1970, 1, 1) + seconds;
    let mut read = RevokedCertParams {
        serial_number: SerialNumber::from(positive(&entry.serial_number)?),
        revocation_time: at(entry.revocation_date.to_unix_duration()),
        reason_code: None,
        invalidity_date: None,
    };
    for extension in entry.crl_entry_extensions.iter().flatten() {
        let value = extension.extn_value.as_bytes();
        if extension.extn_id == CrlReason::OID {
            read.reason_code = Some(reason(CrlReason::from_der(value).ok()?));
        } else if extension.extn_id.to_string() == INVALIDITY_DATE {
            read.invalidity_date = Some(at(GeneralizedTime::from_der(value).ok()?.to_unix_duration()));
        } else {
            return None;
        }
    }
    Some(read)
}

const fn reason(reason: CrlReason) -> RevocationReason {
    match reason {
        CrlReason::Unspecified => RevocationReason::Unspecified,
        CrlReason::KeyCompromise => RevocationReason::KeyCompromise,
        CrlReason::CaCompromise => RevocationReason::CaCompromise,
        CrlReason::AffiliationChanged => RevocationReason::AffiliationChanged,
        CrlReason::Superseded => RevocationReason::Superseded,
        CrlReason::CessationOfOperation => RevocationReason::CessationOfOperation,
        CrlReason::CertificateHold => RevocationReason::CertificateHold,
        CrlReason::RemoveFromCRL => RevocationReason::RemoveFromCrl,
        CrlReason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        CrlReason::AaCompromise => RevocationReason::AaCompromise,
    }
}
