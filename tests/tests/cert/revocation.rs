//! Lists of revoked certificates.

use std::fs;

use crate::desk::Desk;

/// What openssl says of the list, whose signature it checked.
fn shown(desk: &Desk) -> String {
    let output = desk.run("openssl crl -verify -noout -text -CAfile certs/ca.crt -in certs/ca.crl 2>&1");
    assert!(output.code == 0 && output.stdout.contains("verify OK"), "{output:?}");
    output.stdout
}

fn number(desk: &Desk) -> u128 {
    let printed = desk.ok("openssl crl -crlnumber -noout -in certs/ca.crl");
    u128::from_str_radix(printed.trim().trim_start_matches("crlNumber=").trim_start_matches("0x"), 16)
        .unwrap()
}

#[test]
fn revoked_certificates_stay_revoked_while_the_list_grows() {
    let desk = Desk::with_ca();
    desk.ok("for n in a b c; do maelctl cert agent -n $n; done; maelctl cert crl");
    assert!(shown(&desk).contains("No Revoked Certificates"));
    let mut last = number(&desk);
    for (name, count) in [("a", 1), ("b", 2)] {
        desk.ok(&format!(
            "maelctl cert crl --ca certs/ca.crt --ca-key certs/ca.key --revoke certs/{name}.crt -o certs"
        ));
        let next = number(&desk);
        assert!(next > last, "{next} after {last}");
        last = next;
        assert_eq!(shown(&desk).matches("Serial Number:").count(), count);
    }
    let verdict = |name: &str| {
        desk.run(&format!(
            "openssl verify -crl_check -CAfile certs/ca.crt -CRLfile certs/ca.crl certs/{name}.crt 2>&1"
        ))
    };
    assert!(
        verdict("a").stdout.contains("certificate revoked")
            && verdict("b").stdout.contains("certificate revoked")
    );
    assert_eq!(verdict("c").code, 0);
    // Twice is once.
    let output = desk.run("maelctl cert crl --revoke certs/a.crt --days 7");
    assert!(output.code == 0 && output.stderr.contains("certs/a.crt is revoked already"), "{output:?}");
    assert_eq!(shown(&desk).matches("Serial Number:").count(), 2);
    let due = desk.ok("date -d \"$(openssl crl -nextupdate -noout -in certs/ca.crl | cut -d= -f2)\" +%s");
    let days =
        (due.trim().parse::<i64>().unwrap() - desk.ok("date +%s").trim().parse::<i64>().unwrap()) / 3600;
    assert!((7 * 24 - 2..=7 * 24).contains(&days), "{days} h");
}

#[test]
fn a_list_of_openssl_keeps_its_entries_and_their_reasons() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n a && maelctl cert agent -n b
cat > ca.conf <<EOF
[ca]
default_ca = ca_default
[ca_default]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 30
EOF
: > index.txt; echo FFFFFFFFFFFFFFFF00 > crlnumber
openssl ca -config ca.conf -cert certs/ca.crt -keyfile certs/ca.key -revoke certs/a.crt -crl_compromise 20260102030405Z
openssl ca -config ca.conf -cert certs/ca.crt -keyfile certs/ca.key -gencrl -out certs/ca.crl");
    let before = number(&desk);
    desk.ok("maelctl cert crl --revoke certs/b.crt");
    let text = shown(&desk);
    assert_eq!(text.matches("Serial Number:").count(), 2);
    assert!(text.contains("Key Compromise") && text.contains("Jan  2 03:04:05 2026 GMT"), "{text}");
    assert_eq!(number(&desk), before + 1);
}

#[test]
fn only_what_the_ca_signed_is_taken() {
    let desk = Desk::with_ca();
    // Another CA of the same name.
    desk.ok("maelctl cert ca -n 'My Mesh CA' -o other && maelctl cert agent -n a -o other && maelctl cert crl -o other
        maelctl cert crl && openssl ecparam -name prime256v1 -genkey -noout -out k.key
        openssl req -x509 -new -key certs/ca.key -days 9 -subj /CN=signer -addext keyUsage=critical,keyCertSign -out no-crl.crt");
    let before = fs::read(desk.file("certs/ca.crl")).unwrap();
    for (arguments, part) in [
        ("--revoke other/a.crt", "other/a.crt was not signed by ./certs/ca.crt"),
        ("--revoke certs/ca.key", "holds no certificate"),
        ("--revoke none.crt", "none.crt: cannot be read"),
        ("--ca no-crl.crt --ca-key certs/ca.key", "its key usage lacks cRLSign"),
    ] {
        let said = desk.fails(1, &format!("maelctl cert crl {arguments}"));
        assert!(said.contains(part), "{arguments}: {said}");
        assert_eq!(fs::read(desk.file("certs/ca.crl")).unwrap(), before, "{arguments}");
    }
    desk.ok("cp other/ca.crl certs/ca.crl");
    let said = desk.fails(1, "maelctl cert crl");
    assert!(said.contains("./certs/ca.crl was not signed by"), "{said}");
    desk.ok("echo nonsense > certs/ca.crl");
    assert!(desk.fails(1, "maelctl cert crl").contains("does not hold one list"));
}

#[test]
fn every_serial_number_of_openssl_is_revoked_as_it_is() {
    let desk = Desk::with_ca();
    desk.ok("openssl ecparam -name prime256v1 -genkey -noout -out k.key && openssl req -new -key k.key -subj /CN=a -out a.csr");
    let sign = |serial: &str| {
        desk.ok(&format!(
            "openssl x509 -req -in a.csr -CA certs/ca.crt -CAkey certs/ca.key -set_serial {serial} -days 9 -out a.crt"
        ));
    };
    for (count, serial) in
        ["0x1", "0x80", "0xFF00FF", "0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"].iter().enumerate()
    {
        sign(serial);
        desk.ok("maelctl cert crl --revoke a.crt");
        assert_eq!(shown(&desk).matches("Serial Number:").count(), count + 1);
        let verdict =
            desk.run("openssl verify -crl_check -CAfile certs/ca.crt -CRLfile certs/ca.crl a.crt 2>&1");
        assert!(verdict.stdout.contains("certificate revoked"), "{serial}: {verdict:?}");
    }
    sign("-5");
    assert!(desk.fails(1, "maelctl cert crl --revoke a.crt").contains("a.crt: has a negative serial number"));
}
