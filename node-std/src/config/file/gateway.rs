//! The map `gateway`: rules and TLS. What a flag can set as well is read with the other settings.

use core::time::Duration;

use node_core::id::Name;

use super::pair::{pairs, protocol};
use super::reader::{Entry, Section};
use super::tree::Value;
use crate::config::gateway::{GatewayRule, GatewayTls, MAX_RULES};

/// The longest handshake that can be allowed.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(60);

/// Reads the list of rules: texts or maps. Each comes with the place where it stands. Faults are kept by the reader.
pub fn rules(entry: Entry<'_>) -> Vec<(String, GatewayRule)> {
    let mut rules = Vec::new();
    for entry in entry.list() {
        if rules.len() == MAX_RULES {
            entry.fault(format!("has more than {MAX_RULES} rules"));
            break;
        }
        let (origin, whole) = (entry.origin(), entry.of(entry.node.clone()));
        let rule = if matches!(entry.node.value, Value::Map(_)) {
            map(entry.section(), &whole)
        } else {
            entry.parse()
        };
        let Some(rule) = rule else { continue };
        if rules.iter().any(|(_, earlier): &(String, GatewayRule)| earlier.hides(&rule)) {
            whole.fault("has a second rule for one host and path: drop one");
        }
        rules.push((origin, rule));
    }
    rules
}

fn map(mut section: Section<'_>, whole: &Entry<'_>) -> Option<GatewayRule> {
    let mut text = |name| section.given(&[name]).and_then(|entry| entry.text());
    let (host, path) = (text("host").unwrap_or_default(), text("path").unwrap_or_default());
    let component = section.given(&["component"]);
    if component.is_none() {
        whole.fault("has a rule without a component: name the one that answers");
    }
    let component = component.and_then(|entry| entry.parse::<Name>());
    let strip = section.given(&["strip_prefix"]).and_then(|entry| entry.switch()).unwrap_or(false);
    let rewrite = section.given(&["rewrite"]);
    if let (true, Some(entry)) = (strip, &rewrite) {
        entry.fault("stands beside strip_prefix: drop one");
    }
    let rewrite = rewrite.and_then(|entry| entry.text()).or_else(|| strip.then(String::new));
    section.finish(|name| match name {
        "hosts" | "paths" => Some("write a rule for each"),
        "tls" => Some("the certificates of all hosts stand in gateway.tls"),
        _ => None,
    });
    let rule = GatewayRule::new(&host, &path, component?, rewrite.as_deref());
    rule.map_err(|bad| whole.fault(format!("has a rule that is none: {bad}"))).ok()
}

/// Reads the map `gateway.tls`.
pub fn tls(entry: Entry<'_>) -> GatewayTls {
    let whole = entry.of(entry.node.clone());
    let mut section = entry.section();
    let mut tls = GatewayTls::new(pairs(&mut section, elsewhere));
    tls.protocol = protocol(&mut section, tls.protocol.tls12);
    if let Some(timeout) = section.given(&["timeout"]).and_then(|entry| entry.duration()) {
        if timeout.is_zero() || timeout > LONGEST_HANDSHAKE {
            whole.fault(format!(
                "has a timeout that is not more than 0 and at most {} s",
                LONGEST_HANDSHAKE.as_secs()
            ));
        }
        tls.timeout = Some(timeout);
    }
    section.finish(elsewhere);
    tls
}

fn elsewhere(name: &str) -> Option<&'static str> {
    match name {
        "ca" | "ca_file" | "ca_pem" | "verify" | "mtls" | "verify_and_map" => {
            Some("the gateway asks no client for a certificate: those who must show one use the private port")
        }
        "redirect" => Some("it stands under gateway"),
        _ => None,
    }
}
