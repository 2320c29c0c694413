//! Files that nobody made on purpose. The findings themselves are tested on real files of openssl, by the whole program.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::Check;

/// Looks at the directory, and at its files together.
fn look(dir: &std::path::Path, files: &[PathBuf]) {
    for paths in [&[dir.to_owned()][..], files] {
        for json in [false, true] {
            let (text, _) = Check { paths, peer: Some(dir).filter(|_| paths != files), json }.run().unwrap();
            assert!(!text.is_empty());
        }
    }
}

#[test]
fn damaged_files_are_findings_and_never_panics() {
    let dir = tempfile::tempdir().unwrap();
    let make = "openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout a.key -out a.crt -subj /CN=a \
                -addext extendedKeyUsage=serverAuth -addext keyUsage=digitalSignature -addext subjectAltName=DNS:a";
    let made = Command::new("sh").args(["-e", "-c", make]).current_dir(dir.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let files = ["a.crt", "a.key"].map(|file| dir.path().join(file));
    let whole = files.each_ref().map(|file| fs::read(file).unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..400 {
        let which = random.usize(..2);
        let mut bytes = whole[which].clone();
        match random.u8(..3) {
            0 => bytes.truncate(random.usize(..bytes.len())),
            1 => bytes.extend_from_within(..random.usize(..bytes.len())),
            _ => {
                let index = random.usize(..bytes.len());
                bytes[index] = random.choice(b"ABCDwxyz019+/=-\n\0").copied().unwrap();
            }
        }
        fs::write(&files[which], bytes).unwrap();
        look(dir.path(), &files);
        fs::write(&files[which], &whole[which]).unwrap();
    }
    // Longer than any key, and a bundle with more certificates than a chain may have.
    fs::write(&files[0], vec![b'x'; 2 << 20]).unwrap();
    look(dir.path(), &files);
    fs::write(&files[0], whole[0].repeat(500)).unwrap();
    look(dir.path(), &files);
}
