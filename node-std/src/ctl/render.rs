//! Answers as tables and lines for people.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use node_core::time::UnixTime;
use node_core::trust::Rfc3339;

use serde_json::{Map, Value};

use super::table::table;
use crate::api::{
    BoardCounters, KeySlot, Link, LinkList, NodeBrief, NodeEvent, NodeList, NodeStatus, PingAnswer,
};
use crate::config::InForce;

/// The line for an event.
pub fn event(event: &NodeEvent) -> String {
    let at = Rfc3339(UnixTime(event.at / 1000));
    let before = event.before.as_deref().filter(|before| *before != event.state);
    let before = before.map(|before| format!(", was {before}")).unwrap_or_default();
    let by = event.by.as_deref().map(|by| format!(", says {}", short(by))).unwrap_or_default();
    let reason = event.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{at}  {} ({}) is {}{before}{by}{reason}\n", event.name, short(&event.node_id), event.state)
}

/// The line for a line of a log. Another node wrote it, so control characters are left out: they must not reach the terminal.
pub fn log_line(parts: &Map<String, Value>) -> String {
    let text = |name: &str| parts.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut line = match parts.get("lost") {
        Some(lost) => format!("… {lost} lines of {} are lost", text("node")),
        None => {
            let (time, level, node, message) =
                (text("time"), text("level").to_uppercase(), text("node"), text("message"));
            format!("{time} {level:>5} {node}: {message}")
        }
    };
    for (name, value) in parts.get("fields").and_then(Value::as_object).into_iter().flatten() {
        line.push_str(&format!(" {name}={}", value.as_str().unwrap_or_default()));
    }
    let mut line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.push('\n');
    line
}

pub fn links(LinkList { observed_at, links, .. }: &LinkList) -> String {
    let row = |link: &Link| {
        [
            link.name.clone().unwrap_or_else(|| "-".to_owned()),
            short(&link.node_id),
            link.kind.clone().unwrap_or_else(|| "-".to_owned()),
            if link.dialled { "dialled" } else { "accepted" }.to_owned(),
            if link.gossip { "gossip" } else { "requests" }.to_owned(),
            link.address.clone(),
            age(link.since, *observed_at),
            link.rtt_micros.map_or_else(|| "-".to_owned(), millis),
            link.peer_key.as_deref().map_or_else(|| "-".to_owned(), fingerprint),
            session(link),
            link.peer_not_after.map_or_else(|| "-".to_owned(), |end| until(end, *observed_at)),
        ]
    };
    let header =
        ["NAME", "ID", "KIND", "DIRECTION", "CARRIES", "ADDRESS", "UP", "RTT", "KEY", "TLS", "EXPIRES"];
    table(header, links.iter().map(row).collect())
}

/// The version and suite of a link, such as `1.3 AES_128_GCM_SHA256`.
fn session(link: &Link) -> String {
    match (&link.tls_version, &link.tls_suite) {
        (Some(version), Some(suite)) => format!("{version} {}", suite.trim_start_matches("TLS_")),
        _ => "-".to_owned(),
    }
}

/// How long it is until `end`. Both are Unix milliseconds of one clock.
fn until(end: u64, now: u64) -> String {
    match end.checked_sub(now) {
        Some(left) => format!("in {}", age(0, left)),
        None => "EXPIRED".to_owned(),
    }
}

/// The time between `since` and `now` in the largest unit that fits. Both are Unix milliseconds of one clock.
fn age(since: u64, now: u64) -> String {
    match now.saturating_sub(since) / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

pub fn nodes(NodeList { observed_at, nodes, .. }: &NodeList) -> String {
    let row = |node: &NodeStatus| {
        let address = match &node.peer_url {
            Some(url) => url.clone(),
            None if node.hubs.is_empty() => "-".to_owned(),
            None => {
                format!("via {}", node.hubs.iter().map(|hub| name(nodes, hub)).collect::<Vec<_>>().join(", "))
            }
        };
        [
            node.name.clone(),
            short(&node.node_id),
            node.kind.clone(),
            if node.asleep { "asleep".to_owned() } else { node.state.clone() },
            age(node.since, *observed_at),
            node.incarnation.to_string(),
            address,
            node.rtt_micros.map_or_else(|| "-".to_owned(), millis),
            node.active_key.as_deref().map_or_else(|| "-".to_owned(), fingerprint),
            node.active_key_not_after.map_or_else(|| "-".to_owned(), |end| until(end, *observed_at)),
            if node.components.is_empty() { "-".to_owned() } else { node.components.join(",") },
        ]
    };
    let header =
        ["NAME", "ID", "KIND", "STATE", "SINCE", "INC", "ADDRESS", "RTT", "KEY", "EXPIRES", "COMPONENTS"];
    table(header, nodes.iter().map(row).collect())
}

/// The name of the node with this id, or the first digits of the id if the node is not listed.
fn name(nodes: &[NodeStatus], id: &str) -> String {
    nodes.iter().find(|node| node.node_id == id).map_or_else(|| short(id), |node| node.name.clone())
}

pub fn pong(pong: &PingAnswer) -> String {
    let via = pong.via.as_deref().map(|hub| format!(" through {}", short(hub))).unwrap_or_default();
    format!("{} ({}) answered in {}{via}\n", pong.name, short(&pong.node), millis(pong.rtt_micros))
}

pub fn counters(BoardCounters { counters: counted, .. }: &BoardCounters, status: &NodeBrief) -> String {
    let stack = match (status.stack_high_water, counted.stack_size) {
        (Some(used), Some(size)) => format!("{} of {size} bytes", size.saturating_sub(used)),
        (Some(used), None) => format!("{used} bytes are used"),
        (None, _) => "-".to_owned(),
    };
    let erased = format!("{} in {} pages", counted.pages_erased, counted.pages);
    let rows = [
        ("uptime", age(0, status.uptime_ms)),
        ("starts in its life", counted.starts.to_string()),
        ("links now", status.links.to_string()),
        ("links up", counted.links_up.to_string()),
        ("links down", counted.links_down.to_string()),
        ("reconnects", counted.reconnects.to_string()),
        ("handshakes", counted.handshakes.to_string()),
        ("handshakes failed", counted.handshakes_failed.to_string()),
        ("dials failed", counted.dials_failed.to_string()),
        ("requests answered", counted.requests.to_string()),
        ("requests failed", counted.requests_failed.to_string()),
        ("stack never used", stack),
        ("erases in its life", erased),
    ];
    table(["COUNTER", "VALUE"], rows.map(|(name, value)| [name.to_owned(), value]).into())
}

pub fn slots(slots: &[KeySlot]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let row = |slot: &KeySlot| {
        let role = match (slot.active, slot.pair) {
            (true, _) => "active",
            (false, true) => "pair",
            (false, false) => "trusted only",
        };
        let dates = validity(slot, now);
        [
            slot.name.clone(),
            role.to_owned(),
            slot.algorithm.clone(),
            dates,
            fingerprint(&slot.certificate_sha256),
            fingerprint(&slot.spki_sha256),
        ]
    };
    table(["SLOT", "ROLE", "KEY", "VALID", "CERTIFICATE", "SPKI"], slots.iter().map(row).collect())
}

fn validity(slot: &KeySlot, now: Duration) -> String {
    let days = |from: Duration, to: Duration| match to.saturating_sub(from).as_secs() / 86_400 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let (start, end) = (Duration::from_millis(slot.not_before), Duration::from_millis(slot.not_after));
    if now < start {
        format!("in {}", days(now, start))
    } else if now > end {
        format!("EXPIRED {} ago", days(end, now))
    } else {
        format!("{} more", days(now, end))
    }
}

pub fn config(settings: &[InForce]) -> String {
    let row = |known: &InForce| [known.setting.clone(), known.value.clone(), known.origin.clone()];
    table(["SETTING", "VALUE", "FROM"], settings.iter().map(row).collect())
}

/// The first digits of an id. They tell the nodes of a cluster apart.
pub fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// The first digits of a SHA-256.
fn fingerprint(sha256: &str) -> String {
    sha256.trim_start_matches("sha256:").chars().take(16).collect()
}

fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::unix_millis;

    fn node(name: &str, id: &str) -> NodeStatus {
        serde_json::from_value(json!({
            "nodeId": id.repeat(16), "name": name, "kind": "hub", "state": "alive", "incarnation": 1, "version": 1,
            "since": 1_000_000, "peerUrl": "https://10.0.0.1:8374", "activeKey": format!("sha256:{}", "ab".repeat(32)),
            "keyringDigest": null, "activeKeyNotAfter": 1_110_000, "components": ["web", "shop"], "hubs": [], "linked": true, "rttMicros": 1234,
        }))
        .unwrap()
    }

    #[test]
    fn nodes_are_one_a_line() {
        let leaf = NodeStatus {
            kind: "leaf".into(),
            peer_url: None,
            active_key: None,
            active_key_not_after: None,
            rtt_micros: None,
            components: vec![],
            hubs: vec!["01".repeat(16), "09".repeat(16)],
            asleep: true,
            ..node("board", "02")
        };
        let list = NodeList {
            responding_node_id: "01".repeat(16),
            observed_at: 1_090_000,
            nodes: vec![node("hub-1", "01"), leaf],
        };
        assert_eq!(
            nodes(&list),
            "NAME   ID        KIND  STATE   SINCE  INC  ADDRESS                RTT      KEY               EXPIRES  COMPONENTS\n\
             hub-1  01010101  hub   alive   90 s   1    https://10.0.0.1:8374  1.23 ms  abababababababab  in 20 s  web,shop\n\
             board  02020202  leaf  asleep  90 s   1    via hub-1, 09090909    -        -                 -        -\n"
        );
    }

    #[test]
    fn counters_show_what_is_free() {
        let status = json!({
            "nodeId": "02", "name": "board", "version": "1", "uptimeMs": 61_000, "links": 1, "members": 2,
            "stackHighWater": 700,
        });
        let counted = json!({
            "nodeId": "02", "starts": 9, "handshakes": 3, "handshakesFailed": 4, "dialsFailed": 5, "linksUp": 2,
            "linksDown": 1, "reconnects": 1, "requests": 7, "requestsFailed": 8, "pagesErased": 12, "pages": 8,
            "stackSize": 1000,
        });
        let (status, mut counted): (_, BoardCounters) =
            (serde_json::from_value(status).unwrap(), serde_json::from_value(counted).unwrap());
        let text = counters(&counted, &status);
        for line in
            ["uptime              61 s\n", "stack never used    300 of 1000 bytes\n", "12 in 8 pages\n"]
        {
            assert!(text.contains(line), "{text}");
        }
        counted.counters.stack_size = None;
        assert!(counters(&counted, &status).contains("700 bytes are used"));
    }

    #[test]
    fn ages_are_those_of_the_nodes_clock_if_it_says_its_time() {
        let since = unix_millis();
        let link = json!({
            "nodeId": "01".repeat(16), "name": "hub-1", "kind": "hub", "address": "10.0.0.1:1", "dialled": true,
            "gossip": true, "since": since, "rttMicros": null, "peerKey": null,
        });
        let mut list = json!({"respondingNodeId": "02".repeat(16), "links": [link]});
        assert!(links(&serde_json::from_value(list.clone()).unwrap()).contains("10.0.0.1:1  0 s"));
        list["observedAt"] = json!(since + 7_200_000);
        assert!(links(&serde_json::from_value(list).unwrap()).contains("10.0.0.1:1  2 h"));
    }

    #[test]
    fn an_event_is_one_line() {
        let event = |before, by, reason| {
            let event = json!({
                "number": 1, "at": 1_700_000_000_123_u64, "nodeId": "01".repeat(16), "name": "hub-1",
                "before": before, "state": "suspect", "incarnation": 2, "by": by, "reason": reason,
            });
            super::event(&serde_json::from_value(event).unwrap())
        };
        let by = "02".repeat(16);
        assert_eq!(
            event(Some("alive"), Some(by), Some("nothing listens at its address")),
            "2023-11-14T22:13:20Z  hub-1 (01010101) is suspect, was alive, says 02020202: nothing listens at its address\n"
        );
        assert_eq!(event(None, None, None), "2023-11-14T22:13:20Z  hub-1 (01010101) is suspect\n");
    }

    #[test]
    fn a_slot_says_how_long_it_lasts() {
        let day = 86_400_000;
        let slot = |not_before, not_after| KeySlot {
            name: "server_a".into(),
            certificate_sha256: "sha256:00".into(),
            spki_sha256: "sha256:11".into(),
            not_before,
            not_after,
            algorithm: "P-256".into(),
            pair: true,
            active: true,
        };
        let now = Duration::from_millis(100 * day);
        assert_eq!(validity(&slot(0, 200 * day), now), "100 days more");
        assert_eq!(validity(&slot(0, 90 * day), now), "EXPIRED 10 days ago");
        assert_eq!(validity(&slot(101 * day, 200 * day), now), "in 1 day");
        assert!(slots(&[slot(0, 1)]).starts_with("SLOT      ROLE    KEY    VALID"));
    }
}
