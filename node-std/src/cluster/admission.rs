//! Which peers may be linked, and as what: decided by their roles.

use std::collections::HashSet;
use std::sync::Arc;

use node_core::gossip::Kind;
use node_core::id::NodeId;
use node_core::trust::{Fingerprint, Granted, GrantedBy, Role, Roles};

use crate::access::Access;
use crate::log_limit::LogLimit;
use crate::tls::Shown;

/// Certificates whose names were spoken of. A keyring has no more.
const MAX_TOLD: usize = node_core::keys::MAX_SLOTS;

/// A peer that said hello.
#[derive(Clone, Copy)]
pub(super) struct Newcomer<'a> {
    pub(super) id: NodeId,
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// What it showed, under TLS.
    pub(super) shown: Option<&'a Shown>,
}

/// Judges the peers of links.
pub(super) struct Admission {
    access: Arc<Access>,
    /// The certificates of leaves that were logged as hubs by default.
    told: HashSet<Fingerprint>,
    log: LogLimit,
}

impl Admission {
    pub(super) fn new(access: Arc<Access>) -> Self {
        Self { access, told: HashSet::new(), log: LogLimit::of("leaves whose certificates name no role") }
    }

    /// Returns whether the peer may be linked as what it says it is. A refusal is logged and counted.
    pub(super) fn admits(&mut self, peer: Newcomer<'_>) -> bool {
        let Newcomer { id, name, kind, shown } = peer;
        let granted = self.access.of_link(shown, id);
        let needs = match kind {
            Kind::Hub => Roles::LINK_AS_HUB,
            Kind::Leaf => Roles::LINK_AS_LEAF,
        };
        let what = format!("a link with {name} ({id}) as a {kind}");
        let admitted = self.access.require_of_link(granted, shown, needs, &what).is_ok();
        if admitted && kind == Kind::Leaf {
            self.advise(name, granted, shown.and_then(Shown::certificate));
        }
        admitted
    }

    /// Says once how to name the certificate of a leaf that could be more than a leaf, because nobody said what it is.
    fn advise(&mut self, name: &str, granted: Granted, certificate: Option<Fingerprint>) {
        let Some(certificate) = certificate else { return };
        let more = granted.roles.contains(Role::Hub) || granted.roles.contains(Role::Operator);
        if granted.by != GrantedBy::Default || !more {
            return;
        }
        if self.told.len() >= MAX_TOLD {
            self.told.clear();
        }
        if self.told.insert(certificate) && self.log.admits() {
            // One that a CA signed is named by a rule, not by a file.
            let Some(slot) = self.access.slot_name(certificate) else { return };
            tracing::warn!(
                "the leaf {name} shows {slot}.crt, whose roles are {} because nobody said otherwise: give the leaf a key of \
                 its own, and name its certificate {name}.leaf.crt here",
                granted.roles
            );
        }
    }
}
