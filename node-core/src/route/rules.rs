//! Rules of the public gateway: which component answers for a host and a path, and which path it sees.

use core::fmt;

use super::path::next;

/// The requests that a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// To any host.
    Any,
    /// To this name or address.
    Exact(&'a str),
    /// To every name below this one, as `*.example.org` for `example.org`; not to the name itself.
    Below(&'a str),
}

impl<'a> Host<'a> {
    /// Reads `*`, a name, or `*.` and a name.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        match text.strip_prefix("*.") {
            _ if text == "*" || text.is_empty() => Self::Any,
            Some(name) => Self::Below(name),
            None => Self::Exact(text),
        }
    }

    /// How well it fits a host, the best last; `None` when it does not.
    fn fit(self, host: &str) -> Option<usize> {
        match self {
            Self::Any => Some(0),
            Self::Exact(name) => name.eq_ignore_ascii_case(host).then_some(usize::MAX),
            Self::Below(name) => {
                let at = host.len().checked_sub(name.len())?;
                let (label, below) = host.split_at_checked(at)?;
                (label.len() > 1 && label.ends_with('.') && below.eq_ignore_ascii_case(name))
                    .then_some(name.len())
            }
        }
    }
}

/// A rule of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The path itself, and all below it: `/shop` is for `/shop` and `/shop/cart` and not for `/shopping`. Without a slash at its
    /// end; empty for every path.
    pub path: &'a str,
    /// What the component sees instead of that prefix; `None` for the path as it came. Without a slash at its end.
    pub rewrite: Option<&'a str>,
}

/// A rule that fits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// The index of the rule.
    pub rule: usize,
    /// What the component sees.
    pub target: Target<'a>,
}

/// Finds the rule for a request: the one with the most exact host, of these the one with the longest path, of these the first.
///
/// `authority` is the request's Host, with or without a port. `target` is its path and query, [normalised](super::path::normalize):
/// otherwise a path could leave the prefix of its rule. Escapes of letters, digits and `-._~` count as the characters themselves
/// (RFC 3986 section 6.2.2.2), so no rule is evaded by them.
///
/// ```
/// use node_core::route::rules::{Host, Rule, select};
///
/// let rules = [
///     Rule { host: Host::parse("*.example.org"), path: "", rewrite: None },
///     Rule { host: Host::Any, path: "/shop", rewrite: Some("") },
/// ];
/// let found = select(rules.into_iter(), "www.example.org:8080", "/shop/cart").unwrap();
/// assert_eq!((found.rule, found.target.to_string().as_str()), (0, "/shop/cart"));
/// let found = select(rules.into_iter(), "other.net", "/shop/cart?id=7").unwrap();
/// assert_eq!((found.rule, found.target.to_string().as_str()), (1, "/cart?id=7"));
/// ```
pub fn select<'t>(
    rules: impl Iterator<Item = Rule<'t>>,
    authority: &str,
    target: &'t str,
) -> Option<Match<'t>> {
    let host = host_of(authority);
    let path = target.split('?').next().unwrap_or_default();
    let mut best = None::<((usize, usize), Match<'t>)>;
    for (index, rule) in rules.enumerate() {
        let (Some(fit), Some(end)) = (rule.host.fit(host), prefix_end(path, rule.path)) else { continue };
        let rank = (fit, rule.path.len());
        if best.is_none_or(|(known, _)| rank > known) {
            let target = match rule.rewrite {
                None => Target { prefix: "", rest: target },
                Some(prefix) => Target { prefix, rest: target.get(end..).unwrap_or_default() },
            };
            best = Some((rank, Match { rule: index, target }));
        }
    }
    best.map(|(_, found)| found)
}

/// The host of an authority, without its port and without the dot that may end a name.
#[must_use]
pub fn host_of(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        // An IPv6 address stands in brackets.
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.is_empty() => host,
        _ => authority,
    };
    host.strip_suffix('.').unwrap_or(host)
}

/// Where the rest of a path begins after a prefix of whole segments; `None` if it has another prefix.
fn prefix_end(path: &str, prefix: &str) -> Option<usize> {
    let (mut rest, mut wanted) = (path.as_bytes(), prefix.as_bytes());
    while let Some((character, after)) = character(wanted) {
        let (found, rest_after) = self::character(rest)?;
        if found != character {
            return None;
        }
        (rest, wanted) = (rest_after, after);
    }
    matches!(rest.first(), None | Some(b'/')).then(|| path.len() - rest.len())
}

/// The first character of a path, whether it differs from itself without its escape, and what follows.
fn character(text: &[u8]) -> Option<((u8, bool), &[u8])> {
    let (byte, rest) = next(text)?;
    let is_unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let is_escaped = text.len() - rest.len() > 1;
    Some(((byte, is_escaped && !is_unreserved), rest))
}

/// The request target that a component sees. It always begins with `/` when displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    prefix: &'a str,
    rest: &'a str,
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, rest } = self;
        let slash = if prefix.is_empty() && !rest.starts_with('/') { "/" } else { "" };
        write!(f, "{prefix}{slash}{rest}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

    use super::*;

    fn rule(host: &'static str, path: &'static str, rewrite: Option<&'static str>) -> Rule<'static> {
        Rule { host: Host::parse(host), path, rewrite }
    }

    fn selected(rules: &[Rule<'static>], host: &str, target: &str) -> Option<(usize, String)> {
        let found = select(rules.iter().copied(), host, target)?;
        Some((found.rule, found.target.to_string()))
    }

    #[test]
    fn the_most_exact_host_wins_then_the_longest_path() {
        let rules = [
            rule("*", "/a/b/c", None),
            rule("*.example.org", "", None),
            rule("*.www.example.org", "", None),
            rule("*.example.org", "/a", None),
            rule("www.example.org", "/a", None),
            rule("www.example.org", "/a", Some("/later")),
        ];
        for (host, target, expected) in [
            ("www.example.org", "/a/b/c", Some(4)),
            ("WWW.Example.ORG:8443", "/a", Some(4)),
            ("www.example.org.", "/b", Some(1)),
            ("x.www.example.org", "/a", Some(2)),
            ("y.example.org", "/a/b/c", Some(3)),
            ("example.org", "/a/b/c", Some(0)),
            (".example.org", "/b", None),
            ("badexample.org", "/b", None),
            ("[::1]:80", "/a/b/c?x", Some(0)),
            ("", "/a/b/c", Some(0)),
            ("", "/", None),
        ] {
            assert_eq!(selected(&rules, host, target).map(|(rule, _)| rule), expected, "{host}{target}");
        }
    }

    #[test]
    fn a_prefix_is_of_whole_segments() {
        let rules = [rule("", "/shop", None)];
        for (target, fits) in [
            ("/shop", true),
            ("/shop/", true),
            ("/shop?x", true),
            ("/shop/a", true),
            ("/shopping", false),
            ("/sho", false),
            ("/shop%2Fa", false),
            ("/Shop", false),
            ("/x/shop", false),
        ] {
            assert_eq!(selected(&rules, "h", target).is_some(), fits, "{target}");
        }
    }

    #[test]
    fn an_escape_evades_no_rule() {
        let rules = [rule("", "", None), rule("", "/admin", None), rule("", "/a%2fb", None)];
        for (target, expected) in
            [("/%61dmin/x", 1), ("/adm%69n", 1), ("/a%2Fb/c", 2), ("/a/b", 0), ("/%2561dmin", 0)]
        {
            assert_eq!(selected(&rules, "h", target).unwrap().0, expected, "{target}");
        }
    }

    #[test]
    fn a_rewrite_replaces_the_prefix_as_it_was_sent() {
        for (path, rewrite, target, seen) in [
            ("/shop", Some(""), "/shop", "/"),
            ("/shop", Some(""), "/shop?q=/a", "/?q=/a"),
            ("/shop", Some(""), "/%73hop//a", "//a"),
            ("/shop", Some("/v2/store"), "/shop/a", "/v2/store/a"),
            ("/shop", Some("/v2"), "/shop?x", "/v2?x"),
            ("", Some("/v2"), "/a", "/v2/a"),
            ("/shop", None, "/shop/a?b", "/shop/a?b"),
        ] {
            let (_, found) = selected(&[rule("", path, rewrite)], "h", target).unwrap();
            assert_eq!(found, seen, "{path} {rewrite:?} {target}");
        }
    }

    #[test]
    fn hosts_are_told_without_ports() {
        for (authority, host) in [
            ("a.example", "a.example"),
            ("a.example:80", "a.example"),
            ("a.example.:80", "a.example"),
            ("[fd00::1]:80", "[fd00::1]"),
            ("[fd00::1]", "[fd00::1]"),
            (":80", ":80"),
        ] {
            assert_eq!(host_of(authority), host);
        }
    }
}
