//! What a program may answer, and what it may do instead.

use std::fs;
use std::process::Command;

use anyhow::ensure;
use node_tests::pki::{Algorithm, TlsDir};
use node_tests::programs;
use node_tests::wait::eventually;
use serde_json::Value;

use crate::program::{Program, is_let_in, serial};

#[test]
fn a_list_of_serial_numbers() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    let script = format!(
        "cat > question.json\ngrep -q '\"serial\":\"0*{}\"' question.json && exit 0\necho its serial number is not on the list\nexit 3",
        serial(&keys, "server_a")
    );
    let program = Program::new(&script);
    let node = program.setup("ada", &keys, "server", "").start().unwrap();
    let mark = node.mark();
    assert!(!is_let_in(&node, &keys, "server_b"));
    let line = node.wait_for_log_after(mark, "connection refused").unwrap();
    for part in
        ["verify_command has not accepted it", "exit status: 3", "its serial number is not on the list"]
    {
        assert!(line.contains(part), "{line}");
    }
    assert!(is_let_in(&node, &keys, "server_a"));
    let question = fs::read_to_string(program.dir.path().join("question.json")).unwrap();
    let question: Value = serde_json::from_str(&question).unwrap();
    for (field, value) in [
        ("event", Value::from("valid_peer")),
        ("reason", Value::Null),
        ("side", "listening".into()),
        ("dialled", Value::Null),
        ("signed", true.into()),
        ("certificateSha256", keys.fingerprint("server_a").unwrap().into()),
    ] {
        assert_eq!(question[field], value, "{question}");
    }
    let pem = fs::read_to_string(keys.file("server_a.crt")).unwrap();
    assert_eq!(question["chain"][0].as_str().unwrap().trim(), pem.trim());
    assert!(question["subject"].as_str().unwrap().contains("CN="), "{question}");
    assert!(
        question["names"].is_array() && question["notAfter"].as_str().unwrap().ends_with('Z'),
        "{question}"
    );
}

#[test]
fn an_error_is_the_programs_to_accept() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    keys.add_expired().unwrap();
    let program = Program::new("cat > question.json; [ -e merciful ]");
    let node = program.setup("ada", &keys, "server", "").start().unwrap();
    let mark = node.mark();
    assert!(!is_let_in(&node, &keys, "expired"));
    let line = node.wait_for_log_after(mark, "connection refused").unwrap();
    assert!(line.contains("expired at 2021"), "{line}");
    let question = fs::read_to_string(program.dir.path().join("question.json")).unwrap();
    let question: Value = serde_json::from_str(&question).unwrap();
    assert_eq!(question["event"], "bad_cert");
    assert!(question["reason"].as_str().unwrap().contains("expired at 2021"), "{question}");
    fs::write(program.dir.path().join("merciful"), "").unwrap();
    assert!(is_let_in(&node, &keys, "expired"));
}

#[test]
fn nobody_comes_in_while_it_hangs_crashes_or_is_missing() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    for (script, why) in [
        ("sleep 1000 & echo $! > sleeper; wait", "gave no answer in 0.5 s"),
        ("kill -SEGV $$", "signal: 11"),
        ("rm verify.sh; exit 1", "refuses it"),
    ] {
        let program = Program::new(script);
        let more = "    verify_command_timeout: 500ms\n";
        let node = program.setup("ada", &keys, "server", more).start().unwrap();
        let mark = node.mark();
        assert!(!is_let_in(&node, &keys, "server_a"), "{script}");
        node.wait_for_log_after(mark, why).unwrap();
        if script.contains("sleeper") {
            // What a script started is killed with it.
            let sleeper = fs::read_to_string(program.dir.path().join("sleeper")).unwrap();
            let status = format!("/proc/{}/status", sleeper.trim());
            eventually(|| {
                let gone = fs::read_to_string(&status).map_or(true, |status| status.contains("State:\tZ"));
                ensure!(gone, "{status} is there");
                Ok(())
            })
            .unwrap();
        }
        if script.contains("rm verify.sh") {
            let mark = node.mark();
            assert!(!is_let_in(&node, &keys, "server_a"));
            node.wait_for_log_after(mark, "cannot be run").unwrap();
        }
    }
}

#[test]
fn a_long_answer_is_read_and_cut() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    let program = Program::new("head -c 1000000 /dev/zero | tr '\\0' x; [ -e merciful ]");
    let node = program.setup("ada", &keys, "server", "").start().unwrap();
    let mark = node.mark();
    assert!(!is_let_in(&node, &keys, "server_a"));
    let line = node.wait_for_log_after(mark, "connection refused").unwrap();
    assert!(line.contains(&"x".repeat(200)) && !line.contains(&"x".repeat(201)), "{}", line.len());
    fs::write(program.dir.path().join("merciful"), "").unwrap();
    assert!(is_let_in(&node, &keys, "server_a"));
}

#[test]
fn a_program_that_cannot_be_run_is_a_fault_of_the_configuration() {
    let keys = TlsDir::generate(Algorithm::P256).unwrap();
    let program = Program::new("exit 0");
    let setup = program.setup("ada", &keys, "server", "");
    let check = || {
        let mut command = Command::new(programs::maelstromd().unwrap());
        command.arg("--check-config").arg("--config").arg(program.dir.path().join("ada.yaml"));
        command.arg("--tls-dir").arg(keys.path()).arg("--data-dir").arg(setup.data_dir());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let path = program.path();
    assert_eq!(check(), (true, String::new()));
    let spoil = |mode: &str| {
        assert!(Command::new("chmod").arg(mode).arg(&path).status().unwrap().success());
    };
    for (mode, why) in [("a-x", "chmod +x"), ("a+x,o+w", "chmod go-w")] {
        spoil(mode);
        let (good, said) = check();
        assert!(!good && said.contains("verify.sh") && said.contains(why), "{said}");
    }
    fs::remove_file(&path).unwrap();
    let (good, said) = check();
    assert!(!good && said.contains("verify.sh: cannot be run as verify_command"), "{said}");
    // A daemon does not start with it either.
    assert!(setup.refusal().unwrap().contains("cannot be run as verify_command"));
}
