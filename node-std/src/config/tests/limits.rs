//! Limits of HTTP.

use super::*;

#[test]
fn limits_have_defaults() {
    let config = config(&[], &[]).unwrap();
    let HttpLimits { head_bytes, header_count, body_bytes, per_source, min_rate, timeouts } = config.http;
    assert_eq!((head_bytes, header_count, body_bytes), (65_536, 128, None));
    assert_eq!((per_source, min_rate), (2048, Some(1024)));
    let Timeouts { head, idle, read, write, request } = timeouts;
    assert_eq!([head, idle, read, write, request].map(|time| time.as_secs()), [10, 75, 300, 310, 300]);
    let shown = |setting: &str| {
        let known = config.in_force.iter().find(|known| known.setting == setting).unwrap();
        (known.value.as_str(), known.origin.as_str())
    };
    assert_eq!(shown("limits.timeouts.idle"), ("75", "default"));
    assert_eq!(shown("limits.head_bytes"), ("64KiB", "default"));
    assert_eq!(shown("limits.body_bytes"), ("none", "default"));
}

#[test]
fn limits_are_set_by_each_way() {
    let text = "limits:\n  connections: 100\n  head_bytes: 32KiB\n  header_count: 64\n  body_bytes: 1GiB\n  min_rate: none\n  \
                timeouts: { head: 5s, idle: 20, read: 1m, write: 90s, request: 2m }\n";
    let http = with_config(text, &[], &[]).unwrap().http;
    assert_eq!((http.head_bytes, http.header_count, http.body_bytes), (32 << 10, 64, Some(1 << 30)));
    assert_eq!((http.per_source, http.min_rate), (50, None));
    let Timeouts { head, idle, read, write, request } = http.timeouts;
    assert_eq!([head, idle, read, write, request].map(|time| time.as_secs()), [5, 20, 60, 90, 120]);
    let http = with_config(text, &["--idle-timeout", "30"], &[("MAEL_MAX_PER_SOURCE", "7")]).unwrap().http;
    assert_eq!((http.timeouts.idle.as_secs(), http.per_source), (30, 7));
}

#[test]
fn faults_of_limits_are_told_with_their_place() {
    let text = "limits:\n  head_bytes: 12\n  header_count: 5000\n  body_bytes: -1\n  min_rate: fast\n  per_source: 0\n  \
                timeouts: { head: 0, idle: soon, reed: 1 }\n  idle: 3\n";
    let said = with_config(text, &[], &[]).unwrap_err();
    for expected in [
        "FILE:7:36: limits.timeouts.reed: no setting has this name: is read meant?",
        "FILE:8:3: limits.idle: no setting has this name: it stands under limits.timeouts",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let said = with_config(&text.replace(", reed: 1", "").replace("  idle: 3\n", ""), &[], &[]).unwrap_err();
    for expected in [
        "FILE:2:15: limits.head_bytes: \"12\": expected a number of bytes from 1024 to 1048576",
        "FILE:3:17: limits.header_count: \"5000\": expected a number from 1 to 1024",
        "FILE:4:15: limits.body_bytes: \"-1\": expected a number of bytes such as",
        "FILE:5:13: limits.min_rate: \"fast\": expected a number of bytes",
        "FILE:6:15: limits.per_source: \"0\": expected a number from 1",
        "FILE:7:21: limits.timeouts.head: \"0\": expected a time from 1ms to 86400s",
        "FILE:7:30: limits.timeouts.idle: \"soon\": expected seconds",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert_eq!(said.lines().count(), 7, "{said}");
}

#[test]
fn a_longer_request_has_longer_to_be_sent_and_answered() {
    let seconds = |text: &str| {
        let Timeouts { read, write, request, .. } = with_config(text, &[], &[]).unwrap().http.timeouts;
        [read, write, request].map(|time| time.as_secs())
    };
    assert_eq!(seconds("limits: { timeouts: { request: 20m } }\n"), [1200; 3]);
    assert_eq!(seconds("limits: { timeouts: { request: 20m, read: 1m, write: 2m } }\n"), [60, 120, 1200]);
}
