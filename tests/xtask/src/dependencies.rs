//! Checks every dependency against deny.toml: its licence, its source, and the crates that may have only one version.
//!
//! cargo-deny reads the same file and finds more, such as advisories. It takes longer to build than all tests take, so it is
//! not one of them; `cargo deny check` works where it is installed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::run::{cargo, output, root};

/// Checks all packages of both workspaces.
///
/// # Errors
///
/// A package breaks a rule; the message names all that do.
pub fn check() -> Result<()> {
    let rules = std::fs::read_to_string(root().join("deny.toml")).context("deny.toml")?;
    let rules: Rules = toml::from_str(&rules).context("deny.toml")?;
    for manifest in ["Cargo.toml", "boards/Cargo.toml"] {
        let mut metadata = cargo("metadata");
        metadata.args(["--locked", "--all-features", "--format-version", "1", "--manifest-path", manifest]);
        let Metadata { packages } = serde_json::from_str(&output(&mut metadata)?)?;
        let faults = rules.faults(&packages)?;
        if !faults.is_empty() {
            bail!("{manifest}:\n  {}", faults.join("\n  "));
        }
        println!("{manifest}: {} packages", packages.len());
    }
    Ok(())
}

/// The part of deny.toml that is checked here.
#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    sources: Sources,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Ban {
    name: String,
    #[serde(default)]
    deny_multiple_versions: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None of our own packages has one.
    source: Option<String>,
}

impl Rules {
    fn faults(&self, packages: &[Package]) -> Result<Vec<String>> {
        let allowed: Vec<Licensee> =
            self.licenses.allow.iter().map(|name| Licensee::parse(name)).collect::<Result<_, _>>()?;
        let mut faults = Vec::new();
        let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for Package { name, version, license, source } in packages {
            versions.entry(name).or_default().push(version);
            let license = license.as_deref().unwrap_or_default();
            let licensed = Expression::parse_mode(license, ParseMode::LAX).is_ok_and(|expression| {
                expression.evaluate(|wanted| allowed.iter().any(|license| license.satisfies(wanted)))
            });
            if !licensed {
                faults.push(format!("{name} {version} has the licence {license:?}"));
            }
            let registry = source.as_ref().map(|source| source.trim_start_matches("registry+"));
            if registry.is_some_and(|url| !self.sources.allow_registry.iter().any(|allowed| allowed == url)) {
                faults.push(format!("{name} {version} comes from {}", registry.unwrap_or_default()));
            }
        }
        for Ban { name, deny_multiple_versions } in &self.bans.deny {
            let allowed = usize::from(*deny_multiple_versions);
            match versions.get(name.as_str()) {
                Some(found) if found.len() > allowed => {
                    faults.push(format!("{name} is there as {}, {allowed} allowed", found.join(" and ")));
                }
                _ => {}
            }
        }
        Ok(faults)
    }
}
