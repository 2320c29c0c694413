//! `maelctl cert agent` and `maelctl cert client`

use node_core::id::Name;
use rcgen::SanType;

use super::authority::Authority;
use super::draft::{Draft, Purpose};
use super::error::CertError;
use super::files::Files;
use super::flags::{AgentFlags, ClientFlags, Signed};
use super::info::Description;
use super::names;
use super::report::Report;
use crate::config::host_name;

/// Makes a pair for a node.
pub fn agent(flags: &AgentFlags) -> Result<Report, CertError> {
    let cn = match &flags.cn {
        Some(cn) => cn.clone(),
        None => host_name().map_err(CertError::HostName)?,
    };
    make(&cn, Purpose::Agent, names::of_agent(&cn, &flags.names)?, &flags.signed)
}

/// Makes a pair for one who dials.
pub fn client(flags: &ClientFlags) -> Result<Report, CertError> {
    make(&flags.cn, Purpose::Client, names::of_client(&flags.cn, &flags.names)?, &flags.signed)
}

fn make(cn: &Name, purpose: Purpose, names: Vec<SanType>, signed: &Signed) -> Result<Report, CertError> {
    let Signed { days, ca, output } = signed;
    let mut ca = Authority::read(ca, &output.dir)?;
    let validity = ca.validity(*days);
    let pair = Draft { cn: cn.to_string(), purpose, names, validity }.sign(&ca)?;
    let mut files = Files::new(&output.dir, output.force);
    files.add_pair(cn.as_str(), &pair);
    if let Some(path) = files.paths().find(|path| ca.owns(path)) {
        return Err(CertError::OwnCa { path: path.to_owned() });
    }
    let ca_file = ca.path.display();
    let whom = if purpose == Purpose::Agent { "the machine of this node" } else { "this client" };
    Ok(Report {
        next: format!("copy both files and {ca_file} to {whom}; the key of the CA stays here"),
        files: files.write()?,
        certificates: Description::of(&pair.certificate).into_iter().collect(),
        warnings: ca.warnings,
    })
}
