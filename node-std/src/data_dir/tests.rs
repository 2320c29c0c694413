use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::testing::Log;

#[test]
fn restart_keeps_the_id_and_raises_the_incarnation() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    let first = DataDir::open(&path).unwrap();
    let id = first.id();
    assert_eq!(first.incarnation(), 1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    drop(first);
    let mut second = DataDir::open(&path).unwrap();
    assert_eq!((second.id(), second.incarnation()), (id, 2));
    second.raise_incarnation(10).unwrap();
    second.raise_incarnation(3).unwrap();
    drop(second);
    let third = DataDir::open(&path).unwrap();
    assert_eq!((third.id(), third.incarnation()), (id, 11));
    assert!(!path.join("incarnation.new").exists());
    for file in ["identity.key", "incarnation"] {
        assert_eq!(fs::metadata(path.join(file)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_write_that_fails_is_named_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut open = DataDir::open(dir.path()).unwrap();
    fs::create_dir_all(dir.path().join("hubs/full")).unwrap();
    let error = open.set_hubs(vec!["10.0.0.1:8374".parse().unwrap()]).unwrap_err();
    assert!(matches!(&error, DataDirError::Write { path, .. } if path.ends_with("hubs")), "{error}");
    assert!(open.hubs().is_empty() && !dir.path().join("hubs.new").exists());
}

#[test]
fn hubs_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let hubs: Vec<HostPort> = vec!["10.0.0.1:8374".parse().unwrap(), "[fd00::2]:1".parse().unwrap()];
    let mut first = DataDir::open(dir.path()).unwrap();
    assert_eq!(first.hubs(), []);
    first.set_hubs(hubs.clone()).unwrap();
    drop(first);
    let mut second = DataDir::open(dir.path()).unwrap();
    assert_eq!(second.hubs(), hubs);
    second.set_hubs(Vec::new()).unwrap();
    drop(second);
    assert_eq!(DataDir::open(dir.path()).unwrap().hubs(), []);
}

#[test]
fn every_directory_is_another_node() {
    let [a, b] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert_ne!(DataDir::open(a.path()).unwrap().id(), DataDir::open(b.path()).unwrap().id());
}

#[test]
fn two_daemons_cannot_share() {
    let dir = tempfile::tempdir().unwrap();
    let _held = DataDir::open(dir.path()).unwrap();
    let error = DataDir::open(dir.path()).unwrap_err();
    assert!(matches!(error, DataDirError::InUse { .. }));
    assert!(error.to_string().contains("in use by another maelstromd"), "{error}");
}

#[test]
fn a_corrupt_file_is_named_and_kept() {
    for (name, content) in [
        ("incarnation", &b"-1"[..]),
        ("incarnation", b"\xff\0"),
        ("incarnation", b""),
        ("hubs", b"10.0.0.1:8374\nnonsense"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), content).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("/{name} does not hold")), "{error}");
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), content);
    }
}

/// A key of the curve P-384, by openssl.
const P384: &str = "-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCTwl3PzhDK33jBfYlS
1BrGmL7IxVbX0/5JXgIfQeWCK95j0JMF9uCmVxADKb0eihmhZANiAAR48NPhPWX3
DAIEM2f0FMPK1g1efP85tJiD61q76Pejtn/EWDQ8dUkNLQZ6f4Ct+AZIlAStue1i
O2bzsOBVfyaCnPX5oQYY4wXt69D7OxZqzx7vVbS67VsJg+ePPC0RI04=
-----END PRIVATE KEY-----
";

#[test]
fn an_identity_file_that_holds_no_key_of_the_node_is_named_and_kept() {
    let whole = tempfile::tempdir().unwrap();
    drop(DataDir::open(whole.path()).unwrap());
    let whole = fs::read(whole.path().join("identity.key")).unwrap();
    for content in [&b""[..], &whole[..whole.len() / 2], b"\xff\0", P384.as_bytes(), &[b'x'; 100_000]] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("/identity.key does not hold a P-256 private key"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn an_identity_file_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(DataDir::open(dir.path()).unwrap());
    let path = dir.path().join("identity.key");
    for mode in [0o644, 0o640, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("has mode {mode:o}")) && error.contains("chmod 600"), "{error}");
    }
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("belongs to user 12345"), "{error}");
    }
}

#[test]
fn an_id_without_a_key_is_retired_with_a_word() {
    let (log, _guard) = Log::start();
    let dir = tempfile::tempdir().unwrap();
    let old = "00112233445566778899aabbccddeeff";
    fs::write(dir.path().join("node-id"), format!("{old}\n")).unwrap();
    fs::write(dir.path().join("incarnation"), "7\n").unwrap();
    let first = DataDir::open(dir.path()).unwrap();
    let (id, said) = (first.id(), log.lines("retired"));
    assert!(said.len() == 1 && said[0].contains(old) && said[0].contains(&id.to_string()), "{said:?}");
    assert_eq!(first.incarnation(), 8);
    assert!(!dir.path().join("node-id").exists() && dir.path().join("node-id.retired").exists());
    drop(first);
    assert_eq!(DataDir::open(dir.path()).unwrap().id(), id);
    assert_eq!(log.lines("retired").len(), 1);
    // The first start crashed when it had made the key.
    fs::write(dir.path().join("node-id"), format!("{old}\n")).unwrap();
    assert_eq!(DataDir::open(dir.path()).unwrap().id(), id);
    assert_eq!(log.lines("retired").len(), 2);
    assert!(!dir.path().join("node-id").exists());
}

#[test]
fn a_half_written_file_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let id = DataDir::open(dir.path()).unwrap().id();
    fs::write(dir.path().join("incarnation.new"), b"99").unwrap();
    let dir = DataDir::open(dir.path()).unwrap();
    assert_eq!((dir.id(), dir.incarnation()), (id, 2));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = DataDir::open(&dir.path().join("file/data")).unwrap_err().to_string();
    assert!(error.contains("/file/data: ") && error.contains("--data-dir"), "{error}");
}
