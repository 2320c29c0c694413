//! CAs of a test, and what they sign.

use node_core::crypto::{SOFTWARE_ALGORITHMS, Software};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{Authority, Circumstances, Policy, Rejection, TrustedBy};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, ServerName};

/// 2026-11-30T12:00:00Z.
pub const NOW: UnixTime = UnixTime(1_796_040_000);
const DAY: u64 = 24 * 3600;

/// A CA, and the intermediates between it and a root, its own certificate first.
pub struct Ca {
    pub issuer: Issuer<'static, KeyPair>,
    pub certificate: CertificateDer<'static>,
    pub path: Vec<CertificateDer<'static>>,
}

/// The certificate of a CA with this name, valid from 2020 to 2040.
fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

impl Ca {
    /// A root.
    pub fn root(name: &str) -> Self {
        Self::root_with(name, |_| ())
    }

    /// A root whose certificate is changed before it is signed.
    pub fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (ca_params(name), KeyPair::generate().unwrap());
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate, path: Vec::new() }
    }

    /// An intermediate that this one signs.
    pub fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (ca_params(name), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let path = [vec![certificate.clone()], self.path.clone()].concat();
        Self { issuer: Issuer::new(params, key), certificate, path }
    }

    /// A certificate for `node.example.com` and 10.0.0.1, changed before it is signed, and the path that a peer shows with it.
    pub fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<CertificateDer<'static>> {
        self.sign_key(&KeyPair::generate().unwrap(), change)
    }

    /// The same for this key.
    pub fn sign_key(
        &self,
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Vec<CertificateDer<'static>> {
        let mut params = params("node");
        let names = CertificateParams::new(["node.example.com".to_owned(), "10.0.0.1".to_owned()]).unwrap();
        params.subject_alt_names = names.subject_alt_names;
        params.serial_number = Some(SerialNumber::from(7));
        change(&mut params);
        let certificate = params.signed_by(key, &self.issuer).unwrap().der().clone();
        [vec![certificate], self.path.clone()].concat()
    }

    /// As a policy trusts it.
    pub fn authority(&self) -> Authority<'_> {
        Authority::read(&self.certificate, &Software).unwrap()
    }
}

/// What is known in a test.
#[derive(Clone, Copy)]
pub struct Known<'n> {
    pub clock: WallClock,
    pub dialled: Option<&'n str>,
}

impl Known<'_> {
    /// The peer dialled, in 2026.
    pub const ACCEPTED: Self = Self { clock: WallClock::Reliable(NOW), dialled: None };
}

/// Judges as a board does, whose algorithms are a part of those of a server. Returns what made the peer trusted, and for how many
/// days.
pub fn judge(
    policy: &Policy<'_>,
    shown: &[CertificateDer<'_>],
    known: Known<'_>,
) -> Result<(TrustedBy, u64), Rejection> {
    let chain: Vec<&[u8]> = shown.iter().map(AsRef::as_ref).collect();
    let dialled = known.dialled.map(|name| ServerName::try_from(name).unwrap());
    let circumstances = Circumstances {
        clock: Some(known.clock),
        dialled: dialled.as_ref(),
        algorithms: SOFTWARE_ALGORITHMS,
    };
    let accepted = policy.judge(&chain, &circumstances, &Software)?;
    Ok((accepted.by, accepted.until.0.saturating_sub(NOW.0) / DAY))
}

/// The reason of a refusal, in words.
pub fn refusal(policy: &Policy<'_>, shown: &[CertificateDer<'_>], known: Known<'_>) -> String {
    judge(policy, shown, known).unwrap_err().to_string()
}
