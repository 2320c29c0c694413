//! `cert info` says what openssl says, and tells scripts by its exit status.

use crate::desk::Desk;

/// A pair with these dates. `openssl req` cannot date back, `openssl ca` can.
pub fn dated(desk: &Desk, stem: &str, start: &str, end: &str, constraints: &str) {
    desk.ok(&format!(
        "cat > ca.conf <<EOF
[ca]
default_ca = ca_default
[ca_default]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[extensions]
basicConstraints = {constraints}
EOF
: > index.txt
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {stem}.key -out req.csr -subj /CN=dated
openssl ca -batch -config ca.conf -selfsign -rand_serial -notext -keyfile {stem}.key -in req.csr -extensions extensions \
  -out {stem}.crt -startdate {start} -enddate {end}"
    ));
}

/// Seconds from now as openssl writes dates.
fn ahead(desk: &Desk, seconds: i64) -> String {
    desk.ok(&format!("date -u -d '{seconds} seconds' +%Y%m%d%H%M%SZ")).trim().to_owned()
}

#[test]
fn the_exit_status_tells_a_script() {
    let desk = Desk::with_ca();
    let day = 86_400;
    let (past, now) = (ahead(&desk, -9 * day), ahead(&desk, -60));
    for (stem, start, end) in [
        ("expired", past.clone(), now.clone()),
        ("soon", past.clone(), ahead(&desk, 30 * day - 600)),
        ("valid", past, ahead(&desk, 30 * day + 600)),
        ("future", ahead(&desk, day), ahead(&desk, 99 * day)),
    ] {
        dated(&desk, stem, &start, &end, "CA:FALSE");
    }
    for (files, code, status) in [
        ("valid.crt", 0, "Valid"),
        ("soon.crt", 3, "EXPIRING SOON"),
        ("expired.crt", 4, "EXPIRED"),
        ("future.crt", 5, "NOT YET VALID"),
        ("valid.crt soon.crt", 3, "Valid"),
        ("expired.crt soon.crt future.crt", 4, "EXPIRED"),
        ("future.crt soon.crt", 5, "EXPIRING SOON"),
    ] {
        let output = desk.run(&format!("maelctl cert info {files}"));
        assert_eq!(output.code, code, "{files}: {output:?}");
        assert!(output.stdout.contains(&format!("Status:      {status}\n")), "{output:?}");
        assert_eq!(desk.run(&format!("maelctl cert info --json {files}")).code, code);
    }
    // The others are shown all the same.
    let output = desk.run("maelctl cert info none.crt expired.crt");
    assert!(output.code == 1 && output.stdout.contains("EXPIRED"), "{output:?}");
    assert!(output.stderr.contains("maelctl: none.crt: cannot be read"), "{output:?}");
}

#[test]
fn fingerprints_are_those_of_openssl() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n node --dns node.example.com");
    let shown = &desk.json("cert info certs/node.crt")["certificates"][0];
    let certificate = desk.ok("openssl x509 -outform DER -in certs/node.crt | sha256sum");
    let key = desk
        .ok("openssl x509 -pubkey -noout -in certs/node.crt | openssl pkey -pubin -outform DER | sha256sum");
    let digest = |printed: String| format!("sha256:{}", printed.split(' ').next().unwrap());
    assert_eq!(shown["certificateSha256"], digest(certificate));
    assert_eq!(shown["spkiSha256"], digest(key));
    let serial = desk.ok("openssl x509 -serial -noout -in certs/node.crt").trim().to_lowercase();
    assert_eq!(format!("serial={}", shown["serial"].as_str().unwrap()), serial);
    assert_eq!(
        (&shown["file"], &shown["issuer"], &shown["ca"]),
        (&"certs/node.crt".into(), &"CN=My Mesh CA".into(), &false.into())
    );
    assert!(shown["names"].as_array().unwrap().contains(&"DNS:node.example.com".into()), "{shown}");
    let text = desk.ok("maelctl cert info certs/node.crt");
    for label in [
        "Certificate: sha256:",
        "Public key:  sha256:",
        "Usages:      digitalSignature, serverAuth, clientAuth",
    ] {
        assert!(text.contains(label), "{label}: {text}");
    }
}

#[test]
fn each_certificate_of_a_chain_is_shown() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n node && cat certs/node.crt certs/node.key certs/ca.crt > chain.pem");
    let text = desk.ok("maelctl cert info chain.pem");
    assert!(text.contains("chain.pem, certificate 2 of 2\n  Subject:     CN=My Mesh CA"), "{text}");
    let many =
        desk.ok("for i in $(seq 40); do cat certs/ca.crt; done > many.pem; maelctl cert info many.pem");
    assert_eq!(many.matches("Status:      Valid").count(), 40);
}

#[test]
fn every_kind_of_certificate_is_described() {
    let desk = Desk::new();
    for (genpkey, key) in [
        ("openssl genrsa -out k.key 2048", "RSA-2048"),
        ("openssl genpkey -algorithm ED25519 -out k.key", "Ed25519"),
        ("openssl ecparam -name secp384r1 -genkey -noout -out k.key", "P-384"),
        ("openssl ecparam -name secp521r1 -genkey -noout -out k.key", "other EC"),
    ] {
        desk.ok(&format!("{genpkey} && openssl req -utf8 -x509 -new -key k.key -days 99 -out c.crt -subj '/O=A, B/CN=Büro' -addext extendedKeyUsage=codeSigning,1.2.3.4"));
        let shown = &desk.json("cert info c.crt")["certificates"][0];
        assert_eq!((&shown["key"], &shown["subject"]), (&key.into(), &r"CN=Büro,O=A\, B".into()), "{shown}");
        assert_eq!(shown["usages"], serde_json::json!(["codeSigning", "1.2.3.4"]));
    }
}

#[test]
fn what_is_no_certificate_is_named() {
    let desk = Desk::with_ca();
    desk.ok("printf '' > empty; head -c 300 certs/ca.crt > cut; openssl x509 -in certs/ca.crt -outform DER -out der
        printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' > damaged; head -c 2000000 /dev/zero > long
        mkfifo pipe");
    for (file, part) in [
        ("empty", "holds no certificate"),
        ("certs/ca.key", "holds no certificate"),
        ("cut", "stops in the middle"),
        ("der", "openssl x509 -inform DER"),
        ("damaged", "holds a certificate that cannot be read"),
        ("long", "longer than 1 MiB"),
        ("pipe", "not a regular file"),
        ("certs", "not a regular file"),
        ("none", "cannot be read"),
    ] {
        let said = desk.fails(1, &format!("maelctl cert info {file}"));
        assert!(said.starts_with(&format!("maelctl: {file}:")) && said.contains(part), "{file}: {said}");
    }
}

#[test]
fn a_name_does_not_steer_the_terminal() {
    let desk = Desk::new();
    // ESC [, and the same as one character.
    let name = r"$(printf 'a\033[31mb\302\233 31mc')";
    desk.ok(&format!(
        "openssl req -utf8 -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.key -out c.crt -subj \"/CN={name}\""
    ));
    let output = desk.run("maelctl cert info c.crt");
    assert!(output.stdout.contains("Subject:     CN=a"), "{output:?}");
    assert!(!output.stdout.replace('\n', "").contains(char::is_control), "{output:?}");
}
