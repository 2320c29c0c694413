//! A certificate to be made.

use core::time::Duration;
use std::fs;
use std::path::Path;

use node_core::id::Name;
use node_core::time::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SigningKey, date_time_ymd,
};
use zeroize::Zeroizing;

use super::authority::Authority;
use super::error::CertError;
use super::key::NewKey;
use super::signature::key_id;
use crate::clock::unix_time;
use crate::tls::read_chain;

/// How long ago a new certificate begins, for machines whose clock is behind.
const BACKDATED: u64 = 5 * 60;
const DAY: u64 = 24 * 3600;

/// What a certificate will say.
pub struct Draft {
    /// The common name, which is the whole subject.
    pub cn: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The subject alternative names.
    pub names: Vec<SanType>,
    /// When it is valid.
    pub validity: Validity,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signs others.
    Ca,
    /// Of a node, which accepts and dials.
    Agent,
    /// Of one who dials.
    Client,
}

/// The period of validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub not_before: UnixTime,
    pub not_after: UnixTime,
}

/// A certificate with its key, made here.
pub struct Pair {
    pub key: NewKey,
    /// DER.
    pub certificate: Vec<u8>,
}

impl Pair {
    /// Reads a pair of P-256 from the files `STEM.crt` and `STEM.key` of a directory, where [`Files`](super::files::Files) put it.
    pub fn read(dir: &Path, stem: &Name) -> Result<Self, CertError> {
        let path = dir.join(format!("{stem}.key"));
        let pem = fs::read_to_string(&path).map(Zeroizing::new);
        let pem = pem.map_err(|error| CertError::Read { path: path.clone(), error })?;
        let problem = "is no P-256 key in PEM (PKCS #8), as this program makes it";
        let key = NewKey::of_pem(pem).map_err(|_| CertError::Unreadable { path, problem })?;
        let chain = read_chain(&dir.join(format!("{stem}.crt")))?;
        Ok(Self { key, certificate: chain.first().map(|der| der.to_vec()).unwrap_or_default() })
    }
}

impl Validity {
    /// From a few minutes ago on.
    pub fn of_days(days: u32) -> Self {
        let now = unix_time().0;
        let end = now.saturating_add(u64::from(days) * DAY);
        Self { not_before: UnixTime(now.saturating_sub(BACKDATED)), not_after: UnixTime(end) }
    }
}

impl Draft {
    /// Signs it with its own key.
    pub fn sign_itself(&self) -> Result<Pair, CertError> {
        let key = NewKey::generate()?;
        let signed =
            self.params(key.signer.key_id())?.self_signed(&key.signer).map_err(CertError::Library)?;
        Ok(Pair { certificate: signed.der().to_vec(), key })
    }

    /// Lets the CA sign it.
    pub fn sign(&self, ca: &Authority) -> Result<Pair, CertError> {
        let key = NewKey::generate()?;
        Ok(Pair { certificate: self.certify(&key.signer, &ca.issuer)?, key })
    }

    /// Makes a certificate of somebody's `key`, in DER.
    pub fn certify(
        &self,
        key: &impl PublicKeyData,
        issuer: &Issuer<'_, impl SigningKey>,
    ) -> Result<Vec<u8>, CertError> {
        let signed = self.params(key_id(key.der_bytes()))?.signed_by(key, issuer);
        Ok(signed.map_err(CertError::Library)?.der().to_vec())
    }

    fn params(&self, key_id: Vec<u8>) -> Result<CertificateParams, CertError> {
        let at = |time: UnixTime| date_time_ymd(1970, 1, 1) + Duration::from_secs(time.0);
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, self.cn.as_str());
        let mut params = CertificateParams::default();
        params.serial_number = Some(serial_number()?);
        params.not_before = at(self.validity.not_before);
        params.not_after = at(self.validity.not_after);
        params.distinguished_name = subject;
        params.subject_alt_names = self.names.clone();
        params.use_authority_key_identifier_extension = true;
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_id);
        (params.is_ca, params.key_usages) = match self.purpose {
            Purpose::Ca => {
                let usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
                (IsCa::Ca(BasicConstraints::Unconstrained), usages)
            }
            Purpose::Agent | Purpose::Client => (IsCa::ExplicitNoCa, vec![KeyUsagePurpose::DigitalSignature]),
        };
        params.extended_key_usages = match self.purpose {
            Purpose::Ca => vec![],
            Purpose::Agent => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
            Purpose::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        Ok(params)
    }
}

/// A positive number of 128 bits, nearly all of them random.
fn serial_number() -> Result<SerialNumber, CertError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| CertError::Random(std::io::Error::other(error)))?;
    // The first bit is the sign. The second makes all numbers equally long.
    let [first, ..] = &mut bytes;
    *first = (*first & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}
