//! The names that people have for cipher suites, curves and versions: those of IANA, of OpenSSL and of Go.

use rustls::{CipherSuite, NamedGroup};

/// Suites by their names, that of IANA first.
const SUITES: [(CipherSuite, &[&str]); 9] = [
    (CipherSuite::TLS13_AES_128_GCM_SHA256, &["TLS_AES_128_GCM_SHA256"]),
    (CipherSuite::TLS13_AES_256_GCM_SHA384, &["TLS_AES_256_GCM_SHA384"]),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, &["TLS_CHACHA20_POLY1305_SHA256"]),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        &["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        &["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        &[
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        ],
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        &["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        &[
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "ECDHE-RSA-CHACHA20-POLY1305",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        ],
    ),
];

/// Curves by their names, that of IANA first.
const CURVES: [(NamedGroup, &[&str]); 4] = [
    (NamedGroup::X25519MLKEM768, &["X25519MLKEM768"]),
    (NamedGroup::X25519, &["x25519", "CurveX25519"]),
    (NamedGroup::secp256r1, &["secp256r1", "prime256v1", "P-256", "CurveP256"]),
    (NamedGroup::secp384r1, &["secp384r1", "P-384", "CurveP384"]),
];

/// The suite of this name.
#[must_use]
pub fn suite(name: &str) -> Option<CipherSuite> {
    find(&SUITES, name)
}

/// The curve of this name.
#[must_use]
pub fn curve(name: &str) -> Option<NamedGroup> {
    find(&CURVES, name)
}

/// The name of a suite in the registry of IANA.
#[must_use]
pub fn suite_name(suite: CipherSuite) -> &'static str {
    SUITES
        .iter()
        .find(|(known, _)| *known == suite)
        .and_then(|(_, names)| names.first())
        .unwrap_or(&"another suite")
}

/// The name of a curve.
#[must_use]
pub fn curve_name(curve: NamedGroup) -> &'static str {
    CURVES
        .iter()
        .find(|(known, _)| *known == curve)
        .and_then(|(_, names)| names.first())
        .unwrap_or(&"another group")
}

/// The names of all suites, for messages.
#[must_use]
pub fn suites() -> String {
    all(&SUITES)
}

/// The names of all curves, for messages.
#[must_use]
pub fn curves() -> String {
    all(&CURVES)
}

/// Whether a suite is one of TLS 1.3.
#[must_use]
pub fn is_tls13(suite: CipherSuite) -> bool {
    suite_name(suite).split_once("_WITH_").is_none()
}

fn find<T: Copy>(known: &[(T, &[&str])], name: &str) -> Option<T> {
    let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    known.iter().find(|(_, names)| is(names)).map(|(value, _)| *value)
}

fn all<T>(known: &[(T, &[&str])]) -> String {
    let names: Vec<&str> = known.iter().filter_map(|(_, names)| names.first().copied()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::provider::provider;

    #[test]
    fn everything_that_the_library_has_has_a_name() {
        for known in &provider().cipher_suites {
            let name = suite_name(known.suite());
            assert_eq!(suite(name), Some(known.suite()));
            assert_eq!(is_tls13(known.suite()), known.tls13().is_some(), "{name}");
        }
        for known in &provider().kx_groups {
            assert_eq!(curve(curve_name(known.name())), Some(known.name()));
        }
    }

    #[test]
    fn the_names_of_three_systems_mean_the_same() {
        let aes = Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        for name in ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"] {
            assert_eq!(suite(name), aes);
        }
        for name in ["P-256", "prime256v1", "secp256r1", "CurveP256", "curvep256"] {
            assert_eq!(curve(name), Some(NamedGroup::secp256r1));
        }
        assert_eq!((suite("RC4"), curve("P-521")), (None, None));
    }
}
