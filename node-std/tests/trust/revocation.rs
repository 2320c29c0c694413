//! Lists of revoked certificates, with the meaning of Erlang's `crl_check`.

use node_core::trust::{Policy, Revocation};
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber, date_time_ymd};
use webpki::{CertRevocationList, OwnedCertRevocationList};

use crate::authority::{Ca, Known, judge, refusal};

/// The list of a CA, that revokes certificate number 7 or nothing, and is to be replaced in this year.
fn list(ca: &Ca, revokes: bool, until: i32) -> CertRevocationList<'static> {
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
    let der = params.signed_by(&ca.issuer).unwrap();
    OwnedCertRevocationList::from_der(der.der()).unwrap().into()
}

#[test]
fn each_value_means_what_it_means_in_erlang() {
    let root = Ca::root("root");
    let inner = root.intermediate("inner");
    let shown = inner.sign(|_| ());
    let authorities = [root.authority()];
    let of_root = list(&root, false, 2030);
    let [good, revoking, stale] =
        [(false, 2030), (true, 2030), (false, 2022)].map(|(revokes, until)| list(&inner, revokes, until));
    let forged = list(&Ca::root("inner"), true, 2030);
    let judged = |revocation| {
        let policy = Policy { authorities: &authorities, revocation, ..Policy::default() };
        match judge(&policy, &shown, Known::ACCEPTED) {
            Ok(_) => String::new(),
            Err(_) => refusal(&policy, &shown, Known::ACCEPTED),
        }
    };
    let (good_only, both) = ([&good], [&good, &of_root]);
    let (revoking, stale, forged) = ([&revoking, &of_root], [&stale, &of_root], [&forged, &of_root]);
    for (revocation, why) in [
        (Revocation::Off, ""),
        // true: every certificate of the path, and a missing list counts as revoked.
        (Revocation::Chain(&both), ""),
        (Revocation::Chain(&good_only), "is not known (crl_check)"),
        (Revocation::Chain(&[]), "is not known (crl_check)"),
        (Revocation::Chain(&revoking), "is revoked"),
        (Revocation::Chain(&stale), "should have been replaced at 2022"),
        (Revocation::Chain(&forged), "is not signed by the CA"),
        // peer: its own certificate alone.
        (Revocation::Peer(&good_only), ""),
        (Revocation::Peer(&both[1..]), "is not known (crl_check)"),
        (Revocation::Peer(&revoking), "is revoked"),
        // best_effort: a missing list is accepted.
        (Revocation::BestEffort(&[]), ""),
        (Revocation::BestEffort(&both[1..]), ""),
        (Revocation::BestEffort(&stale), ""),
        (Revocation::BestEffort(&revoking), "is revoked"),
        (Revocation::BestEffort(&forged), "is not signed by the CA"),
    ] {
        let said = judged(revocation);
        assert!(said.is_empty() == why.is_empty() && said.contains(why), "{revocation:?}: {said}");
    }
}
