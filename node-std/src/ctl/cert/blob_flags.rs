//! The flags of `maelctl cert board` for the blob that provisions the board.

use core::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use node_core::id::{Name, NodeId};
use node_core::trust::Fingerprint;

/// The heading in the help.
const BLOB: &str = "The blob that provisions the board";

/// What the board is told beside its keys. With `--hub` or `--listen` the command makes the blob NAME.provision, too.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("place").args(["hubs", "listen"]).multiple(true))]
pub struct BlobFlags {
    /// The address of a hub, HOST:PORT, an IPv4 address or a name (repeatable). With one, the signed blob NAME.provision is made.
    #[arg(long = "hub", help_heading = BLOB, value_name = "HOST:PORT", requires = "signer")]
    pub hubs: Vec<String>,

    /// An address at which others dial the board, HOST:PORT (repeatable). With one, the board is a hub, and listens on the port of
    /// the first. The firmware needs the code for it, and the signed blob NAME.provision is made.
    #[arg(long, help_heading = BLOB, value_name = "HOST:PORT", requires = "signer")]
    pub listen: Vec<String>,

    /// The cluster.
    #[arg(long, help_heading = BLOB, value_name = "NAME", default_value = "maelstrom")]
    pub cluster_id: Name,

    /// A component that the board calls (repeatable).
    #[arg(long = "use", help_heading = BLOB, value_name = "COMPONENT", requires = "place")]
    pub uses: Vec<Name>,

    /// SHA-256 of the public key of a hub that the board trusts beside its certificates (repeatable).
    #[arg(long = "pin", help_heading = BLOB, value_name = "SHA256", requires = "place")]
    pub pins: Vec<Fingerprint>,

    /// The board's own address, with the length of the network prefix [default: by DHCP].
    #[arg(long, help_heading = BLOB, value_name = "ADDRESS/PREFIX", requires = "place", value_parser = network)]
    pub ip: Option<(Ipv4Addr, u8)>,

    /// The router, for a board with --ip.
    #[arg(long, help_heading = BLOB, value_name = "ADDRESS", requires = "ip")]
    pub gateway: Option<Ipv4Addr>,

    /// A name server, for a board with --ip (repeatable).
    #[arg(long = "name-server", help_heading = BLOB, value_name = "ADDRESS", requires = "ip")]
    pub name_servers: Vec<Ipv4Addr>,

    /// The wireless network to join.
    #[arg(long, help_heading = BLOB, value_name = "SSID", requires = "place")]
    pub wifi: Option<String>,

    /// The file with the passphrase of that network, on its first line [default: an open network].
    #[arg(long, help_heading = BLOB, value_name = "FILE", requires = "wifi")]
    pub wifi_passphrase: Option<PathBuf>,

    /// The kind of board that the blob is for, as its firmware calls it [default: any].
    #[arg(long, help_heading = BLOB, value_name = "KIND", requires = "place")]
    pub kind: Option<Name>,

    /// The id of the board that the blob is for [default: any].
    #[arg(long, help_heading = BLOB, value_name = "ID", requires = "place")]
    pub board_id: Option<NodeId>,

    /// The board makes a new identity key. Then it is another node.
    #[arg(long, help_heading = BLOB, requires = "place")]
    pub new_identity: bool,

    /// Make only the blob, without keys: the board keeps those that it has.
    #[arg(long, help_heading = BLOB, requires = "place", conflicts_with = "trust")]
    pub keep_keys: bool,

    /// The TLS directory whose active pair signs the blob. Its certificate is one that the board trusts as an operator's.
    #[arg(long, help_heading = BLOB, value_name = "DIR", group = "signer")]
    pub operator: Option<PathBuf>,

    /// The P-256 key, in PEM, that signs the blob, for firmware that has its public key built in.
    #[arg(long, help_heading = BLOB, value_name = "FILE", group = "signer")]
    pub provisioning_key: Option<PathBuf>,
}

impl BlobFlags {
    /// Whether the command makes the blob.
    pub const fn is_wanted(&self) -> bool {
        !self.hubs.is_empty() || self.is_of_hub()
    }

    /// Whether the board is a hub.
    pub const fn is_of_hub(&self) -> bool {
        !self.listen.is_empty()
    }
}

fn network(text: &str) -> Result<(Ipv4Addr, u8), String> {
    let whole = || "expected ADDRESS/PREFIX, such as 192.168.1.20/24".to_owned();
    let (address, prefix) = text.split_once('/').ok_or_else(whole)?;
    let address = address.parse().map_err(|_| whole())?;
    match prefix.parse() {
        Ok(prefix @ 0..=32) => Ok((address, prefix)),
        _ => Err(whole()),
    }
}
