//! The command line of `maelctl cert`.

use core::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use node_core::id::Name;

use super::blob_flags::BlobFlags;
use super::names::{common_name, dns_name, email_address, file_name, uri};

/// Longest validity, in days.
const MAX_DAYS: i64 = 36_500;

/// What to do with certificates.
#[derive(Clone, Debug, Subcommand)]
pub enum CertCommand {
    /// Make a CA: ca.crt, which every node gets, and ca.key, which signs and stays here.
    Ca(CaFlags),
    /// Make a pair for a node, signed by the CA: it can accept and dial.
    Agent(AgentFlags),
    /// Make a pair for a person or a program that only dials, signed by the CA.
    Client(ClientFlags),
    /// Show certificates, and whether they are still valid.
    #[command(
        after_help = "Exit status: 0 all are valid; 3 one expires in less than 30 days; 4 one has expired; 5 one is not \
                      valid yet; 1 a file cannot be read; 2 the command line is wrong. Of several, the first in the order \
                      1, 4, 5, 3 counts."
    )]
    Info(InfoFlags),
    /// Make a TLS directory for MAEL_PRIVATE_TLS_DIR without a CA: the pairs server_a, server_b and server_c. All nodes get
    /// a copy of it.
    Dir(DirFlags),
    /// Make the TLS directory of a board with a key of its own, its keyring, and with --hub the signed blob that gives it settings and
    /// keyring.
    #[command(
        after_help = "Example: maelctl cert board -n kitchen -o kitchen --trust server_a.crt --trust ops.operator.crt --hub \
                      hub.example.com:8374 --operator ops"
    )]
    Board(Box<BoardFlags>),
    /// Make or extend ca.crl, the list of the certificates that the CA revoked.
    Crl(CrlFlags),
}

/// Where the files go.
#[derive(Clone, Debug, Args)]
pub struct Output {
    /// The directory for the files. It is made if it is not there.
    #[arg(
        short = 'o',
        long = "out",
        visible_alias = "output",
        value_name = "DIR",
        default_value = "./certs"
    )]
    pub dir: PathBuf,

    /// Replace files that are there already.
    #[arg(long)]
    pub force: bool,
}

/// As [`Output`], for a directory that is used as it is, and so has no default.
#[derive(Clone, Debug, Args)]
pub struct TlsDirOutput {
    /// The directory for the files. It is made if it is not there.
    #[arg(short = 'o', long = "out", visible_alias = "output", value_name = "DIR")]
    pub dir: PathBuf,

    /// Replace files that are there already.
    #[arg(long)]
    pub force: bool,
}

/// The CA that signs.
#[derive(Clone, Debug, Args)]
pub struct Signing {
    /// The certificate of the CA, of this program or of openssl [default: ca.crt in the directory of -o].
    #[arg(long = "ca", value_name = "FILE")]
    certificate: Option<PathBuf>,

    /// The private key of the CA [default: the .key file beside the certificate].
    #[arg(long = "ca-key", value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Signing {
    /// With a CA whose certificate is in this file.
    pub fn new(certificate: PathBuf, key: Option<PathBuf>) -> Self {
        Self { certificate: Some(certificate), key }
    }

    /// The file of the certificate, for the output directory `dir`.
    pub fn certificate(&self, dir: &Path) -> PathBuf {
        self.certificate.clone().unwrap_or_else(|| dir.join("ca.crt"))
    }

    /// The file of the key.
    pub fn key(&self, dir: &Path) -> PathBuf {
        self.key.clone().unwrap_or_else(|| self.certificate(dir).with_extension("key"))
    }
}

/// `cert ca`
#[derive(Clone, Debug, Args)]
pub struct CaFlags {
    /// The name in the certificate.
    #[arg(short = 'n', long = "cn", visible_alias = "name", value_name = "NAME", default_value = "Maelstrom CA", value_parser = common_name)]
    pub cn: String,

    /// How long it is valid.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    pub days: u32,

    #[command(flatten)]
    pub output: Output,
}

/// `cert agent`
#[derive(Clone, Debug, Args)]
pub struct AgentFlags {
    /// The name in the certificate and of its files [default: the name of this machine]. The certificate is also for
    /// localhost, 127.0.0.1 and ::1.
    #[arg(short = 'n', long = "cn", visible_alias = "name", value_name = "NAME", value_parser = file_name)]
    pub cn: Option<Name>,

    #[command(flatten)]
    pub names: Names,

    #[command(flatten)]
    pub signed: Signed,
}

/// `cert client`
#[derive(Clone, Debug, Args)]
pub struct ClientFlags {
    /// The name in the certificate and of its files.
    #[arg(short = 'n', long = "cn", visible_alias = "name", value_name = "NAME", value_parser = file_name)]
    pub cn: Name,

    #[command(flatten)]
    pub names: Names,

    #[command(flatten)]
    pub signed: Signed,
}

/// More names of a node or a client.
#[derive(Clone, Debug, Default, Args)]
pub struct Names {
    /// A DNS name, which may begin with *. (repeatable).
    #[arg(long, value_name = "HOST", value_parser = dns_name)]
    pub dns: Vec<String>,

    /// An IP address (repeatable).
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Vec<IpAddr>,

    /// An e-mail address (repeatable).
    #[arg(long, value_name = "ADDRESS", value_parser = email_address)]
    pub email: Vec<String>,

    /// A URI, such as spiffe://example.com/shop (repeatable).
    #[arg(long, value_name = "URI", value_parser = uri)]
    pub uri: Vec<String>,
}

/// How a pair is signed, and where it goes.
#[derive(Clone, Debug, Args)]
pub struct Signed {
    /// How long it is valid. It ends with its CA at the latest.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    pub days: u32,

    #[command(flatten)]
    pub ca: Signing,

    #[command(flatten)]
    pub output: Output,
}

/// `cert info`
#[derive(Clone, Debug, Args)]
pub struct InfoFlags {
    /// PEM files. Each certificate of a chain is shown.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `cert dir`
#[derive(Clone, Debug, Args)]
pub struct DirFlags {
    /// The name in the certificates. It is the same on all nodes, and need not be that of a machine.
    #[arg(short = 'n', long = "cn", visible_alias = "name", value_name = "NAME", default_value = "maelstrom", value_parser = file_name)]
    pub cn: Name,

    /// How long they are valid.
    #[arg(long, value_name = "DAYS", default_value_t = 3560, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    pub days: u32,

    #[command(flatten)]
    pub output: TlsDirOutput,
}

/// `cert board`
#[derive(Clone, Debug, Args)]
pub struct BoardFlags {
    /// The name of the board.
    #[arg(short = 'n', long = "cn", visible_alias = "name", value_name = "NAME", value_parser = file_name)]
    pub cn: Name,

    /// The certificate of a hub, of an operator if its name ends in .operator.crt, or of a leaf, .leaf.crt (repeatable).
    #[arg(long, value_name = "FILE", required_unless_present = "keep_keys")]
    pub trust: Vec<PathBuf>,

    /// The board's own request (maelctl provision --request): its certificate is made of that, and the private key stays on the board.
    /// The operator of --operator signs the certificate, or the CA of --ca.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keep_keys", "board_id"])]
    pub request: Option<PathBuf>,

    /// The certificate of the CA that signs what is requested.
    #[arg(long, value_name = "FILE", requires = "request")]
    pub ca: Option<PathBuf>,

    /// The private key of that CA [default: the .key file beside the certificate].
    #[arg(long, value_name = "FILE", requires = "ca")]
    pub ca_key: Option<PathBuf>,

    /// Take the board's pair from the directory of -o, where it was made before, instead of a new one, and replace the other files. So
    /// a hub learns the certificates of boards that were made after its own.
    #[arg(long, conflicts_with_all = ["keep_keys", "request"])]
    pub keep_pair: bool,

    /// How long the board's certificate is valid.
    #[arg(long, value_name = "DAYS", default_value_t = 3560, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    pub days: u32,

    #[command(flatten)]
    pub blob: BlobFlags,

    #[command(flatten)]
    pub output: TlsDirOutput,
}

/// `cert crl`
#[derive(Clone, Debug, Args)]
pub struct CrlFlags {
    /// A certificate to revoke (repeatable). Without one, the list is made anew with the same entries.
    #[arg(long, value_name = "FILE")]
    pub revoke: Vec<PathBuf>,

    /// When the next list is due, in days from now. Nodes may refuse every certificate of the CA after that.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
    pub days: u32,

    #[command(flatten)]
    pub ca: Signing,

    /// The directory with the list, ca.crl. It is made if it is not there.
    #[arg(
        short = 'o',
        long = "out",
        visible_alias = "output",
        value_name = "DIR",
        default_value = "./certs"
    )]
    pub dir: PathBuf,
}
