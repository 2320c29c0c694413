//! The command line of `maelstromd`. Values stay text here: [`Config`](super::Config) reads those of flags and
//! of variables alike.

use std::path::PathBuf;

/// One private port: gossip, RPC and reverse proxy between the nodes of a cluster.
///
/// Every setting has a default. A flag wins over its variable, a variable over the env file, that over the configuration file.
#[derive(Clone, Debug, Default, clap::Parser)]
#[command(name = "maelstromd", version)]
pub struct Flags {
    /// The name of this node [env: MAEL_NODE_NAME] [default: the host name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Where the private port listens [env: MAEL_PRIVATE_ADDR, or MAEL_PRIVATE_PORT for the port alone]
    /// [default: 0.0.0.0:8374 with TLS or --plaintext, else 127.0.0.1:8374].
    #[arg(long, value_name = "IP:PORT")]
    pub private_addr: Option<String>,

    /// The address that other nodes dial to reach this one [env: MAEL_ADVERTISE_ADDR] [default: the bound address, or an
    /// address of this machine].
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise_addr: Option<String>,

    /// Where the public gateway listens. Without it the gateway is off [env: MAEL_PUBLIC_ADDR, or MAEL_PUBLIC_PORT
    /// for the port alone].
    #[arg(long, value_name = "IP:PORT")]
    pub public_addr: Option<String>,

    /// A member to join the cluster through; may be repeated, at most 8 [env: MAEL_JOIN, comma separated].
    #[arg(long, value_name = "HOST:PORT")]
    pub join: Vec<String>,

    /// Where the addresses lie that other members advertise and this node dials. Without it they may lie anywhere. The
    /// addresses of --join are always dialled. May be repeated, at most 64 [env: MAEL_DIAL_RANGES, comma separated].
    #[arg(long = "dial-range", value_name = "CIDR")]
    pub dial_ranges: Vec<String>,

    /// Where the node keeps its identity [env: MAEL_DATA_DIR] [default: /var/lib/maelstrom for root, else
    /// ~/.local/state/maelstrom].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,

    /// The directory with the .crt and .key files of the private port. Without it TLS is off
    /// [env: MAEL_PRIVATE_TLS_DIR].
    #[arg(long, value_name = "DIR")]
    pub tls_dir: Option<String>,

    /// The certificate of this node in PEM, with those that are sent with it: instead of a directory [env: MAEL_TLS_CERT].
    #[arg(long, alias = "tlscert", value_name = "FILE")]
    pub tls_cert: Option<String>,

    /// The key of that certificate [env: MAEL_TLS_KEY] [default: in the same file].
    #[arg(long, alias = "tlskey", value_name = "FILE")]
    pub tls_key: Option<String>,

    /// The CAs, in PEM: what they signed is trusted [env: MAEL_TLS_CA].
    #[arg(long, alias = "tlscacert", value_name = "FILE")]
    pub tls_ca: Option<String>,

    /// Do not start without TLS.
    #[arg(long)]
    pub tls: bool,

    /// The configuration file, in YAML: every setting of these flags, and all rules of TLS [env: MAEL_CONFIG].
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<String>,

    /// Check the configuration, open everything that it names, tell all faults, and start nothing.
    #[arg(long)]
    pub check_config: bool,

    /// Most connections of a port at once [env: MAEL_MAX_CONNECTIONS] [default: 4096].
    #[arg(long, value_name = "NUMBER")]
    pub max_connections: Option<String>,

    /// How long requests under way may take when the node is told to stop [env: MAEL_DRAIN] [default: 20].
    #[arg(long, value_name = "SECONDS")]
    pub drain: Option<String>,

    /// An HTTP service that this node offers to the cluster; may be repeated, at most 32 [env: MAEL_COMPONENTS, comma
    /// separated].
    #[arg(long = "component", value_name = "NAME=URL")]
    pub components: Vec<String>,

    /// The roles of peers, by the name of their .crt file (which may end in *), by the sha256:... of their certificate or key,
    /// by their node id, or by a name in a certificate that a CA signed: email:, dns:, uri:, ip: or cn: and the name. The roles are hub, leaf, operator and application. The first that names a peer counts; may be repeated,
    /// at most 64 [env: MAEL_ROLES, separated by ; or blanks].
    #[arg(long = "role", value_name = "WHAT=ROLE[,ROLE]")]
    pub roles: Vec<String>,

    /// The id of a node that may be linked. Without any, every node may that is trusted; may be repeated, at most 1024
    /// [env: MAEL_ALLOWED_IDS, comma separated].
    #[arg(long = "allow-id", value_name = "ID")]
    pub allowed_ids: Vec<String>,

    /// The members that own a component: node ids, hub or leaf. Requests for it go to no other member; may be repeated, at most
    /// 64 [env: MAEL_BINDINGS, separated by ; or blanks].
    #[arg(long = "bind", value_name = "COMPONENT=OWNER[,OWNER]")]
    pub bindings: Vec<String>,

    /// A component that the public gateway serves, or * for all; may be repeated, at most 64 [env: MAEL_PUBLIC_COMPONENTS, comma
    /// separated] [default: those of --component and --bind].
    #[arg(long = "public-component", value_name = "NAME")]
    pub public_components: Vec<String>,

    /// The cluster of this node. Nodes link only to nodes of the same cluster [env: MAEL_CLUSTER_ID] [default: maelstrom].
    #[arg(long, value_name = "ID")]
    pub cluster_id: Option<String>,

    /// Let other machines reach the private port without TLS [env: MAEL_PLAINTEXT].
    #[arg(long)]
    pub plaintext: bool,

    /// Read variables from a file of KEY=VALUE lines.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,

    /// The filter of log lines, such as "info" or "warn,node_std=debug" [env: MAEL_LOG] [default: info].
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}
