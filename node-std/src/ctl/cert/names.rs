//! The names that a certificate may have.

use core::net::IpAddr;

use node_core::id::Name;
use rcgen::SanType;
use rcgen::string::Ia5String;
use rustls::pki_types::DnsName;

use super::error::CertError;
use super::flags::Names;

/// Most alternative names of a certificate.
const MAX_NAMES: usize = 64;
/// Longest common name, in characters (RFC 5280 appendix A.1).
const MAX_COMMON_NAME: usize = 64;
/// Longest e-mail address and longest URI, in bytes.
const MAX_TEXT: usize = 254;

/// The names of a node that clients verify.
pub fn of_agent(cn: &Name, more: &Names) -> Result<Vec<SanType>, CertError> {
    let local = ["localhost", "127.0.0.1", "::1"];
    collect(core::iter::once(cn.as_str()).chain(local).filter_map(host), more)
}

/// The names of a client: that of the certificate if it is a DNS name, and those that are given.
pub fn of_client(cn: &Name, more: &Names) -> Result<Vec<SanType>, CertError> {
    collect(host(cn.as_str()).into_iter(), more)
}

/// The name of something that no name is verified of.
pub fn of_name(cn: &Name) -> Vec<SanType> {
    host(cn.as_str()).into_iter().collect()
}

/// Each name once, in order.
fn collect(first: impl Iterator<Item = SanType>, more: &Names) -> Result<Vec<SanType>, CertError> {
    let Names { dns, ip, email, uri } = more;
    let text = |kind: fn(Ia5String) -> SanType| {
        move |name: &String| name.as_str().try_into().map(kind).map_err(CertError::Library)
    };
    let given = dns.iter().map(text(SanType::DnsName));
    let given = given.chain(ip.iter().map(|ip| Ok(SanType::IpAddress(*ip))));
    let given = given.chain(email.iter().map(text(SanType::Rfc822Name)));
    let given = given.chain(uri.iter().map(text(SanType::URI)));
    let mut names: Vec<SanType> = Vec::new();
    for name in first.map(Ok).chain(given) {
        let name = name?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > MAX_NAMES {
        return Err(CertError::TooManyNames { most: MAX_NAMES });
    }
    Ok(names)
}

/// The name of a host, by address or in the DNS. `None` for a text that is neither.
fn host(text: &str) -> Option<SanType> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(SanType::IpAddress(ip));
    }
    dns_name(text).ok()?.try_into().ok().map(SanType::DnsName)
}

/// Checks a DNS name, perhaps with a wildcard.
pub fn dns_name(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("*.").unwrap_or(text);
    // An address in a DNS name is compared with no address.
    match DnsName::try_from(host) {
        Ok(_) if text.parse::<IpAddr>().is_err() && !text.ends_with('.') => Ok(text.to_ascii_lowercase()),
        _ => {
            Err("not a DNS name such as node.example.com or *.example.com; for an address use --ip"
                .to_owned())
        }
    }
}

/// Checks an e-mail address.
pub fn email_address(text: &str) -> Result<String, String> {
    match text.split_once('@') {
        Some((user, host)) if !user.is_empty() && is_printable(text) && dns_name(host).is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("not an e-mail address such as alice@example.com".to_owned()),
    }
}

/// Checks a URI (RFC 3986 section 3): a scheme, and something after it.
pub fn uri(text: &str) -> Result<String, String> {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) && !rest.is_empty() && is_printable(text) => {
            Ok(text.to_owned())
        }
        _ => Err("not a URI such as spiffe://example.com/shop".to_owned()),
    }
}

/// Checks a name that stands only in a certificate.
pub fn common_name(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if !(1..=MAX_COMMON_NAME).contains(&length) || text.contains(char::is_control) {
        return Err(format!("a name has 1 to {MAX_COMMON_NAME} characters, and no control characters"));
    }
    Ok(text.to_owned())
}

/// Checks a name that also names files. A hidden file would be passed over, and a leading `-` reads as a flag.
pub fn file_name(text: &str) -> Result<Name, String> {
    match Name::new(text) {
        Ok(name) if !text.starts_with(['.', '-']) => Ok(name),
        Ok(_) => Err("a name that also names files begins with a letter, a digit or _".to_owned()),
        Err(error) => {
            Err(format!("{error}: it also names the files; for other names use --dns, --email or --uri"))
        }
    }
}

fn is_printable(text: &str) -> bool {
    text.len() <= MAX_TEXT && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dns_names_are_taken_for_dns_names() {
        for good in ["a", "node.example.com", "*.example.com", "a_b", "xn--bcher-kva.example"] {
            assert!(dns_name(good).is_ok(), "{good}");
        }
        for bad in ["", "*", "*.", "a..b", "10.0.0.1", "::1", "a b", "-a", "büro", "a.*.b", "a.", "a\n"] {
            assert!(dns_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_files_stay_in_their_directory() {
        assert!(file_name("agent-1.example_x").is_ok());
        for bad in ["", ".", "..", ".hidden", "-rf", "a/b", "../a", "a b", "a\0", &"a".repeat(64)] {
            assert!(file_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_and_uris_are_checked() {
        assert!(email_address("alice@example.com").is_ok());
        for bad in ["alice", "@example.com", "alice@", "a b@example.com", "alice@10.0.0.1", "a@b@c"] {
            assert!(email_address(bad).is_err(), "{bad}");
        }
        assert!(uri("spiffe://example.com/shop").is_ok() && uri("urn:x").is_ok());
        for bad in ["", "shop", "://x", "1a:b", "a:", "a:b c", "a:ü"] {
            assert!(uri(bad).is_err(), "{bad}");
        }
        assert!(common_name("My Mesh CA").is_ok() && common_name("Büro").is_ok());
        assert!(
            common_name("").is_err() && common_name("a\nb").is_err() && common_name(&"a".repeat(65)).is_err()
        );
    }

    #[test]
    fn a_node_has_each_name_once() {
        let more = Names {
            dns: vec!["a".into(), "b".into()],
            ip: vec!["::1".parse().unwrap()],
            email: vec![],
            uri: vec![],
        };
        let names = of_agent(&Name::new("a").unwrap(), &more).unwrap();
        assert_eq!(names.len(), 5, "{names:?}");
        let many = Names { dns: (0..MAX_NAMES).map(|each| format!("h{each}")).collect(), ..more };
        assert!(of_agent(&Name::new("a").unwrap(), &many).is_err());
    }
}
