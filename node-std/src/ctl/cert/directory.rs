//! `maelctl cert dir`: what Maelstrom's recipe makes with openssl, with P-256 keys.

use super::draft::{Draft, Pair, Purpose, Validity};
use super::error::CertError;
use super::files::Files;
use super::flags::{DirFlags, Names};
use super::info::Description;
use super::names;
use super::report::Report;

/// The pairs of the recipe: active, next, and the one before.
const STEMS: [&str; 3] = ["server_a", "server_b", "server_c"];

/// Makes a TLS directory that all nodes share.
pub fn run(flags: &DirFlags) -> Result<Report, CertError> {
    let DirFlags { cn, days, output } = flags;
    let names = names::of_agent(cn, &Names::default())?;
    let draft =
        Draft { cn: cn.to_string(), purpose: Purpose::Agent, names, validity: Validity::of_days(*days) };
    let mut files = Files::new(&output.dir, output.force);
    let pairs: Vec<Pair> = STEMS.iter().map(|_| draft.sign_itself()).collect::<Result<_, _>>()?;
    for (stem, pair) in STEMS.iter().zip(&pairs) {
        files.add_pair(stem, pair);
    }
    let dir = output.dir.display();
    Ok(Report {
        files: files.write()?,
        certificates: pairs.iter().filter_map(|pair| Description::of(&pair.certificate)).collect(),
        warnings: Vec::new(),
        next: format!(
            "copy {dir} to every node, the keys are secret, and start each with maelstromd --tls-dir {dir}\n      maelctl \
             needs it, too: export MAEL_PRIVATE_TLS_DIR={dir}"
        ),
    })
}
