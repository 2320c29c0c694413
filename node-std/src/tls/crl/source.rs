//! Where lists are to be found, and who may sign them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use node_core::trust::{Authority, Certificate};

use super::url::CrlUrl;

/// Most URLs.
pub(super) const MAX_URLS: usize = 32;
/// Most of them that certificates of peers name.
const MAX_LEARNED: usize = 16;
/// Most keys of CAs that come from certificates of peers.
const MAX_LEARNED_ISSUERS: usize = 64;

/// Where lists are to be found, and who may sign them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    urls: BTreeMap<CrlUrl, Expected>,
    /// Names of CAs, and the contents of their `SubjectPublicKeyInfo`.
    issuers: BTreeSet<(Vec<u8>, Vec<u8>)>,
}

/// Whose list is at a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// Any known CA's: the operator names the URL.
    Any,
    /// That of a CA with one of these names: its certificates name the URL.
    Of(BTreeSet<Vec<u8>>),
}

impl Sources {
    /// The operator names a URL.
    pub fn name(&mut self, url: CrlUrl) {
        self.urls.insert(url, Expected::Any);
    }

    /// A CA may sign lists.
    pub fn trust_authority(&mut self, authority: &Authority<'_>) {
        let anchor = &authority.anchor;
        self.issuers.insert((anchor.subject.to_vec(), anchor.subject_public_key_info.to_vec()));
    }

    /// The CA with this certificate may sign lists.
    pub fn trust(&mut self, issuer: &Certificate<'_>) {
        self.issuers.insert((issuer.subject.to_vec(), issuer.spki_contents().to_vec()));
    }

    /// A certificate names the list that would revoke it. URLs that are not fetched, as those of LDAP, are passed over.
    pub fn read(&mut self, certificate: &Certificate<'_>) {
        for url in certificate.distribution_points().filter_map(|point| point.parse().ok()) {
            self.expect(url, [certificate.issuer.to_vec()].into());
        }
    }

    /// Adds a URL, as far as there is room. No certificate narrows what the operator says.
    fn expect(&mut self, url: CrlUrl, issuers: BTreeSet<Vec<u8>>) {
        let is_full = self.urls.len() >= MAX_URLS;
        match self.urls.entry(url) {
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Expected::Any => {}
                Expected::Of(expected) => expected.extend(issuers),
            },
            Entry::Vacant(entry) if !is_full => {
                entry.insert(Expected::Of(issuers));
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Certificates that a peer showed, and that lead from it to a CA, the peer's own first. Returns what is new.
    pub fn learn<'c>(&self, path: impl Iterator<Item = Certificate<'c>>) -> Option<Self> {
        let mut learned = self.clone();
        for (index, certificate) in path.enumerate() {
            learned.read(&certificate);
            if index > 0 {
                learned.trust(&certificate);
            }
        }
        let fits = learned.urls.len() <= MAX_LEARNED && learned.issuers.len() <= MAX_LEARNED_ISSUERS;
        (fits && learned != *self).then_some(learned)
    }

    /// Adds what peers showed to what the configuration says, as far as there is room.
    pub fn merge(&mut self, learned: Self) {
        for (url, expected) in learned.urls {
            if let Expected::Of(issuers) = expected {
                self.expect(url, issuers);
            }
        }
        self.issuers.extend(learned.issuers);
    }

    pub(super) fn urls(&self) -> impl Iterator<Item = &CrlUrl> {
        self.urls.keys()
    }

    pub(super) fn contains(&self, url: &CrlUrl) -> bool {
        self.urls.contains_key(url)
    }

    /// Whether the list of the CA of this name may be at `url`.
    pub(super) fn expects(&self, url: &CrlUrl, issuer: &[u8]) -> bool {
        match self.urls.get(url) {
            Some(Expected::Any) => true,
            Some(Expected::Of(names)) => names.contains(issuer),
            None => false,
        }
    }

    /// The keys of the CAs of this name.
    pub(super) fn keys<'s>(&'s self, issuer: &'s [u8]) -> impl Iterator<Item = &'s [u8]> {
        let named = self.issuers.iter().filter(move |(name, _)| name == issuer);
        named.map(|(_, spki)| spki.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CrlDistributionPoint, DnType, IsCa, Issuer, KeyPair,
        PKCS_ECDSA_P256_SHA256,
    };
    use rustls::pki_types::CertificateDer;

    use super::*;

    /// A certificate that `CN=issuer` signed, and that names these URLs.
    fn naming(uris: &[&str]) -> CertificateDer<'static> {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut issuer = CertificateParams::default();
        issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        issuer.distinguished_name.push(DnType::CommonName, "issuer");
        let mut leaf = CertificateParams::default();
        let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        leaf.crl_distribution_points = vec![CrlDistributionPoint { uris }];
        leaf.signed_by(&key(), &Issuer::new(issuer, key())).unwrap().der().clone()
    }

    fn urls(sources: &Sources) -> Vec<String> {
        sources.urls().map(CrlUrl::to_string).collect()
    }

    #[test]
    fn a_certificate_names_the_list_of_its_issuer() {
        let der = naming(&["ldap://example.net/ca", "http://a.example/ca.crl", "https://b.example/ca.crl"]);
        let certificate = Certificate::parse(&der).unwrap();
        let mut sources = Sources::default();
        sources.read(&certificate);
        assert_eq!(urls(&sources), ["http://a.example/ca.crl"]);
        let url = "http://a.example/ca.crl".parse().unwrap();
        assert!(sources.expects(&url, certificate.issuer));
        assert!(!sources.expects(&url, b"another"));
    }

    #[test]
    fn a_url_of_the_operator_may_have_the_list_of_any_ca() {
        let mut sources = Sources::default();
        let url: CrlUrl = "http://a.example/ca.crl".parse().unwrap();
        sources.name(url.clone());
        // Also when a certificate names it.
        sources.read(&Certificate::parse(&naming(&["http://a.example/ca.crl"])).unwrap());
        assert!(sources.expects(&url, b"any"));
    }

    #[test]
    fn peers_name_few_urls() {
        let mut learned = Sources::default();
        for number in 0..MAX_LEARNED + 5 {
            let der = naming(&[&format!("http://a.example/{number:02}.crl")]);
            if let Some(more) = learned.learn([Certificate::parse(&der).unwrap()].into_iter()) {
                learned = more;
            }
        }
        assert_eq!(urls(&learned).len(), MAX_LEARNED);
        // What is known already is no news.
        let der = naming(&["http://a.example/00.crl"]);
        assert!(learned.learn([Certificate::parse(&der).unwrap()].into_iter()).is_none());
    }

    #[test]
    fn what_the_configuration_says_comes_first() {
        let mut sources = Sources::default();
        for number in 0..MAX_URLS - 1 {
            sources.name(format!("http://own.example/{number}").parse().unwrap());
        }
        let der = naming(&["http://a.example/1", "http://a.example/2"]);
        let learned = Sources::default().learn([Certificate::parse(&der).unwrap()].into_iter()).unwrap();
        sources.merge(learned);
        assert_eq!(urls(&sources).len(), MAX_URLS);
        assert_eq!(urls(&sources).iter().filter(|url| url.contains("own.example")).count(), MAX_URLS - 1);
    }
}
