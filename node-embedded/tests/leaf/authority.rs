//! CAs of a test, what they sign and what they revoke.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};

use crate::identity::Identity;

/// A CA, and the intermediates between it and a root, its own certificate first.
pub struct Ca {
    pub issuer: Issuer<'static, KeyPair>,
    pub certificate: Vec<u8>,
    pub path: Vec<Vec<u8>>,
}

/// A certificate of this name, valid from 2020 to 2040.
pub fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Ca {
    /// A root.
    pub fn root(name: &str) -> Self {
        Self::root_with(name, |_| ())
    }

    /// A root whose certificate is changed before it is signed.
    pub fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::root_of(KeyPair::generate().unwrap(), name, change)
    }

    /// The same with this key.
    pub fn root_of(key: KeyPair, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate, path: Vec::new() }
    }

    /// An intermediate that this one signs.
    pub fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, |_| ())
    }

    /// The same, changed before it is signed.
    pub fn intermediate_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (ca_params(name), KeyPair::generate().unwrap());
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        let path = [vec![certificate.clone()], self.path.clone()].concat();
        Self { issuer: Issuer::new(params, key), certificate, path }
    }

    /// A certificate with number 7 for `hub.example.com` and the hub's address.
    pub fn sign(&self) -> Identity {
        self.sign_with(|_| ())
    }

    /// The same, changed before it is signed.
    pub fn sign_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        self.sign_key(KeyPair::generate().unwrap(), change)
    }

    /// The same for this key.
    pub fn sign_key(&self, key: KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = params("hub");
        let names = CertificateParams::new(["hub.example.com".to_owned(), "10.0.0.2".to_owned()]).unwrap();
        params.subject_alt_names = names.subject_alt_names;
        params.serial_number = Some(SerialNumber::from(7));
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Identity { certificate, key, path: self.path.clone() }
    }

    /// The list of this CA, that revokes number 7 or nothing, and is to be replaced in this year.
    pub fn list(&self, revokes: bool, until: i32) -> Vec<u8> {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(7),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2021, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: if revokes { vec![revoked] } else { Vec::new() },
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}
