//! A folder with certificates and configuration files, where daemons run and people work.

use std::fs;

use anyhow::{Result, ensure};
use node_tests::ctl::Output;
use node_tests::daemon::{Daemon, Setup};
use node_tests::wait::eventually;
use serde_json::Value;

use crate::desk::Desk;

/// How openssl makes a key.
const P256: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

pub struct Site {
    pub desk: Desk,
}

impl Site {
    pub fn new() -> Self {
        Self { desk: Desk::new() }
    }

    /// With a CA, `certs/ca.crt`, and pairs that it signed, as maelctl makes them.
    pub fn with_agents(names: &[&str]) -> Self {
        let site = Self { desk: Desk::with_ca() };
        for name in names {
            site.desk.ok(&format!("maelctl cert agent -n {name}"));
        }
        site
    }

    /// Makes a CA with openssl: `NAME.crt`, and `NAME.key`.
    pub fn ca(&self, name: &str) {
        self.desk.ok(&format!(
            "openssl req -x509 {P256} -days 30 -keyout {name}.key -out {name}.crt -subj /CN={name}"
        ));
    }

    /// Makes a pair with openssl that nobody else signed.
    pub fn self_signed(&self, name: &str) {
        self.ca(name);
    }

    /// Makes a pair with openssl that the CA `ca` signs, with these extensions. Without any it is of version 1, and has no names.
    pub fn sign(&self, ca: &str, name: &str, extensions: &[&str]) {
        self.sign_key(ca, name, extensions, P256);
    }

    /// The same with another kind of key.
    pub fn sign_key(&self, ca: &str, name: &str, extensions: &[&str], key: &str) {
        self.write(&format!("{name}.ext"), &extensions.join("\n"));
        self.desk.ok(&format!(
            "openssl req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}
             openssl x509 -req -in {name}.csr -CA {ca}.crt -CAkey {ca}.key -CAcreateserial -days 30 -sha256 \
               -extfile {name}.ext -out {name}.crt"
        ));
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.desk.file(file), text).unwrap();
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.desk.file(file)).unwrap()
    }

    /// A daemon of this name that reads this configuration, from `NAME.conf`. Its relative paths begin in this folder.
    pub fn setup(&self, name: &str, configuration: &str) -> Setup {
        let file = format!("{name}.conf");
        self.write(&file, configuration);
        self.setup_without_file(name).flag("--config", &file)
    }

    pub fn setup_without_file(&self, name: &str) -> Setup {
        Setup::named(name).unwrap().started_in(&self.desk.file("."))
    }

    pub fn start(&self, name: &str, configuration: &str) -> Daemon {
        self.setup(name, configuration).start().unwrap()
    }

    /// What curl gets from the health check of a daemon, with these options, or what it complains of.
    pub fn curl(&self, node: &Daemon, options: &str) -> Result<String, String> {
        self.curl_host(node, "127.0.0.1", options)
    }

    /// The same, where the daemon is known by another name.
    pub fn curl_host(&self, node: &Daemon, host: &str, options: &str) -> Result<String, String> {
        let port = node.private().port();
        let url = format!("https://{host}:{port}/_mael_health_check");
        let output = self.desk.run(&format!("curl --silent --show-error --max-time 60 {options} {url}"));
        if output.code == 0 { Ok(output.stdout) } else { Err(output.stderr) }
    }

    pub fn is_let_in(&self, node: &Daemon, options: &str) {
        assert_eq!(self.curl(node, options).as_deref(), Ok("OK"), "{options}");
    }

    /// curl with these options is refused, for a reason that the log of the daemon tells.
    pub fn is_refused(&self, node: &Daemon, options: &str, why: &str) -> String {
        let mark = node.mark();
        let answer = self.curl(node, options);
        assert!(answer.is_err(), "{options}: {answer:?}");
        let line = node.wait_for_log_after(mark, "connection refused").unwrap();
        assert!(line.contains(why), "{options}: {line}");
        line
    }

    /// What `openssl s_client` shows of a handshake.
    pub fn s_client(&self, node: &Daemon, options: &str) -> String {
        let addr = node.private();
        self.desk
            .run(&format!("timeout 60 openssl s_client -connect {addr} {options} < /dev/null 2>&1"))
            .stdout
    }

    /// Asks a daemon by maelctl, with the keys and rules of the configuration that the daemon `by` has.
    pub fn maelctl(&self, node: &Daemon, by: &str, arguments: &str) -> Output {
        let addr = node.private();
        self.desk.run(&format!("maelctl --url https://{addr} --config {by}.conf {arguments}"))
    }

    pub fn json(&self, node: &Daemon, arguments: &str) -> Result<Value> {
        let output = self.maelctl(node, node.name(), &format!("--json {arguments}"));
        ensure!(output.code == 0, "{output:?}");
        Ok(serde_json::from_str(&output.stdout)?)
    }

    /// Waits until a daemon sees another alive.
    pub fn sees(&self, node: &Daemon, name: &str) {
        eventually(|| {
            let answer = self.json(node, "cluster nodes")?;
            let nodes = answer["nodes"].as_array().into_iter().flatten();
            let alive = |member: &Value| member["name"] == name && member["state"] == "alive";
            ensure!(nodes.clone().any(alive), "{} does not see {name} in {answer}", node.name());
            Ok(())
        })
        .unwrap();
    }
}
