//! Which certificates a name means: the part of a rule that is compared with the names in a certificate.

use core::net::IpAddr;
use core::str::FromStr;

use thiserror::Error;

use super::certificate::Certificate;
use super::names::SubjectName;

/// Longest text of a pattern, in bytes.
pub const MAX_PATTERN: usize = 191;

type Text = heapless::String<MAX_PATTERN>;

/// A name that a certificate may have, written `email:ann@example.com`, `dns:shop.example.com`, `uri:spiffe://example.com/shop`,
/// `ip:10.0.0.1` or `cn:shop`. A `*` may end the text, and stands for anything; `email:*@example.com` is everybody there; in `dns:*.example.com` it stands for one label. A wildcard in a
/// certificate is compared as it is written: whoever may be any host is not each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    kind: Kind,
    text: Text,
    address: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Email,
    Dns,
    Uri,
    Ip,
    CommonName,
}

impl NamePattern {
    /// Returns true when the certificate has such a name.
    #[must_use]
    pub fn names(&self, certificate: &Certificate<'_>) -> bool {
        let text = self.text.as_str();
        match self.kind {
            Kind::CommonName => certificate.common_name.is_some_and(|name| ends_openly(text, name, str::eq)),
            _ => certificate.names().any(|name| match (self.kind, name) {
                (Kind::Email, SubjectName::Email(name)) => match text.strip_prefix("*@") {
                    Some(host) => {
                        name.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(host))
                    }
                    None => ends_openly(text, name, is_mailbox),
                },
                (Kind::Dns, SubjectName::Dns(name)) => is_host(text, name),
                (Kind::Uri, SubjectName::Uri(name)) => ends_openly(text, name, str::eq),
                (Kind::Ip, SubjectName::Ip(address)) => self.address == Some(address),
                _ => false,
            }),
        }
    }
}

/// Whether `name` is what `pattern` says, which may end in `*`.
fn ends_openly(pattern: &str, name: &str, is: fn(&str, &str) -> bool) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => is(pattern, name),
    }
}

/// The domain of an address is compared without regard to case, what stands before it as it is (RFC 5280 section 7.5).
fn is_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((name, host)), Some((other, domain))) => name == other && host.eq_ignore_ascii_case(domain),
        _ => one == other,
    }
}

/// Whether `host` is the name that `pattern` says, whose first label may be `*` (RFC 9525 section 6.3).
fn is_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| {
            !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent)
        }),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

impl FromStr for NamePattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let (kind, text) = text.split_once(':').ok_or(BadPattern)?;
        let kind = match kind {
            "email" => Kind::Email,
            "dns" => Kind::Dns,
            "uri" => Kind::Uri,
            "ip" => Kind::Ip,
            "cn" => Kind::CommonName,
            _ => return Err(BadPattern),
        };
        let inner = match kind {
            Kind::Dns => text.strip_prefix("*.").unwrap_or(text),
            Kind::Ip => text,
            // Everybody is somewhere.
            Kind::Email if text == "*@" => return Err(BadPattern),
            Kind::Email if text.starts_with("*@") => text.get(2..).unwrap_or_default(),
            _ => text.strip_suffix('*').unwrap_or(text),
        };
        let fits = !text.is_empty() && !inner.contains('*') && !text.contains(char::is_control);
        let address = text.parse().ok();
        if !fits || (kind == Kind::Ip && address.is_none()) {
            return Err(BadPattern);
        }
        Ok(Self { kind, text: Text::try_from(text).map_err(|_| BadPattern)?, address })
    }
}

/// The text is no [`NamePattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a name of a certificate is email:ann@example.com or email:*@example.com, dns:shop.example.com or dns:*.example.com, uri:spiffe://example.com/shop, \
     ip:10.0.0.1 or cn:shop, at most {MAX_PATTERN} bytes, with no other * than one at the end"
)]
pub struct BadPattern;
