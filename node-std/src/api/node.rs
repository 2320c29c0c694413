//! Members as the API shows them, and finding a member by name or id.

use node_core::crypto::PublicKey;
use node_core::gossip::State;
use node_core::id::Hex;
use serde::{Deserialize, Serialize};

use super::error::RpcError;
use super::keyring::sha256;
use crate::cluster::Member;
use crate::link::Rtt;

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its id, 32 hexadecimal digits.
    pub node_id: String,
    /// The public key of its identity, a compressed point: 66 hexadecimal digits. The id is its hash. None from a node
    /// that does not know it.
    #[serde(default)]
    pub identity_key: Option<String>,
    /// Its name.
    pub name: String,
    /// `hub` or `leaf`.
    pub kind: String,
    /// `alive`, `suspect`, `down` or `left`.
    pub state: String,
    /// Its incarnation.
    pub incarnation: u64,
    /// Maelstrom's version of a status: the incarnation.
    pub version: u64,
    /// When the state was learned, in Unix milliseconds.
    pub since: u64,
    /// Where it can be dialled, none for a leaf.
    pub peer_url: Option<String>,
    /// SHA-256 of the certificate that it presents, `sha256:` and hexadecimal digits, none in plaintext.
    pub active_key: Option<String>,
    /// When that certificate ends, in Unix milliseconds. None where the node that answers has not seen it: it has no link to the
    /// member, and the certificate is not in its keyring.
    #[serde(default)]
    pub active_key_not_after: Option<u64>,
    /// Digest of all certificates that it trusts, in the same form.
    pub keyring_digest: Option<String>,
    /// The components that it offers.
    pub components: Vec<String>,
    /// For a leaf, the ids of its hubs.
    pub hubs: Vec<String>,
    /// Whether the node that answers has a link to it.
    pub linked: bool,
    /// Round-trip time over that link, in microseconds.
    pub rtt_micros: Option<u64>,
    /// Whether it is a leaf that sleeps and announced so.
    #[serde(default)]
    pub asleep: bool,
    /// When the daemon started, in Unix milliseconds. Only the node that answers knows it of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<u64>,
    /// The version of the daemon. Only the node that answers knows it of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
}

impl NodeStatus {
    pub(super) fn new(member: &Member, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let digest = |digest: &[u8; 32]| (*digest != [0; 32]).then(|| sha256(digest));
        Self {
            node_id: member.id.to_string(),
            identity_key: member.identity.is_point().then(|| Hex(&member.identity.to_sec1()).to_string()),
            name: member.name.to_string(),
            kind: member.kind.to_string(),
            state: member.state.to_string(),
            incarnation: member.incarnation,
            version: member.incarnation,
            since: member.since_unix_ms,
            peer_url: member.addrs.first().map(|addr| format!("{scheme}://{addr}")),
            active_key: digest(&member.active_key),
            active_key_not_after: None,
            keyring_digest: digest(&member.keyring),
            components: member.components.clone(),
            hubs: member.hubs.iter().map(ToString::to_string).collect(),
            linked: member.linked,
            rtt_micros: member.rtt.as_ref().and_then(Rtt::micros),
            asleep: member.asleep,
            started_at: None,
            software_version: None,
        }
    }
}

impl NodeStatus {
    /// The public key of its identity, as far as the node that answered knows it. Nothing is checked but its form.
    #[must_use]
    pub fn identity(&self) -> Option<PublicKey> {
        let digits = self.identity_key.as_deref()?.as_bytes();
        let mut sec1 = [0; PublicKey::LEN];
        if digits.len() != 2 * sec1.len() {
            return None;
        }
        for (byte, pair) in sec1.iter_mut().zip(digits.chunks_exact(2)) {
            for &digit in pair {
                let digit = u8::try_from(char::from(digit).to_digit(16)?).ok()?;
                *byte = (*byte << 4) | digit;
            }
        }
        PublicKey::from_sec1(&sec1)
    }
}

/// The member with the id or name `node`. A name that several members have means the only one of them that runs.
pub(super) fn find<'m>(members: &'m [Member], node: &str) -> Result<&'m Member, RpcError> {
    find_among(members, node, |state| matches!(state, State::Alive | State::Suspect))
}

/// The same, but a name that several members have means the only one of them that is down.
pub(super) fn find_down<'m>(members: &'m [Member], node: &str) -> Result<&'m Member, RpcError> {
    find_among(members, node, |state| state == State::Down)
}

/// The same, but a duplicate name is an error while more than one member with it has not left. It is for secrets, which
/// must not go to the wrong one.
pub(super) fn find_sole<'m>(members: &'m [Member], node: &str) -> Result<&'m Member, RpcError> {
    find_among(members, node, |state| state != State::Left)
}

fn find_among<'m>(
    members: &'m [Member],
    node: &str,
    meant: impl Fn(State) -> bool,
) -> Result<&'m Member, RpcError> {
    let id = node.parse();
    if let Some(member) = members.iter().find(|member| Ok(member.id) == id) {
        return Ok(member);
    }
    let named = || members.iter().filter(|member| member.name.as_str() == node);
    // Tables show only the first digits of an id.
    let mut brief =
        members.iter().filter(|member| node.len() >= 8 && member.id.to_string().starts_with(node));
    if named().next().is_none()
        && let (Some(member), None) = (brief.next(), brief.next())
    {
        return Ok(member);
    }
    let meant = || named().filter(|member| meant(member.state));
    match (meant().next(), meant().nth(1), named().next(), named().nth(1)) {
        (Some(member), None, ..) | (None, None, Some(member), None) => Ok(member),
        (None, None, None, None) => Err(RpcError::NotFound(format!(
            "there is no node {node:?}: say a name or an id that `maelctl cluster nodes` shows"
        ))),
        _ => {
            let ids: Vec<String> =
                named().map(|member| format!("{} ({})", member.id, member.state)).collect();
            let ids = ids.join(", ");
            Err(RpcError::Invalid(format!("several nodes are named {node}: say which by its id: {ids}")))
        }
    }
}
