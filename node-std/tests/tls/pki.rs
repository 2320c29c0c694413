//! Key pairs by the recipe, in a directory of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const TLS_CONF: &str = "
[req]
default_bits = 2048
prompt = no
default_md = sha256
x509_extensions = v3_req
distinguished_name = dn
[dn]
C = ES
ST = MyState
L = MyCity
O = MyOrg
CN = maelstrom.example.com
[v3_req]
subjectAltName = @alt_names
[alt_names]
DNS.1 = maelstrom.example.com
[ca]
default_ca = here
[here]
database = index.txt
rand_serial = yes
new_certs_dir = ..
default_md = sha256
policy = any
x509_extensions = v3_req
[any]
commonName = optional
";

pub const RSA: &[&str] = &["-newkey", "rsa:2048"];
pub const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
pub const P384: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"];
pub const ED25519: &[&str] = &["-newkey", "ed25519"];

/// A TLS directory `tls` inside a temporary one, so that it has a parent of its own.
pub struct Pki {
    root: TempDir,
}

impl Pki {
    /// With pairs of P-256 in the slots `stems`.
    pub fn new(stems: &[&str]) -> Self {
        let pki = Self { root: tempfile::tempdir().unwrap() };
        fs::write(pki.root.path().join("tls.conf"), TLS_CONF).unwrap();
        fs::create_dir(pki.dir()).unwrap();
        stems.iter().for_each(|stem| pki.make(stem, P256));
        pki
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("tls")
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.dir().join(file)
    }

    /// The recipe's command for a new pair.
    pub fn make(&self, stem: &str, key: &[&str]) {
        let (key_file, crt) = (format!("{stem}.key"), format!("{stem}.crt"));
        let mut arguments = vec!["req", "-new", "-x509"];
        arguments.extend(key);
        arguments.extend(["-sha256", "-nodes", "-days", "3560", "-config", "../tls.conf"]);
        arguments.extend(["-keyout", &key_file, "-out", &crt]);
        self.openssl(&arguments);
    }

    /// A pair with these dates, in the form `YYYYMMDDHHMMSSZ`.
    pub fn make_dated(&self, stem: &str, start: &str, end: &str) {
        let (key, crt) = (format!("{stem}.key"), format!("{stem}.crt"));
        let mut request = vec!["req", "-new"];
        request.extend(P256);
        request.extend(["-nodes", "-config", "../tls.conf", "-keyout", &key, "-out", "request.csr"]);
        self.openssl(&request);
        fs::write(self.path("index.txt"), "").unwrap();
        let dates = ["-startdate", start, "-enddate", end];
        let sign = ["ca", "-batch", "-config", "../tls.conf", "-selfsign", "-notext", "-in", "request.csr"];
        self.openssl(&[&sign[..], &["-keyfile", &key, "-out", &crt], &dates].concat());
    }

    pub fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(self.dir()).output().unwrap();
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn mv(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// The recipe's rotation: `a` becomes `c`, `b` becomes `a`, and `b` is new.
    pub fn rotate(&self) {
        self.mv("server_a.key", "server_c.key");
        self.mv("server_a.crt", "server_c.crt");
        self.mv("server_b.key", "server_a.key");
        self.mv("server_b.crt", "server_a.crt");
        self.make("server_b", P256);
    }

    /// "Sync this directory": a copy of it with the same files.
    pub fn copy(&self) -> Self {
        let copy = Self::new(&[]);
        copy.sync_from(self);
        copy
    }

    pub fn sync_from(&self, other: &Self) {
        for entry in fs::read_dir(self.dir()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for entry in fs::read_dir(other.dir()).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, self.path(from.file_name().unwrap().to_str().unwrap())).unwrap();
        }
    }
}
