//! The map `components`: a URL for each name, or a map with its upstreams and limits.

use core::time::Duration;

use node_core::id::Name;
use node_core::route::path::normalize;
use node_core::wire::record::MAX_COMPONENTS;
use rustls::pki_types::ServerName;

use super::pair::pems;
use super::reader::{Entry, Section};
use super::tree::Value;
use crate::config::component::{
    HealthCheck, LONGEST, MAX_UPSTREAMS, UpstreamProtocol, UpstreamTls, UpstreamUrl,
};
use crate::config::setting::{SIZE, duration, size};
use crate::config::{BadComponent, Component};

/// The longest path of a health check.
const MAX_CHECK_PATH: usize = 1024;

/// Reads the map. Faults are kept by its reader.
pub fn read(entry: Entry<'_>) -> Vec<Component> {
    let mut components = Vec::new();
    let whole = entry.of(entry.node.clone());
    for (name, entry) in entry.section().into_entries() {
        if components.len() == MAX_COMPONENTS {
            whole.fault(format!("has more than {MAX_COMPONENTS} components"));
            break;
        }
        components.extend(component(&name, entry));
    }
    components
}

fn component(name: &str, entry: Entry<'_>) -> Option<Component> {
    let named = entry.of(entry.node.clone());
    let name = Name::new(name).map_err(|bad| named.fault(format!("is no component: {bad}"))).ok()?;
    let new = |upstreams| {
        Component::new(name, upstreams).map_err(|bad| named.fault(format!("is no component: {bad}"))).ok()
    };
    if !matches!(entry.node.value, Value::Map(_)) {
        let url: UpstreamUrl = entry.parse()?;
        if url.protocol == UpstreamProtocol::Https {
            entry.fault(BadComponent::NeedsCa);
        }
        return new(vec![url]);
    }
    let mut section = entry.section();
    let upstreams = upstreams(&mut section, &named);
    let tls = tls(&mut section, &named, upstreams.iter().any(|url| url.protocol == UpstreamProtocol::Https));
    let mut component = new(upstreams);
    if let Some(entry) = section.given(&["max_duration"])
        && let Some(longest) = time(&entry, Duration::from_millis(1), LONGEST)
        && let Some(component) = &mut component
    {
        component.max_duration = longest;
    }
    if let Some(most) = section.given(&["max_requests"]).and_then(|entry| {
        entry.choose("a number from 1 to 1000000", |text| {
            text.parse().ok().filter(|most| (1..=1_000_000).contains(most))
        })
    }) && let Some(component) = &mut component
    {
        component.max_requests = most;
    }
    let max_body = section.given(&["max_body"]).and_then(|entry| entry.choose(SIZE, size)).flatten();
    let health_check = section.given(&["health_check"]).and_then(health_check);
    section.finish(|name| match name {
        "path" | "interval" => Some("it stands under health_check"),
        "timeout" => Some("that of a request is max_duration, that of a check stands under health_check"),
        "cert" | "key" => Some("this node shows no certificate to an upstream"),
        "insecure" => {
            Some("an upstream always proves who it is: name its CA, which may be its own certificate")
        }
        _ => None,
    });
    component.map(|component| Component { tls, max_body, health_check, ..component })
}

fn upstreams(section: &mut Section<'_>, named: &Entry<'_>) -> Vec<UpstreamUrl> {
    let Some(entry) = section.given(&["url", "urls"]) else {
        named.fault("has no upstream: give it a url, or several urls");
        return Vec::new();
    };
    let listed = entry.list();
    if listed.is_empty() {
        named.fault("has no upstream: its list of urls is empty");
    }
    if let Some(entry) = listed.get(MAX_UPSTREAMS) {
        entry.fault(format!("has more than {MAX_UPSTREAMS} upstreams"));
    }
    let mut urls = Vec::new();
    for entry in listed.iter().take(MAX_UPSTREAMS) {
        match entry.parse() {
            Some(url) if urls.contains(&url) => entry.fault(format!("holds {url} twice: drop one")),
            url => urls.extend(url),
        }
    }
    urls
}

fn tls(section: &mut Section<'_>, named: &Entry<'_>, is_https: bool) -> Option<UpstreamTls> {
    let authorities = pems(section, &["ca", "ca_file"], &["ca_pem"]);
    let server_name = section.given(&["server_name"]);
    let is_given = !authorities.is_empty() || server_name.is_some();
    let server_name = server_name.and_then(|entry| {
        entry.choose("a host name or an IP address", |text| ServerName::try_from(text.to_owned()).ok())
    });
    match (is_https, is_given) {
        (true, _) if authorities.is_empty() => {
            named.fault("has an https upstream and no ca: name the CA that signed its certificate");
        }
        (false, true) => {
            named.fault("has a ca or server_name and no https upstream: drop them, or use https")
        }
        _ => {}
    }
    is_https.then_some(UpstreamTls { authorities, server_name })
}

/// A path, or a map with the path and times.
fn health_check(entry: Entry<'_>) -> Option<HealthCheck> {
    let (interval, timeout) = (Duration::from_secs(10), Duration::from_secs(2));
    if !matches!(entry.node.value, Value::Map(_)) {
        return Some(HealthCheck { path: check_path(&entry)?, interval, timeout });
    }
    let whole = entry.of(entry.node.clone());
    let mut section = entry.section();
    let path = section.given(&["path"]);
    if path.is_none() {
        whole.fault("has no path: name what to ask for, such as /health");
    }
    let path = path.and_then(|entry| check_path(&entry));
    let mut within = |name, most| {
        let entry = section.given(&[name])?;
        time(&entry, Duration::from_millis(100), Duration::from_secs(most))
    };
    let interval = within("interval", 3600).unwrap_or(interval);
    let timeout = within("timeout", 60).unwrap_or(timeout);
    section.finish(|_| None);
    Some(HealthCheck { path: path?, interval, timeout })
}

fn check_path(entry: &Entry<'_>) -> Option<String> {
    entry.choose("a path such as /health, perhaps with a query", |text| {
        let is_path = text.len() <= MAX_CHECK_PATH
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
            && normalize(text, &mut vec![0; text.len()]).is_ok();
        is_path.then(|| text.to_owned())
    })
}

fn time(entry: &Entry<'_>, least: Duration, most: Duration) -> Option<Duration> {
    let expected = format!("a time from {least:?} to {most:?}");
    entry.choose(&expected, |text| duration(text).filter(|time| (least..=most).contains(time)))
}
