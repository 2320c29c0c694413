//! The keys and rules of the private port, from flags, variables and the map `tls`.

use std::path::{Path, PathBuf};

use node_core::trust::{MAX_ROLE_RULES, RoleRule};

use super::Resolver;
use crate::config::environment::{Environment, is_blank, is_comma};
use crate::config::error::{ConfigError, ConfigErrors};
use crate::config::file::{Tls, host_of};
use crate::config::setting::Setting;
use crate::config::{HostPort, InForce, MAX_JOIN, key};
use crate::tls::KeyPassword;
use crate::tls::settings::{Demand, NameRule, PairSource, Pem, TlsSettings};

/// The keys and rules with which a tool asks a node, and the rules for roles: those of the same flags, variables and file as the
/// node's own; no keys without TLS.
///
/// # Errors
/// [`ConfigErrors`]: all that is wrong.
pub fn resolve_tls(
    flags: TlsFlags,
    config: Option<String>,
    environment: Environment,
) -> Result<(Option<TlsSettings>, Vec<RoleRule>), ConfigErrors> {
    let mut env = environment;
    env.check().map_err(ConfigError::from)?;
    let tls = match env.setting(key::CONFIG, config)? {
        Some(setting) => env.read_config(Path::new(&setting.value)).map_err(ConfigError::from)?.tls,
        None => None,
    };
    let mut resolver = Resolver::new(env);
    let join = resolver.list(key::JOIN, Vec::new(), is_comma, MAX_JOIN, "members to join through");
    let settings = resolver.tls(flags, tls, false, &join, &mut Vec::new());
    let roles = resolver.list(key::ROLES, Vec::new(), is_blank, MAX_ROLE_RULES, "rules for roles");
    if resolver.errors.is_empty() { Ok((settings, roles)) } else { Err(ConfigErrors(resolver.errors)) }
}

impl Resolver {
    fn note_defaults(&mut self) {
        for (name, others, value) in TLS_DEFAULTS {
            let is_said = |known: &InForce| known.setting == name || others.contains(&known.setting.as_str());
            if !self.in_force.iter().any(is_said) {
                let (setting, value) = (name.to_owned(), value.to_owned());
                self.in_force.push(InForce { setting, value, origin: InForce::DEFAULT.to_owned() });
            }
        }
    }

    /// The keys and rules of the private port: the map `tls`, with the files that flags and variables name instead of its own.
    pub(super) fn tls(
        &mut self,
        given: TlsFlags,
        tls: Option<Tls>,
        wanted: bool,
        join: &[HostPort],
        notes: &mut Vec<String>,
    ) -> Option<TlsSettings> {
        let mut file = |key, given| {
            let setting = self.env.setting(key, given);
            let Setting { origin, value } = self.keep(setting)??;
            self.note(key, value.clone(), origin.clone());
            Some((origin, PathBuf::from(value)))
        };
        let (dir, cert) = (file(key::TLS_DIR, given.dir), file(key::TLS_CERT, given.cert));
        let (key_file, ca) = (file(key::TLS_KEY, given.key), file(key::TLS_CA, given.ca));
        let is_given = dir.is_some() || cert.is_some() || ca.is_some() || tls.is_some();
        let mut settings = match tls {
            Some(Tls { mut settings, known_are_joined, needs_names, notes: said, in_force }) => {
                if let Some(origin) = needs_names
                    && settings.listening.demand != Demand::Always
                {
                    self.errors.push(ConfigError::NeedsCertificates { origin });
                }
                notes.extend(said);
                self.in_force.extend(in_force);
                if known_are_joined {
                    settings.listening.names = NameRule::OneOf(join.iter().filter_map(host_of).collect());
                }
                settings
            }
            None => TlsSettings::default(),
        };
        if let NameRule::OneOf(names) = &settings.listening.names
            && names.is_empty()
        {
            self.errors.push(ConfigError::NobodyKnown);
        }
        // Where the keys are is one thing: a directory that is named on the command line replaces a pair in the file.
        if let Some((_, dir)) = dir {
            settings.pairs.clear();
            settings.dir = Some(dir);
        }
        match (cert, key_file) {
            (Some((_, certificate)), key) => {
                let pair = PairSource {
                    certificate: Pem::File(certificate),
                    key: key.map(|(_, key)| Pem::File(key)),
                    password: None,
                };
                settings.pairs = vec![pair];
            }
            (None, Some((origin, _))) => self.errors.push(ConfigError::KeyAlone { origin }),
            (None, None) => {}
        }
        if let Some((_, ca)) = ca {
            settings.listening.authorities = vec![Pem::File(ca.clone())];
            settings.dialling.authorities = vec![Pem::File(ca)];
        }
        if settings.dir.is_none() && settings.pairs.is_empty() {
            if is_given || wanted {
                self.errors.push(ConfigError::NoOwnKeys);
            }
            return None;
        }
        let password = self.env.setting(key::TLS_KEY_PASSWORD, None);
        settings.password =
            self.keep(password).flatten().map(|setting| KeyPassword::new(setting.value.as_bytes()));
        self.note_defaults();
        Some(settings)
    }
}

/// What holds for TLS when nobody says anything else.
const TLS_DEFAULTS: [(&str, &[&str], &str); 9] = [
    ("tls.verify", &["tls.mtls", "tls.server.verify"], "true"),
    ("tls.insecure", &["tls.client.insecure", "tls.client.verify"], "false"),
    ("tls.min_version", &[], "1.3"),
    ("tls.timeout", &[], "10"),
    ("tls.names", &["tls.allowed_names"], "dialled, unless a certificate has no names"),
    ("tls.extended_key_usage", &[], "role"),
    ("tls.crl_check", &[], "false"),
    ("tls.crl_distribution_points", &[], "false"),
    ("tls.depth", &[], "6"),
];

/// What flags say of TLS.
#[derive(Clone, Debug, Default)]
pub struct TlsFlags {
    /// The TLS directory.
    pub dir: Option<String>,
    /// The file with this node's certificate.
    pub cert: Option<String>,
    /// The file with its key.
    pub key: Option<String>,
    /// The file with the CAs.
    pub ca: Option<String>,
}
