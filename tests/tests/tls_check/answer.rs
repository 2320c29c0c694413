//! What maelctl answers, and the files that it is asked about.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use node_tests::ctl::{Ctl, Output};
use node_tests::pki::{Algorithm, TlsDir};
use serde_json::Value;

/// A P-256 pair by the recipe's command. Options of openssl may follow.
pub const PAIR: &str =
    "openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -config tls.conf";

/// The findings of one run.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub json: Value,
}

/// A finding: its severity, its kind, the name of its file, and its text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub severity: String,
    pub kind: String,
    pub file: String,
    pub problem: String,
    pub remedy: String,
}

/// Runs the check.
pub fn check(arguments: &[&str]) -> Answer {
    let Output { code, stdout, stderr } = run(&[arguments, &["--json"]].concat());
    assert!(stderr.is_empty(), "{stderr}");
    Answer { code, json: serde_json::from_str(&stdout).expect(&stdout) }
}

/// The same for people.
pub fn run(arguments: &[&str]) -> Output {
    Ctl::default().run(&[&["tls", "check"], arguments].concat()).unwrap()
}

/// Checks a directory.
pub fn check_dir(keys: &TlsDir) -> Answer {
    check(&[keys.path().to_str().unwrap()])
}

/// Checks files of a directory.
pub fn check_files(keys: &TlsDir, names: &[&str]) -> Answer {
    let paths: Vec<PathBuf> = names.iter().map(|name| keys.file(name)).collect();
    check(&paths.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>())
}

impl Answer {
    /// All findings of a kind, notes as well.
    pub fn all(&self, kind: &str) -> Vec<Finding> {
        let lists = ["findings", "notes"].map(|list| self.json[list].as_array().unwrap().clone());
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let read = |finding: &Value| Finding {
            severity: text(finding, "severity"),
            kind: text(finding, "kind"),
            file: text(finding, "subject").rsplit('/').next().unwrap().to_owned(),
            problem: text(finding, "problem"),
            remedy: text(finding, "remedy"),
        };
        let all = lists.iter().flatten().map(read);
        all.filter(|finding| finding.kind == kind).collect()
    }

    /// The only finding of a kind. It has this severity and this file, and is not alone without a remedy.
    pub fn one(&self, severity: &str, kind: &str, file: &str) -> Finding {
        let mut all = self.all(kind);
        assert_eq!(all.len(), 1, "{kind}: {:#}", self.json);
        let found = all.remove(0);
        assert_eq!((&*found.severity, &*found.file), (severity, file), "{:#}", self.json);
        assert!(!found.remedy.is_empty(), "{found:?}");
        let code = match severity {
            "error" => self.code == 4,
            "warning" => self.code == 3 || self.code == 4,
            _ => true,
        };
        assert!(code, "{} {:#}", self.code, self.json);
        found
    }

    /// Whether there is no finding of a kind.
    pub fn lacks(&self, kind: &str) -> bool {
        self.all(kind).is_empty()
    }

    /// The names and uses of the slots of the only directory.
    pub fn uses(&self) -> Vec<(String, String)> {
        let slots = self.json["directories"][0]["slots"].as_array().unwrap();
        let text = |slot: &Value, key: &str| slot[key].as_str().unwrap().to_owned();
        slots.iter().map(|slot| (text(slot, "name"), text(slot, "use"))).collect()
    }
}

/// A directory with three pairs by the recipe, all in order.
pub fn healthy() -> TlsDir {
    TlsDir::generate(Algorithm::P256).unwrap()
}

/// A directory without pairs.
pub fn empty() -> TlsDir {
    TlsDir::empty(Algorithm::P256).unwrap()
}

/// Runs a script in the directory.
pub fn shell(keys: &TlsDir, script: &str) {
    let output = Command::new("sh").args(["-e", "-c", script]).current_dir(keys.path()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes the pair `stem`, with these options of openssl.
pub fn make(keys: &TlsDir, stem: &str, options: &str) {
    shell(keys, &format!("{PAIR} -keyout {stem}.key -out {stem}.crt {options}"));
}

/// Makes a pair with these dates, as `date -d` reads them.
pub fn make_dated(keys: &TlsDir, stem: &str, begin: &str, end: &str) {
    let script = format!(
        "mkdir ca; touch ca/index
        printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=ca/index\\nnew_certs_dir=ca\\nrand_serial=yes\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > ca/conf
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {stem}.key -out ca/csr -config tls.conf
        stamp() {{ date -u -d \"$1\" +%Y%m%d%H%M%SZ; }}
        openssl ca -batch -config ca/conf -selfsign -notext -keyfile {stem}.key -in ca/csr -out {stem}.crt \\
          -extfile tls.conf -extensions v3_req -startdate $(stamp '{begin}') -enddate $(stamp '{end}')
        rm -r ca"
    );
    shell(keys, &script);
}

/// Replaces the file `to` by `from`.
pub fn copy(keys: &TlsDir, from: &str, to: &str) {
    fs::copy(keys.file(from), keys.file(to)).unwrap();
}

pub fn remove(keys: &TlsDir, name: &str) {
    fs::remove_file(keys.file(name)).unwrap();
}

pub fn text(keys: &TlsDir, name: &str) -> String {
    fs::read_to_string(keys.file(name)).unwrap()
}

pub fn write(keys: &TlsDir, name: &str, text: &str) {
    fs::write(keys.file(name), text).unwrap();
}
