//! A folder where somebody works, with maelctl on the path.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use node_tests::ctl::Output;
use node_tests::programs;
use serde_json::Value;
use tempfile::TempDir;

pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(TempDir::with_prefix("cert-").unwrap())
    }

    /// With the CA `My Mesh CA` in `certs`.
    pub fn with_ca() -> Self {
        let desk = Self::new();
        desk.ok("maelctl cert ca -n 'My Mesh CA' -o ./certs");
        desk
    }

    /// Runs a script. What it says and how it ends is for the caller to judge.
    pub fn run(&self, script: &str) -> Output {
        let programs = programs::maelctl().unwrap().parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(self.0.path()).env("PATH", path);
        for variable in ["MAELSTROM_PRIVATE_URL", "MAEL_PRIVATE_TLS_DIR", "MAEL_DATA_DIR"] {
            shell.env_remove(variable);
        }
        let output = shell.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or_else(|| panic!("{script}: {}", output.status));
        Output { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a script that must succeed, and returns what it printed.
    pub fn ok(&self, script: &str) -> String {
        let output = self.run(&format!("set -e\n{script}"));
        assert_eq!(output.code, 0, "{script}\n{output:?}");
        output.stdout
    }

    /// Runs a script that must fail, and returns what it complained of.
    pub fn fails(&self, code: i32, script: &str) -> String {
        let output = self.run(script);
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{script}\n{output:?}");
        output.stderr
    }

    /// Runs maelctl with these arguments and `--json`.
    pub fn json(&self, arguments: &str) -> Value {
        let printed = self.ok(&format!("maelctl {arguments} --json"));
        serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"))
    }

    /// What openssl says of a certificate.
    pub fn text(&self, certificate: &str) -> String {
        self.ok(&format!("openssl x509 -noout -text -in {certificate}"))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn mode(&self, name: &str) -> u32 {
        self.file(name).metadata().unwrap().mode() & 0o777
    }

    /// The names of the files in a folder.
    pub fn listed(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.file(dir)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
