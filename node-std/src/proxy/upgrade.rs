//! The protocols that a request offers to change to.

use node_core::http::is_token;

/// Those of an `Upgrade` field that may be offered to a component. HTTP itself may not, in whatever version, nor TLS: the client
/// would send requests that no node has read.
pub(super) fn offered(value: &[u8]) -> impl Iterator<Item = &str> {
    let items =
        value.split(|&byte| byte == b',').filter_map(|item| core::str::from_utf8(item.trim_ascii()).ok());
    items.filter(|item| {
        let (name, version) = item.split_once('/').unwrap_or((item, "1"));
        let is_http = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("h2"))
            || ["http", "https", "h3", "tls"].iter().any(|other| name.eq_ignore_ascii_case(other));
        is_token(name) && is_token(version) && !is_http
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_http_nor_tls_is_offered() {
        for (value, expected) in [
            ("websocket", &["websocket"][..]),
            ("h2c, WebSocket , x/1.0,,", &["WebSocket", "x/1.0"]),
            ("h2c", &[]),
            ("H2C", &[]),
            ("h2c-14, h2", &[]),
            ("HTTP/2.0, http/1.1, TLS/1.0, tls, HTTP", &[]),
            ("h2c;q=1, \"h2c\", websocket h2c, x/h2c/1, /h2c, ", &[]),
        ] {
            assert_eq!(offered(value.as_bytes()).collect::<Vec<_>>(), expected, "{value}");
        }
    }
}
