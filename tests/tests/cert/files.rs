//! Files are whole or absent, secret where they must be, and replaced only when that is asked for.

use std::fs;

use crate::desk::Desk;

#[test]
fn keys_are_secret_whatever_the_umask() {
    let desk = Desk::new();
    desk.ok("umask 0; maelctl cert ca && maelctl cert agent -n node && maelctl cert dir -o tls && maelctl cert board -n b -o b --trust tls/server_a.crt");
    for secret in ["certs/ca.key", "certs/node.key", "tls/server_b.key", "b/b.leaf.key", "b/b.bundle"] {
        assert_eq!(desk.mode(secret), 0o600, "{secret}");
    }
    assert_eq!(desk.mode("certs/node.crt"), 0o644);
}

#[test]
fn nothing_is_replaced_without_force() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n node");
    let all = || {
        ["ca.crt", "ca.key", "node.crt", "node.key"]
            .map(|name| fs::read(desk.file("certs").join(name)).unwrap())
    };
    let before = all();
    for command in ["maelctl cert ca", "maelctl cert agent -n node", "maelctl cert client -n node"] {
        let said = desk.fails(1, command);
        assert!(said.contains("is there already") && said.contains("--force"), "{said}");
    }
    assert_eq!(all(), before);
    // One file of two is enough to refuse both.
    fs::remove_file(desk.file("certs/node.crt")).unwrap();
    desk.fails(1, "maelctl cert agent -n node");
    assert_eq!(desk.listed("certs"), ["ca.crt", "ca.key", "node.key"]);
    desk.ok("maelctl cert agent -n node --force");
    desk.ok("openssl verify -CAfile certs/ca.crt certs/node.crt");
    assert_ne!(fs::read(desk.file("certs/node.key")).unwrap(), before[3]);
}

#[test]
fn the_files_of_the_ca_are_never_overwritten_by_a_leaf() {
    let desk = Desk::with_ca();
    let before = fs::read(desk.file("certs/ca.key")).unwrap();
    let said = desk.fails(1, "maelctl cert agent -n ca --force");
    assert!(said.contains("belongs to the CA"), "{said}");
    assert_eq!(fs::read(desk.file("certs/ca.key")).unwrap(), before);
}

#[test]
fn nonsense_flags_are_explained() {
    let desk = Desk::with_ca();
    for (arguments, part) in [
        ("agent -n ../node", "also names the files"),
        ("agent -n .hidden", "begins with a letter"),
        ("agent -n 'a b'", "also names the files"),
        ("agent -n ''", "also names the files"),
        ("agent -n node --days 0", "1..=36500"),
        ("agent -n node --days 36501", "1..=36500"),
        ("agent -n node --days soon", "invalid"),
        ("agent -n node --ip localhost", "invalid IP address"),
        ("agent -n node --dns 10.0.0.1", "use --ip"),
        ("agent -n node --dns 'a b'", "not a DNS name"),
        ("agent -n node --email alice", "not an e-mail address"),
        ("agent -n node --uri shop", "not a URI"),
        ("ca -n ''", "1 to 64 characters"),
        ("client", "--cn"),
        ("board -n b -o b", "--trust"),
        ("dir", "--out"),
        ("info", "FILE"),
        ("frobnicate", "unrecognized"),
    ] {
        let said = desk.fails(2, &format!("maelctl cert {arguments}"));
        assert!(said.contains(part), "{arguments}: {said}");
    }
    assert_eq!(desk.listed("certs"), ["ca.crt", "ca.key"]);
    let many = (0..70).map(|each| format!("--dns h{each} ")).collect::<String>();
    assert!(desk.fails(1, &format!("maelctl cert agent -n node {many}")).contains("more than 64 names"));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let desk = Desk::with_ca();
    let ca = "--ca certs/ca.crt";
    fs::write(desk.file("file"), "").unwrap();
    for dir in ["file", "file/sub", "/proc/none"] {
        let said = desk.fails(1, &format!("maelctl cert agent -n node {ca} -o {dir}"));
        assert!(said.starts_with(&format!("maelctl: cannot write {dir}")), "{said}");
    }
    fs::create_dir_all(desk.file("taken/node.key")).unwrap();
    let said = desk.fails(1, &format!("maelctl cert agent -n node {ca} -o taken --force"));
    assert!(said.contains("taken/node.key"), "{said}");
    assert_eq!(desk.listed("taken"), ["node.key"]);
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let desk = Desk::with_ca();
    // No file may have a byte: as on a full disk, the writing fails.
    let said = desk.fails(1, "trap '' XFSZ; ulimit -f 0; maelctl cert agent -n node");
    assert!(said.contains("cannot write ./certs/node."), "{said}");
    assert_eq!(desk.listed("certs"), ["ca.crt", "ca.key"]);
}

#[test]
fn an_output_that_nobody_can_read_is_an_error() {
    let desk = Desk::with_ca();
    let output = desk.run("maelctl cert info certs/ca.crt > /dev/full");
    assert!(output.code == 1 && output.stderr.contains("cannot write the answer"), "{output:?}");
}

#[test]
fn programs_get_json() {
    let desk = Desk::new();
    let made = desk.json("cert ca -n 'My Mesh CA'");
    assert_eq!(made["files"], serde_json::json!(["./certs/ca.crt", "./certs/ca.key"]));
    assert_eq!(made["certificates"][0]["subject"], "CN=My Mesh CA");
    assert!(made["next"].is_string() && made["warnings"] == serde_json::json!([]), "{made}");
}
