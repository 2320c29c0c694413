//! The URL of a list.

use core::fmt;
use core::str::FromStr;

use http::Uri;
use http::uri::PathAndQuery;

/// Longest URL, in bytes.
const MAX_URL: usize = 2048;

/// The URL of a list, with the scheme `http`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlUrl {
    text: String,
    /// `HOST:PORT`.
    address: String,
    target: String,
}

/// The text is not the URL of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCrlUrl {
    /// It asks for TLS.
    #[error(
        "lists are fetched by http:// alone: the CA signs them, and TLS to their server would need a certificate that itself \
         may be revoked; give the http:// URL"
    )]
    Https,
    /// It has another scheme, or none.
    #[error("expected a URL that begins with http://")]
    Scheme,
    /// It has no host, or a user and a password.
    #[error("expected http://HOST[:PORT]/PATH, without a user or password")]
    Host,
    /// It is too long.
    #[error("expected a URL of at most {MAX_URL} bytes")]
    Long,
}

impl CrlUrl {
    /// What is connected to: `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The path, and the query if there is one.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The URL that a redirect leads to, which may be a path alone.
    pub(super) fn join(&self, location: &str) -> Result<Self, BadCrlUrl> {
        if location.starts_with('/') && !location.starts_with("//") {
            return format!("http://{}{location}", self.address).parse();
        }
        location.parse()
    }
}

impl FromStr for CrlUrl {
    type Err = BadCrlUrl;

    fn from_str(text: &str) -> Result<Self, BadCrlUrl> {
        if text.len() > MAX_URL {
            return Err(BadCrlUrl::Long);
        }
        let uri: Uri = text.parse().map_err(|_| BadCrlUrl::Scheme)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(BadCrlUrl::Https),
            _ => return Err(BadCrlUrl::Scheme),
        }
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let host = authority.map(|authority| authority.host()).filter(|host| !host.is_empty());
        let (Some(authority), Some(host)) = (authority, host) else { return Err(BadCrlUrl::Host) };
        // A port that is no number is left out by the parser.
        if authority.as_str() != host && authority.port().is_none() {
            return Err(BadCrlUrl::Host);
        }
        let address = format!("{host}:{}", authority.port_u16().unwrap_or(80));
        let target = uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        Ok(Self { text: text.to_owned(), address, target })
    }
}

impl fmt::Display for CrlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to_connect_and_what_to_ask_for() {
        let url: CrlUrl = "http://crl.example.net/ca.crl?full=1".parse().unwrap();
        assert_eq!((url.address(), url.target()), ("crl.example.net:80", "/ca.crl?full=1"));
        let url: CrlUrl = "http://[::1]:8080".parse().unwrap();
        assert_eq!((url.address(), url.target()), ("[::1]:8080", "/"));
    }

    #[test]
    fn only_http_is_taken() {
        let refused = |text: &str| text.parse::<CrlUrl>().unwrap_err();
        assert_eq!(refused("https://crl.example.net/ca.crl"), BadCrlUrl::Https);
        for text in ["ldap://example.net/ca", "file:///etc/passwd", "ca.crl", "", "http:"] {
            assert_eq!(refused(text), BadCrlUrl::Scheme, "{text}");
        }
        assert_eq!(refused("http://user:secret@example.net/ca.crl"), BadCrlUrl::Host);
        assert_eq!(refused(&format!("http://example.net/{}", "x".repeat(MAX_URL))), BadCrlUrl::Long);
    }

    #[test]
    fn a_redirect_stays_with_http() {
        let url: CrlUrl = "http://a.example:8080/ca.crl".parse().unwrap();
        assert_eq!(url.join("/new.crl").unwrap().to_string(), "http://a.example:8080/new.crl");
        assert_eq!(url.join("http://b.example/x").unwrap().address(), "b.example:80");
        assert_eq!(url.join("https://b.example/x"), Err(BadCrlUrl::Https));
        assert_eq!(url.join("//b.example/x"), Err(BadCrlUrl::Scheme));
    }
}
