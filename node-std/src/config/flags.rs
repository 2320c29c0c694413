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

    /// The certificate of the gateway in PEM, with its intermediates. With it the gateway speaks TLS
    /// [env: MAEL_PUBLIC_TLS_CERT].
    #[arg(long, value_name = "FILE")]
    pub public_tls_cert: Option<String>,

    /// The key of that certificate [env: MAEL_PUBLIC_TLS_KEY] [default: in the same file].
    #[arg(long, value_name = "FILE")]
    pub public_tls_key: Option<String>,

    /// Where a port listens that sends everybody to the gateway over TLS [env: MAEL_PUBLIC_REDIRECT_ADDR].
    #[arg(long, value_name = "IP:PORT")]
    pub public_redirect_addr: Option<String>,

    /// Which component answers at the gateway for a host and path, such as www.example.org/shop=shop/ to strip /shop. With a
    /// rule, /NAME/ is no longer component NAME; may be repeated, at most 256 [env: MAEL_PUBLIC_RULES, separated by ; or blanks].
    #[arg(long = "public-rule", value_name = "[HOST]/PATH=COMPONENT[/REWRITE]")]
    pub public_rules: Vec<String>,

    /// A proxy before the gateway whose X-Forwarded-* and Forwarded are believed; may be repeated, at most 64
    /// [env: MAEL_TRUSTED_PROXIES, comma separated].
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub trusted_proxies: Vec<String>,

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

    /// Most connections of one source address on one port [env: MAEL_MAX_PER_SOURCE] [default: half of --max-connections].
    #[arg(long, value_name = "NUMBER")]
    pub max_per_source: Option<String>,

    /// The longest head of a request, from 1 KiB to 1 MiB [env: MAEL_MAX_HEAD_BYTES] [default: 64KiB].
    #[arg(long, value_name = "BYTES")]
    pub max_head_bytes: Option<String>,

    /// Most fields in the head of a request, at most 1024 [env: MAEL_MAX_HEADERS] [default: 128].
    #[arg(long, value_name = "NUMBER")]
    pub max_headers: Option<String>,

    /// The longest body of a request, or none for any [env: MAEL_MAX_BODY_BYTES] [default: none].
    #[arg(long, value_name = "BYTES")]
    pub max_body_bytes: Option<String>,

    /// The least rate of a body that this node waits for, after 10 s, or none for any [env: MAEL_MIN_RATE] [default: 1KiB].
    #[arg(long, value_name = "BYTES-A-SECOND")]
    pub min_rate: Option<String>,

    /// How long the head of a request may take [env: MAEL_HEAD_TIMEOUT] [default: 10].
    #[arg(long, value_name = "SECONDS")]
    pub head_timeout: Option<String>,

    /// How long a connection stays open between two requests [env: MAEL_IDLE_TIMEOUT] [default: 75].
    #[arg(long, value_name = "SECONDS")]
    pub idle_timeout: Option<String>,

    /// How long a client may take to send a whole request, or be silent in a stream without a length [env: MAEL_READ_TIMEOUT]
    /// [default: 300, or the request time-out if that is longer].
    #[arg(long, value_name = "SECONDS")]
    pub read_timeout: Option<String>,

    /// How long a whole response may take, or stand still if it has no length [env: MAEL_WRITE_TIMEOUT] [default: 310, or the
    /// request time-out if that is longer].
    #[arg(long, value_name = "SECONDS")]
    pub write_timeout: Option<String>,

    /// How long a request may take that arrives here, its body and the response included [env: MAEL_REQUEST_TIMEOUT]
    /// [default: 300].
    #[arg(long, value_name = "SECONDS")]
    pub request_timeout: Option<String>,

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
