//! The map `tls`: every property of Muti Metroo's and NATS's documents under the names that they use, both where the two name one thing,
//! and Erlang's values.

use core::time::Duration;
use std::path::PathBuf;

use http::Uri;
use node_core::trust::{AcceptedKeys, Anchor, Fingerprint, Usage};
use rustls::pki_types::ServerName;

use super::pair::{pair, pairs, pems, protocol};
use super::reader::{Entry, Section};
use super::tree::Value;
use crate::config::setting::{duration, switch};
use crate::config::{HostPort, InForce};
use crate::tls::crl::{CrlUrl, Refresh};
use crate::tls::settings::{CrlCheck, CrlFetch, Demand, NameRule, Pem, Rules, TlsSettings};
use crate::tls::{VERIFY_TIMEOUT, VerifyCommand};

/// Most names in a list of allowed names or known URLs.
const MAX_NAMES: usize = 256;
/// Most pins.
const MAX_PINS: usize = 256;
/// Most URLs of lists.
const MAX_CRL_URLS: usize = 32;

/// How long one fetch of a list may take.
const LEAST_TIMEOUT: Duration = Duration::from_millis(1);
const MOST_TIMEOUT: Duration = Duration::from_secs(600);
/// How far apart the fetches of a list may be.
const LEAST_REFRESH: Duration = Duration::from_secs(1);
const MOST_REFRESH: Duration = Duration::from_secs(7 * 24 * 3600);

/// The longest that a verify command may take.
const MAX_VERIFY_TIME: Duration = Duration::from_secs(60);

/// Where else a name belongs that somebody writes into `tls`.
fn elsewhere(name: &str) -> Option<&'static str> {
    match name {
        "fingerprint" => Some(
            "it pins a single peer, and those come with `peers`; here pinned_certs lists all that may come",
        ),
        "plaintext" => Some("it stands under cluster"),
        name if name.starts_with("ocsp") || name == "stapling" => Some(
            "OCSP is not checked here, because no library that is kept well does it; make certificates that live shortly, or let \
             revocation lists come by crl_url or crl_distribution_points",
        ),
        "crl_url" | "crl_distribution_points" | "crl_cache" | "crl_refresh" => {
            Some("it stands directly under tls, for both sides")
        }
        "dhfile" | "secure_renegotiate" | "reuse_sessions" | "ktls" | "hibernate_after" => {
            Some("nothing here corresponds to it, see COMPATIBILITY.md")
        }
        _ => None,
    }
}

/// What the map says, beside the settings themselves.
pub struct Tls {
    pub settings: TlsSettings,
    /// The names that a peer may have are those of the members to join through.
    pub known_are_joined: bool,
    /// Peers that dial must have a name, or one that maps to roles: a peer without a certificate has none.
    pub needs_names: Option<String>,
    /// What has no effect, and why.
    pub notes: Vec<String>,
    /// Every value, and where it stands.
    pub in_force: Vec<InForce>,
}

/// Reads the map. Faults are kept by its reader.
pub fn read(entry: Entry<'_>) -> Tls {
    let mut section = entry.section();
    let mut tls = Tls {
        settings: TlsSettings::default(),
        known_are_joined: false,
        needs_names: None,
        notes: Vec::new(),
        in_force: Vec::new(),
    };
    let settings = &mut tls.settings;
    settings.dir = section.given(&["dir"]).and_then(|entry| entry.text()).map(PathBuf::from);
    settings.pairs = pairs(&mut section, elsewhere);
    settings.trusted = pems(&mut section, &["trusted_certs"], &[]);
    settings.lists = pems(&mut section, &["crl_file", "crls"], &["crl_pem"]);
    settings.list_fetch = list_fetch(&mut section);
    settings.protocol = protocol(&mut section, false);
    if let Some(timeout) = section.given(&["timeout"]).and_then(|entry| entry.duration()) {
        settings.timeout = Some(timeout);
    }
    settings.connection_rate_limit = section
        .given(&["connection_rate_limit"])
        .and_then(|entry| entry.parse::<u32>())
        .filter(|limit| *limit > 0);
    first(&mut section, &mut tls.notes);

    let both = Shared::read(&mut section);
    both.apply(&mut settings.listening);
    both.apply(&mut settings.dialling);
    listening(&mut section, settings, &mut tls.known_are_joined, &mut tls.needs_names);
    dialling(&mut section, settings);
    if let Some(entry) = section.given(&["server"]) {
        let mut server = entry.section();
        Shared::read(&mut server).apply(&mut settings.listening);
        listening(&mut server, settings, &mut tls.known_are_joined, &mut tls.needs_names);
        server.finish(elsewhere);
    }
    if let Some(entry) = section.given(&["client"]) {
        let mut client = entry.section();
        Shared::read(&mut client).apply(&mut settings.dialling);
        dialling(&mut client, settings);
        if let Some(entry) = client.given(&["verify"])
            && let Some(demand) = verify(&entry)
        {
            settings.dialling.demand = demand;
        }
        settings.client_pair = pair(&mut client);
        client.finish(elsewhere);
    }
    section.finish(elsewhere);
    let settings = &tls.settings;
    let is_off = [&settings.listening, &settings.dialling].iter().all(|side| side.crl_check == CrlCheck::Off);
    if is_off && settings.list_fetch.is_on() {
        tls.notes.push(
            "crl_url and crl_distribution_points bring revocation lists, and crl_check is false, so nobody is held against them: \
             set it to true, peer or best_effort"
                .to_owned(),
        );
    }
    tls
}

/// Which lists of revoked certificates come by HTTP, and how.
fn list_fetch(section: &mut Section<'_>) -> CrlFetch {
    let mut fetch = CrlFetch::default();
    if let Some(entry) = section.given(&["crl_url", "crl_urls"]) {
        let listed = entry.list();
        if let Some(entry) = listed.get(MAX_CRL_URLS) {
            entry.fault(format!("has more than {MAX_CRL_URLS} URLs"));
        }
        fetch.urls = listed.iter().take(MAX_CRL_URLS).filter_map(Entry::parse::<CrlUrl>).collect();
    }
    let points = section.given(&["crl_distribution_points"]).and_then(|entry| entry.switch());
    fetch.distribution_points = points.unwrap_or(false);
    if let Some(entry) = section.given(&["crl_cache"]) {
        let mut cache = entry.section();
        // Erlang counts in milliseconds.
        let timeout = cache.given(&["http"]).and_then(|entry| {
            entry.choose("a number of milliseconds from 1 to 600000, or a time with a unit, as 5s", |text| {
                let millis = text.parse().ok().map(Duration::from_millis);
                millis.or_else(|| duration(text)).filter(|time| (LEAST_TIMEOUT..=MOST_TIMEOUT).contains(time))
            })
        });
        fetch.timeout = timeout.unwrap_or(fetch.timeout);
        cache.finish(|_| None);
    }
    if let Some(entry) = section.given(&["crl_refresh"]) {
        let whole = entry.of(entry.node.clone());
        let fault = |problem: &str| whole.fault(problem);
        let mut bounds = entry.section();
        let mut bound = |name| {
            let entry = bounds.given(&[name])?;
            entry.choose("a time from 1s to 7d", |text| {
                duration(text).filter(|time| (LEAST_REFRESH..=MOST_REFRESH).contains(time))
            })
        };
        let (min, max) = (bound("min"), bound("max"));
        bounds.finish(|_| None);
        // One bound alone moves the other one out of its way.
        let Refresh { min: least, max: most } = fetch.refresh;
        fetch.refresh = match (min, max) {
            (Some(min), Some(max)) if min > max => {
                fault("has a min above its max: exchange the two");
                fetch.refresh
            }
            (Some(min), Some(max)) => Refresh { min, max },
            (Some(min), None) => Refresh { min, max: most.max(min) },
            (None, Some(max)) => Refresh { min: least.min(max), max },
            (None, None) => fetch.refresh,
        };
    }
    fetch
}

/// The rules that both sides have.
#[derive(Default)]
struct Shared {
    authorities: Vec<Pem>,
    pinned: Vec<Anchor>,
    keys: Option<AcceptedKeys>,
    min_remaining: Option<Duration>,
    depth: Option<u8>,
    usage: Option<Usage>,
    names: Option<NameRule>,
    crl_check: Option<CrlCheck>,
    verify_command: Option<VerifyCommand>,
}

impl Shared {
    fn read(section: &mut Section<'_>) -> Self {
        let authorities = pems(section, &["ca", "ca_file"], &["ca_pem"]);
        let pinned = section.given(&["pinned_certs"]).map(pins).unwrap_or_default();
        let keys = section.given(&["ec_only"]).and_then(|entry| entry.switch());
        let keys = keys.map(|only| if only { AcceptedKeys::Ec } else { AcceptedKeys::Any });
        let min_remaining = section.given(&["min_remaining_validity"]).and_then(|entry| entry.duration());
        let depth = section.given(&["depth"]);
        let depth = depth.and_then(|entry| {
            entry.choose("0 to 8, the number of intermediates", |text| {
                text.parse().ok().filter(|depth| *depth <= 8)
            })
        });
        let usage = section.given(&["extended_key_usage"]).and_then(|entry| {
            entry.choose(
                "role (server of those that are dialled, client of those that dial), both or any",
                |text| match text {
                    "role" => Some(None),
                    "both" => Some(Some(Usage::BOTH)),
                    "any" => Some(Some(Usage::ANY)),
                    _ => None,
                },
            )?
        });
        let names = section.given(&["names"]).and_then(|entry| {
            entry.choose("any or dialled; a list of names stands in allowed_names", |text| match text {
                "any" => Some(NameRule::Any),
                "dialled" => Some(NameRule::Dialled),
                _ => None,
            })
        });
        let allowed = section.given(&["allowed_names"]);
        if let (Some(entry), Some(_)) = (&allowed, &names) {
            entry.fault("and names are two rules on the same names: drop one");
        }
        let allowed = allowed.map(|entry| {
            NameRule::OneOf(server_names(entry, "a name such as node-2.example.net, or an IP address", host))
        });
        let crl_check = section.given(&["crl_check"]).and_then(|entry| {
            entry.choose("false, true, peer or best_effort", |text| match text {
                "peer" => Some(CrlCheck::Peer),
                "best_effort" => Some(CrlCheck::BestEffort),
                text => switch(text).map(|whole| if whole { CrlCheck::Chain } else { CrlCheck::Off }),
            })
        });
        let verify_command = verify_command(section);
        let names = allowed.or(names);
        Self { authorities, pinned, keys, min_remaining, depth, usage, names, crl_check, verify_command }
    }

    fn apply(&self, rules: &mut Rules) {
        if !self.authorities.is_empty() {
            rules.authorities.clone_from(&self.authorities);
        }
        if !self.pinned.is_empty() {
            rules.pinned.clone_from(&self.pinned);
        }
        rules.keys = self.keys.unwrap_or(rules.keys);
        rules.min_remaining = self.min_remaining.unwrap_or(rules.min_remaining);
        rules.depth = self.depth.unwrap_or(rules.depth);
        rules.crl_check = self.crl_check.unwrap_or(rules.crl_check);
        rules.usage = self.usage.unwrap_or(rules.usage);
        if let Some(names) = &self.names {
            rules.names = names.clone();
        }
        if self.verify_command.is_some() {
            rules.verify_command.clone_from(&self.verify_command);
        }
    }
}

/// The program that has the last word: its path, or a list of the path and arguments.
fn verify_command(section: &mut Section<'_>) -> Option<VerifyCommand> {
    let time = section.given(&["verify_command_timeout"]);
    let Some(entry) = section.given(&["verify_command", "verify_fun"]) else {
        if let Some(time) = time {
            time.fault("has an effect only beside verify_command");
        }
        return None;
    };
    let time = time.map_or(Some(VERIFY_TIMEOUT), |time| {
        let timeout = time.duration()?;
        if timeout.is_zero() || timeout > MAX_VERIFY_TIME {
            time.fault(format!("must be more than 0 and at most {} s", MAX_VERIFY_TIME.as_secs()));
        }
        Some(timeout)
    });
    let missing = entry.of(entry.node.clone());
    let parts = entry.list();
    let Some((first, rest)) = parts.split_first() else {
        missing.fault("names no program: give its path");
        return None;
    };
    let program = first.choose("the path of a program, from / on", |text| {
        text.starts_with('/').then(|| PathBuf::from(text))
    });
    let arguments = rest.iter().map(Entry::text).collect::<Option<Vec<String>>>();
    Some(VerifyCommand { program: program?, arguments: arguments?, timeout: time? })
}

/// What those who dial this node have to prove.
fn listening(
    section: &mut Section<'_>,
    settings: &mut TlsSettings,
    known_are_joined: &mut bool,
    needs_names: &mut Option<String>,
) {
    let said = section.given(&["mtls", "verify"]);
    let demand = said.as_ref().and_then(verify);
    let fail = section.given(&["fail_if_no_peer_cert"]);
    let may_fail = fail.as_ref().and_then(Entry::switch);
    let map = section.given(&["verify_and_map"]);
    let known = section.given(&["verify_cert_and_check_known_urls"]);
    let is_on = |entry: &Option<Entry<'_>>| entry.as_ref().and_then(Entry::switch) == Some(true);
    for wants in [&map, &known] {
        if let Some(entry) = wants
            && is_on(wants)
        {
            *needs_names = Some(entry.origin());
            if demand == Some(Demand::Nothing) {
                entry.fault(
                    "wants a certificate of every peer, and verify (mtls) wants none: drop one of the two",
                );
            }
        }
    }
    if let (Some(entry), Some(true), Some(Demand::Nothing)) = (&fail, may_fail, demand) {
        entry.fault("wants a certificate of every peer, and verify (mtls) wants none: drop one of the two");
    }
    settings.map |= is_on(&map);
    let urls = section.given(&["known_urls"]);
    if is_on(&known) {
        let names = urls.map(|entry| {
            server_names(entry, "a URL such as nats://node-2.example.net:8374, or HOST:PORT", known_host)
        });
        if let (Some(entry), NameRule::OneOf(_)) = (&known, &settings.listening.names) {
            entry.fault("and allowed_names are two lists of the names that may come: drop one");
        }
        *known_are_joined = names.is_none();
        settings.listening.names = NameRule::OneOf(names.unwrap_or_default());
    } else if let Some(entry) = urls {
        entry.fault("has an effect only with verify_cert_and_check_known_urls: true");
    }
    settings.listening.demand = match (demand, may_fail) {
        (Some(Demand::Always) | None, Some(false)) => Demand::IfShown,
        (Some(demand), _) => demand,
        (None, _) => settings.listening.demand,
    };
}

/// What those who are dialled have to prove.
fn dialling(section: &mut Section<'_>, settings: &mut TlsSettings) {
    match section.given(&["insecure"]).and_then(|entry| entry.switch()) {
        Some(true) => settings.dialling.demand = Demand::Nothing,
        Some(false) => settings.dialling.demand = Demand::Always,
        None => {}
    }
    if let Some(entry) = section.given(&["server_name"]) {
        let name =
            entry.choose("a host name or an IP address", |text| ServerName::try_from(text.to_owned()).ok());
        settings.server_name = name.or_else(|| settings.server_name.clone());
    }
}

fn verify(entry: &Entry<'_>) -> Option<Demand> {
    entry.choose("true or verify_peer, false or verify_none", |text| match text {
        "verify_peer" => Some(Demand::Always),
        "verify_none" => Some(Demand::Nothing),
        text => switch(text).map(|verify| if verify { Demand::Always } else { Demand::Nothing }),
    })
}

/// Each pin names a certificate or a public key: people take either, and neither can be taken for the other.
fn pins(entry: Entry<'_>) -> Vec<Anchor> {
    let mut pins = Vec::new();
    for entry in entry.list() {
        let sha256 =
            entry.choose("the SHA-256 of a certificate or public key, as 64 hexadecimal digits", |text| {
                let digits = text.strip_prefix("sha256:").unwrap_or(text).replace(':', "");
                digits.to_ascii_lowercase().parse::<Fingerprint>().ok()
            });
        if pins.len() >= 2 * MAX_PINS {
            entry.fault(format!("has more than {MAX_PINS} pins"));
            break;
        }
        pins.extend(
            sha256.into_iter().flat_map(|sha256| [Anchor::Spki(sha256), Anchor::Certificate(sha256)]),
        );
    }
    pins
}

fn server_names(
    entry: Entry<'_>,
    expected: &str,
    read: fn(&str) -> Option<ServerName<'static>>,
) -> Vec<ServerName<'static>> {
    let mut names = Vec::new();
    for entry in entry.list() {
        if names.len() == MAX_NAMES {
            entry.fault(format!("has more than {MAX_NAMES} names"));
            break;
        }
        names.extend(entry.choose(expected, read));
    }
    names
}

/// The name in an address or URL.
fn known_host(text: &str) -> Option<ServerName<'static>> {
    let url = text.parse::<Uri>().ok().filter(|url| url.scheme().is_some());
    match url {
        Some(url) => host(url.host()?.trim_start_matches('[').trim_end_matches(']')),
        None => match text.parse::<HostPort>() {
            Ok(address) => host_of(&address),
            Err(_) => host(text),
        },
    }
}

/// The host of an address, as a certificate names it.
pub fn host_of(address: &HostPort) -> Option<ServerName<'static>> {
    let (name, _) = address.as_str().rsplit_once(':')?;
    host(name.trim_start_matches('[').trim_end_matches(']'))
}

fn host(text: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(text.to_owned()).ok()
}

/// NATS's choice between TLS at once and a line in the clear before.
fn first(section: &mut Section<'_>, notes: &mut Vec<String>) {
    let Some(entry) = section.given(&["handshake_first", "first", "immediate"]) else { return };
    let is_time = entry.node.value != Value::Scalar("auto".to_owned())
        && entry.text().is_some_and(|text| switch(&text).is_none());
    let at_once = match entry.text().as_deref() {
        Some("auto") => false,
        _ if is_time => match entry.duration() {
            Some(_) => false,
            None => return,
        },
        _ => entry.switch() == Some(true),
    };
    if !at_once {
        notes.push(format!(
            "{}: nothing is ever sent in the clear before TLS on this port, so there is nothing to fall back to; the value counts as true",
            entry.origin()
        ));
    }
}
