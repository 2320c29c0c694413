//! The settings of the public gateway, beside where it listens and what it serves without rules.

use core::net::SocketAddr;
use std::path::PathBuf;

use super::Resolver;
use crate::config::environment::{is_blank, is_comma};
use crate::config::error::ConfigError;
use crate::config::file::Maps;
use crate::config::gateway::{MAX_PROXIES, MAX_RULES};
use crate::config::{Flags, GatewayRule, GatewaySettings, GatewayTls, key};
use crate::tls::KeyPassword;
use crate::tls::settings::{PairSource, PasswordSource, Pem};

/// What flags say of the gateway.
pub struct GatewayFlags {
    rules: Vec<String>,
    trusted_proxies: Vec<String>,
    redirect_addr: Option<String>,
    tls_cert: Option<String>,
    tls_key: Option<String>,
}

impl GatewayFlags {
    pub fn of(flags: &Flags) -> Self {
        Self {
            rules: flags.public_rules.clone(),
            trusted_proxies: flags.trusted_proxies.clone(),
            redirect_addr: flags.public_redirect_addr.clone(),
            tls_cert: flags.public_tls_cert.clone(),
            tls_key: flags.public_tls_key.clone(),
        }
    }
}

impl Resolver {
    /// `listen` is where the gateway listens, and `is_listed` whether components are named that it serves.
    pub(super) fn gateway(
        &mut self,
        given: GatewayFlags,
        mut maps: Maps,
        listen: Option<SocketAddr>,
        is_listed: bool,
        notes: &mut Vec<String>,
    ) -> GatewaySettings {
        let rules = self.rules(given.rules, &mut maps);
        if is_listed && !rules.is_empty() {
            notes.push(
                "gateway.components (--public-component) has no effect beside gateway.rules: the gateway serves what its rules name"
                    .to_owned(),
            );
        }
        let tls = self.gateway_tls(given.tls_cert, given.tls_key, &mut maps);
        let redirect_addr = self.redirect_addr(given.redirect_addr, listen, tls.is_some());
        let trusted_proxies = self.list(
            key::TRUSTED_PROXIES,
            given.trusted_proxies,
            is_comma,
            MAX_PROXIES,
            "ranges of trusted proxies",
        );
        let settings = GatewaySettings { rules, tls, redirect_addr, trusted_proxies };
        if listen.is_none() && settings != GatewaySettings::default() {
            notes.push(
                "the gateway is off, so its other settings have no effect: give it an address with gateway.listen (--public-addr)"
                    .to_owned(),
            );
        }
        settings
    }

    fn rules(&mut self, given: Vec<String>, maps: &mut Maps) -> Vec<GatewayRule> {
        let errors = self.errors.len();
        let rules: Vec<GatewayRule> =
            self.list(key::PUBLIC_RULES, given, is_blank, MAX_RULES, "rules of the gateway");
        if rules.is_empty() && self.errors.len() == errors {
            return core::mem::take(&mut maps.rules)
                .into_iter()
                .map(|(origin, rule)| {
                    self.note(key::PUBLIC_RULES, rule.to_string(), origin);
                    rule
                })
                .collect();
        }
        for (index, rule) in rules.iter().enumerate() {
            if rules.iter().take(index).any(|earlier| earlier.hides(rule)) {
                self.errors.push(ConfigError::RuleTwice { origin: rule.to_string() });
            }
        }
        rules
    }

    fn gateway_tls(
        &mut self,
        cert: Option<String>,
        key: Option<String>,
        maps: &mut Maps,
    ) -> Option<GatewayTls> {
        let mut file = |key, given| {
            let setting = self.env.setting(key, given);
            let setting = self.keep(setting)??;
            self.note(key, setting.value.clone(), setting.origin.clone());
            Some((setting.origin, PathBuf::from(setting.value)))
        };
        let (cert, key) = (file(key::PUBLIC_TLS_CERT, cert), file(key::PUBLIC_TLS_KEY, key));
        let in_file = maps.gateway_tls.take();
        let mut tls = match (cert, key, in_file) {
            (Some((_, certificate)), key, in_file) => {
                let key = key.map(|(_, key)| Pem::File(key));
                let pairs = vec![PairSource { certificate: Pem::File(certificate), key, password: None }];
                Some(match in_file {
                    Some(tls) => GatewayTls { pairs, ..tls },
                    None => GatewayTls::new(pairs),
                })
            }
            (None, Some((origin, _)), _) => {
                self.errors.push(ConfigError::NoGatewayPair { origin });
                None
            }
            (None, None, Some(tls)) => {
                if tls.pairs.is_empty() {
                    self.errors.push(ConfigError::NoGatewayPair { origin: "gateway.tls".to_owned() });
                }
                self.note_map(maps, "gateway.tls.");
                Some(tls)
            }
            (None, None, None) => None,
        };
        let password = self.env.setting(key::TLS_KEY_PASSWORD, None);
        let password = self.keep(password).flatten();
        let password =
            password.map(|setting| PasswordSource::Inline(KeyPassword::new(setting.value.as_bytes())));
        for pair in tls.iter_mut().flat_map(|tls| &mut tls.pairs) {
            pair.password = pair.password.take().or_else(|| password.clone());
        }
        tls
    }

    fn redirect_addr(
        &mut self,
        given: Option<String>,
        listen: Option<SocketAddr>,
        has_tls: bool,
    ) -> Option<SocketAddr> {
        let setting = self.env.setting(key::PUBLIC_REDIRECT_ADDR, given);
        let setting = self.keep(setting)??;
        let addr = setting.addr();
        let addr = self.keep(addr)?;
        let origin = setting.origin;
        if !has_tls || listen.is_none() {
            self.errors.push(ConfigError::RedirectToNothing { origin });
            return None;
        }
        if listen == Some(addr) && addr.port() != 0 {
            self.errors.push(ConfigError::SameAddress { origin, addr });
            return None;
        }
        self.note(key::PUBLIC_REDIRECT_ADDR, addr.to_string(), origin);
        Some(addr)
    }
}
