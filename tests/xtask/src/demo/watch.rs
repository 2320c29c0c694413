//! Looks at the cluster twice a second through maelctl, as an operator would. Shows it, and prints changes.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

use console::style;
use node_tests::ctl::{Ctl, Node};
use node_tests::fleet::{BOARD, NODES};
use node_tests::load::{self, Tally};

use super::view::View;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);
/// Between two lines about the whole cluster, without a terminal.
const PLAIN: Duration = Duration::from_secs(5);

/// Watches until it is dropped.
pub struct Watch {
    loads: Arc<Mutex<Vec<load::Watch>>>,
    _end: mpsc::Sender<()>,
}

impl Watch {
    /// Watches the daemons that these maelctls talk to, in the order of [`NODES`].
    pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, view: &'scope View, ctls: Vec<Ctl>) -> Self {
        let loads = Arc::default();
        let (end, ended) = mpsc::channel();
        let mut eye = Eye {
            view,
            ctls,
            loads: Arc::clone(&loads),
            known: BTreeMap::new(),
            keys: Vec::new(),
            counted: (Instant::now(), 0),
            spoken: Instant::now(),
        };
        scope.spawn(move || {
            while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                eye.look();
            }
        });
        Self { loads, _end: end }
    }

    /// Shows this load too.
    pub fn add(&self, load: load::Watch) {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner).push(load);
    }
}

struct Eye<'v> {
    view: &'v View,
    ctls: Vec<Ctl>,
    loads: Arc<Mutex<Vec<load::Watch>>>,
    known: BTreeMap<String, Seen>,
    /// Certificates in the order in which they became active: A, B, C.
    keys: Vec<String>,
    counted: (Instant, u64),
    spoken: Instant,
}

/// A member as it was seen last.
#[derive(Clone, Default)]
struct Seen {
    kind: String,
    state: String,
    links: usize,
    key: String,
}

impl Eye<'_> {
    fn look(&mut self) {
        let views: Vec<Option<Vec<Node>>> = self.ctls.iter().map(|ctl| ctl.nodes().ok()).collect();
        for name in NODES.iter().chain([&BOARD]) {
            let own = NODES.iter().position(|node| node == name);
            // Other nodes show a member's state, also when the member itself is dead.
            let mut others = views.iter().enumerate().filter(|(index, _)| Some(*index) != own);
            let member = others.find_map(|(_, nodes)| nodes.as_ref()?.iter().find(|node| node.name == *name));
            if let Some(member) = member {
                let links = match own.and_then(|own| views[own].as_ref()) {
                    Some(nodes) => nodes.iter().filter(|node| node.linked).count(),
                    None => member.hubs.len(),
                };
                self.learn(member, links);
            }
        }
        self.report();
    }

    fn learn(&mut self, member: &Node, links: usize) {
        let key = self.letter(member.active_key.as_deref());
        let now = Seen { kind: member.kind.clone(), state: member.state.clone(), links, key };
        let before = self.known.insert(member.name.clone(), now.clone());
        let Some(before) = before else { return };
        let name = &member.name;
        if before.state != now.state {
            self.view.say(&format!("{name} is {}, was {}", coloured(&now.state), before.state));
        }
        if before.key != now.key {
            self.view.say(&format!("{name} uses key {}, used {}", style(&now.key).yellow(), before.key));
        }
    }

    /// A letter for the certificate, and the beginning of its SHA-256.
    fn letter(&mut self, key: Option<&str>) -> String {
        let Some(key) = key else { return "none".into() };
        let index = self.keys.iter().position(|known| known == key).unwrap_or_else(|| {
            self.keys.push(key.to_owned());
            self.keys.len() - 1
        });
        let letter = char::from(b'A' + (index % 26) as u8);
        let digits: String = key.trim_start_matches("sha256:").chars().take(8).collect();
        format!("{letter} {digits}")
    }

    fn report(&mut self) {
        let mut tally = Tally::default();
        for load in self.loads.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            tally += load.tally();
        }
        let (since, before) = self.counted;
        let rate = (tally.answered - before) as f64 / since.elapsed().as_secs_f64();
        self.counted = (Instant::now(), tally.answered);
        let requests = format!("{} answered, {} failed, {rate:.0}/s", tally.answered, tally.failed);
        let members = self.known.iter().map(|(name, seen)| {
            let Seen { kind, state, links, key } = seen;
            let state = console::pad_str(state, 7, console::Alignment::Left, None);
            format!("{name:<6} {kind:<4} {}  {links} links  key {key}", coloured(&state))
        });
        let mut lines: Vec<String> = members.collect();
        let failed = if tally.failed == 0 { style(&requests).green() } else { style(&requests).red() };
        lines.push(format!("requests    {failed}"));
        self.view.show(&lines);
        if !self.view.is_live() && self.spoken.elapsed() >= PLAIN {
            self.spoken = Instant::now();
            let members = self
                .known
                .iter()
                .map(|(name, seen)| format!("{name} {} {} links key {}", seen.state, seen.links, seen.key));
            let members = members.collect::<Vec<_>>().join(", ");
            self.view.say(&format!("{members}; requests: {requests}"));
        }
    }
}

fn coloured(state: &str) -> console::StyledObject<&str> {
    match state.trim() {
        "alive" => style(state).green(),
        "suspect" => style(state).yellow(),
        _ => style(state).red(),
    }
}
