//! Directories: slots, their order, files, roles and rotations.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::answer::{check_dir, copy, empty, healthy, make, remove, shell, text, write};

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, place)| ((*name).to_owned(), (*place).to_owned())).collect()
}

#[test]
fn a_healthy_directory_has_no_finding() {
    let answer = check_dir(&healthy());
    assert_eq!((answer.code, &answer.json["status"]), (0, &"ok".into()), "{:#}", answer.json);
    assert_eq!(answer.json["findings"].as_array().unwrap().len(), 0, "{:#}", answer.json);
    let notes = answer.json["notes"].as_array().unwrap();
    let kinds: Vec<_> = notes.iter().map(|note| note["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["next-key-here", "two-rotations"]);
}

#[test]
fn which_pair_is_active_and_which_is_next() {
    let keys = healthy();
    remove(&keys, "server_a.key");
    let answer = check_dir(&keys);
    let expected = [("server_a", "trusted"), ("server_b", "active"), ("server_c", "next")];
    assert_eq!(answer.uses(), pairs(&expected));
    let answer = check_dir(&healthy());
    assert_eq!(answer.uses()[2], ("server_c".to_owned(), "idle".to_owned()));
    let slot = &answer.json["directories"][0]["slots"][0];
    assert_eq!(
        (&slot["algorithm"], &slot["roles"]),
        (&"P-256".into(), &"hub, leaf, operator, application".into())
    );
}

#[test]
fn a_key_without_a_certificate() {
    let keys = healthy();
    remove(&keys, "server_b.crt");
    check_dir(&keys).one("error", "key-without-certificate", "server_b.key");
}

#[test]
fn a_key_of_another_certificate() {
    let keys = healthy();
    copy(&keys, "server_a.key", "server_b.key");
    check_dir(&keys).one("error", "mismatch", "server_b.key");
}

#[test]
fn no_pair_at_all() {
    let keys = healthy();
    shell(&keys, "rm *.key");
    let found =
        check_dir(&keys).one("error", "directory", keys.path().file_name().unwrap().to_str().unwrap());
    assert!(found.problem.contains("no pair"), "{found:?}");
    shell(&keys, "rm *.crt");
    assert!(check_dir(&keys).all("directory")[0].problem.contains("is empty"));
}

#[test]
fn two_slots_with_one_certificate() {
    let keys = healthy();
    copy(&keys, "server_a.crt", "server_c.crt");
    copy(&keys, "server_a.key", "server_c.key");
    let found = check_dir(&keys).one("warning", "same-certificate", "server_c.crt");
    assert!(found.problem.contains("the slot server_a"), "{found:?}");
}

#[test]
fn a_crt_and_a_pem_of_one_name() {
    let keys = healthy();
    copy(&keys, "server_b.crt", "server_b.pem");
    let found = check_dir(&keys).one("error", "same-slot", "server_b.pem");
    assert!(found.problem.contains("server_b.crt"), "{found:?}");
}

#[test]
fn damaged_files() {
    let keys = healthy();
    write(&keys, "server_a.crt", &text(&keys, "server_a.crt")[..200]);
    write(&keys, "server_b.key", "no PEM");
    write(&keys, "server_c.key", "");
    let all = check_dir(&keys).all("damaged");
    let mut files: Vec<_> = all.iter().map(|found| (&*found.severity, &*found.file)).collect();
    files.sort_unstable();
    assert_eq!(files, [("error", "server_a.crt"), ("error", "server_b.key"), ("error", "server_c.key")]);
}

#[test]
fn encrypted_keys_and_their_passwords() {
    let keys = healthy();
    shell(&keys, "openssl pkcs8 -topk8 -passout pass:word -in server_b.key -out new; mv new server_b.key");
    let found = check_dir(&keys).one("error", "encrypted", "server_b.key");
    assert!(found.remedy.contains(".password"), "{found:?}");
    write(&keys, "server_b.password", "other");
    shell(&keys, "chmod 600 server_b.password");
    check_dir(&keys).one("error", "password", "server_b.key");
    write(&keys, "server_b.password", "word");
    assert_eq!(check_dir(&keys).code, 0);
    shell(&keys, "openssl ec -aes128 -passout pass:word -in server_a.key -out new; mv new server_a.key");
    let found = check_dir(&keys).one("error", "encrypted", "server_a.key");
    assert!(found.remedy.contains("openssl pkcs8 -topk8"), "{found:?}");
}

#[test]
fn a_password_without_a_key() {
    let keys = healthy();
    write(&keys, "server_d.password", "word");
    assert_eq!(check_dir(&keys).code, 0);
    check_dir(&keys).one("note", "idle-password", "server_d.password");
}

#[test]
fn files_that_others_may_write() {
    let keys = healthy();
    for name in ["server_a.key", "server_b.crt"] {
        let path = keys.file(name);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, Permissions::from_mode(0o620)).unwrap();
        let found = check_dir(&keys).one("error", "writable", name);
        assert!(found.remedy.contains("chmod go-w"), "{found:?}");
        fs::set_permissions(&path, before).unwrap();
    }
    fs::set_permissions(keys.path(), Permissions::from_mode(0o777)).unwrap();
    let name = keys.path().file_name().unwrap().to_str().unwrap().to_owned();
    check_dir(&keys).one("error", "writable", &name);
}

#[test]
fn keys_that_everybody_may_read() {
    let keys = healthy();
    fs::set_permissions(keys.file("server_b.key"), Permissions::from_mode(0o644)).unwrap();
    let found = check_dir(&keys).one("warning", "readable", "server_b.key");
    assert!(found.remedy.contains("chmod 600"), "{found:?}");
}

#[test]
fn a_chain_out_of_order() {
    let keys = healthy();
    let both = text(&keys, "server_a.crt") + &text(&keys, "server_b.crt");
    make(&keys, "other", "-subj /CN=other");
    write(&keys, "server_a.crt", &(text(&keys, "server_a.crt") + &text(&keys, "other.crt")));
    check_dir(&keys).one("warning", "chain", "server_a.crt");
    // The names of all certificates of the recipe are alike.
    write(&keys, "server_a.crt", &both);
    assert!(check_dir(&keys).lacks("chain"));
}

#[test]
fn roles_by_name_and_roles_that_are_misspelt() {
    let keys = healthy();
    for name in ["ops.operator", "two.hub", "board-7.local"] {
        copy(&keys, "server_b.crt", &format!("{name}.crt"));
    }
    let answer = check_dir(&keys);
    assert!(answer.lacks("misspelt-role"), "{:#}", answer.json);
    let roles = |name: &str| {
        let slots = answer.json["directories"][0]["slots"].as_array().unwrap();
        slots.iter().find(|slot| slot["name"] == name).unwrap()["roles"].clone()
    };
    assert_eq!(
        ["ops.operator", "two.hub", "board-7.local"].map(roles),
        ["operator", "hub", "leaf, application"]
    );
    copy(&keys, "server_b.crt", "you.oprator.crt");
    let found = check_dir(&keys).one("warning", "misspelt-role", "you.oprator.crt");
    assert!(found.problem.contains("is .operator meant?"), "{found:?}");
}

#[test]
fn a_ca_does_not_make_a_directory_trust_what_it_signed() {
    let keys = healthy();
    shell(
        &keys,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.pk -out ca.crt -subj /CN=ca -days 90 \\
           -addext basicConstraints=critical,CA:TRUE -config tls.conf
         openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout one.key -out csr -subj /CN=one -config tls.conf
         openssl x509 -req -in csr -CA ca.crt -CAkey ca.pk -CAcreateserial -days 90 -out one.crt -extfile tls.conf -extensions v3_req",
    );
    check_dir(&keys).one("warning", "ca-in-directory", "ca.crt");
}

#[test]
fn too_few_pairs_for_a_rotation() {
    let keys = empty();
    let name = keys.path().file_name().unwrap().to_str().unwrap();
    make(&keys, "one", "");
    assert!(check_dir(&keys).one("warning", "few-pairs", name).problem.contains("0 idle pairs"));
    make(&keys, "two", "");
    let answer = check_dir(&keys);
    assert!(answer.one("warning", "few-pairs", name).problem.contains("1 idle pairs"));
    assert!(answer.one("note", "next-key-here", name).problem.contains("the next pair, two,"));
    make(&keys, "three", "");
    assert!(check_dir(&keys).lacks("few-pairs"));
}

#[test]
fn a_node_with_keys_of_its_own_needs_no_pairs_of_others() {
    let keys = empty();
    make(&keys, "one", "");
    make(&keys, "two.hub", "");
    remove(&keys, "two.hub.key");
    let answer = check_dir(&keys);
    assert_eq!(answer.code, 0, "{:#}", answer.json);
    answer.one("note", "no-next-pair", keys.path().file_name().unwrap().to_str().unwrap());
    assert!(answer.lacks("next-key-here") && answer.lacks("two-rotations"));
}
