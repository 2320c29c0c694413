//! `maelctl cert ca`

use super::draft::{Draft, Purpose, Validity};
use super::error::CertError;
use super::files::Files;
use super::flags::CaFlags;
use super::info::Description;
use super::report::Report;

/// Makes a CA.
pub fn run(flags: &CaFlags) -> Result<Report, CertError> {
    let CaFlags { cn, days, output } = flags;
    let validity = Validity::of_days(*days);
    let pair = Draft { cn: cn.clone(), purpose: Purpose::Ca, names: Vec::new(), validity }.sign_itself()?;
    let mut files = Files::new(&output.dir, output.force);
    files.add_pair("ca", &pair);
    let dir = output.dir.display();
    Ok(Report {
        files: files.write()?,
        certificates: Description::of(&pair.certificate).into_iter().collect(),
        warnings: Vec::new(),
        next: format!(
            "make a pair for each node: maelctl cert agent -n NAME -o {dir}\n      every node gets ca.crt; ca.key stays here, \
             secret"
        ),
    })
}
