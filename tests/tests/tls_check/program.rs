//! The program: its exit status, its text, and what it does without arguments.

use std::process::Command;

use node_tests::ctl::Ctl;
use node_tests::programs;

use crate::answer::{check_dir, healthy, remove, run, shell};

#[test]
fn people_get_each_finding_with_its_remedy() {
    let keys = healthy();
    let output = run(&[keys.path().to_str().unwrap()]);
    assert_eq!(output.code, 0, "{output:?}");
    for part in ["SLOT", "server_a  active", "note: ", "in order\n"] {
        assert!(output.stdout.contains(part), "{output:?}");
    }
    shell(&keys, "chmod 644 server_a.key; chmod 602 server_b.key");
    let output = run(&[keys.path().to_str().unwrap()]);
    assert_eq!(output.code, 4, "{output:?}");
    let lines: Vec<&str> = output.stdout.lines().collect();
    let found = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    assert!(found("error: ") < found("warning: ") && found("warning: ") < found("note: "), "{output:?}");
    assert!(lines[found("error: ") + 1].contains("chmod go-w"), "{output:?}");
    assert_eq!(lines.last(), Some(&"errors: 1, warnings: 1"));
}

#[test]
fn the_directory_of_the_environment_is_the_default() {
    let keys = healthy();
    let output = Ctl::default().tls(keys.path()).run(&["tls", "check"]).unwrap();
    assert!(output.code == 0 && output.stdout.contains("server_c"), "{output:?}");
    let output = run(&[]);
    assert!(output.code == 2 && output.stderr.contains("nothing to check"), "{output:?}");
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let keys = healthy();
    for name in ["nothing", "server_z.crt"] {
        let path = keys.file(name);
        let output = run(&[path.to_str().unwrap()]);
        assert!(output.code == 1 && output.stderr.contains(path.to_str().unwrap()), "{output:?}");
    }
}

#[test]
fn a_peer_needs_one_directory() {
    let keys = healthy();
    let path = keys.path().to_str().unwrap();
    for paths in [&[path, path][..], &[keys.file("server_a.crt").to_str().unwrap()]] {
        let output = run(&[paths, &["--peer", path]].concat());
        assert!(output.code == 2 && output.stderr.contains("exactly one"), "{output:?}");
    }
}

#[test]
fn the_exit_status_is_in_the_help() {
    let output = run(&["--help"]);
    assert!(output.code == 0, "{output:?}");
    for status in ["0 in order", "1 a path", "2 the command line", "3 warnings", "4 errors"] {
        assert!(output.stdout.replace("\n", " ").contains(status), "{status}: {output:?}");
    }
}

#[test]
fn what_the_check_calls_an_error_keeps_a_node_from_starting() {
    let keys = healthy();
    remove(&keys, "server_b.crt");
    assert_eq!(check_dir(&keys).code, 4);
    let refusal = node_tests::daemon::Setup::named("ada").unwrap().tls(keys.path()).refusal().unwrap();
    assert!(refusal.contains("server_b.key"), "{refusal}");
}

/// Kubernetes gives secrets a directory with every right, on a file system that is mounted read-only.
#[test]
fn nobody_may_write_a_read_only_file_system() {
    let keys = healthy();
    let script =
        "mount -t tmpfs none /mnt; cp server_* /mnt; chmod 1777 /mnt; $1 tls check /mnt > /dev/null && exit 9
                  mount -o remount,ro /mnt; exec $1 tls check /mnt";
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(programs::maelctl().unwrap())
        .current_dir(keys.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("in order"), "{output:?}");
}
