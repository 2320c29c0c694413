//! Header fields: finding one, and telling which ones end at this hop.

pub use httparse::{EMPTY_HEADER as NO_FIELD, Header as Field};

use super::error::HeadError;

/// The value of the first field called `name`, whatever its case.
#[must_use]
pub fn find<'b>(fields: &[Field<'b>], name: &str) -> Option<&'b [u8]> {
    fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// The values of all `Connection` fields; [`lists`] searches one of them.
pub fn connection_options<'b>(fields: &[Field<'b>]) -> impl Iterator<Item = &'b [u8]> {
    fields.iter().filter(|field| field.name.eq_ignore_ascii_case("connection")).map(|field| field.value)
}

/// Returns true when a field of this name ends at the next hop even if `Connection` does not name it.
#[must_use]
pub fn is_hop_by_hop(name: &str) -> bool {
    const NAMES: [&str; 6] = ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
    NAMES.iter().any(|hop| name.eq_ignore_ascii_case(hop))
        || name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("proxy-"))
}

/// Returns true when a field of this name may come after a body. Those may not that say where a message ends, where it goes, who
/// sends it, or how it is to be read: it was acted on before they arrive (RFC 9110 section 6.5.1).
#[must_use]
pub fn may_trail(name: &str) -> bool {
    const NAMES: [&str; 24] = [
        "age",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "date",
        "expect",
        "expires",
        "host",
        "http2-settings",
        "location",
        "max-forwards",
        "pragma",
        "proxy",
        "range",
        "retry-after",
        "set-cookie",
        "set-cookie2",
        "vary",
        "warning",
        "www-authenticate",
    ];
    let is_condition = name.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("if-"));
    !(is_hop_by_hop(name) || is_condition || NAMES.iter().any(|other| name.eq_ignore_ascii_case(other)))
}

/// Returns true when the comma-separated list `value` holds `token`, whatever its case.
#[must_use]
pub fn lists(value: &[u8], token: &str) -> bool {
    value.split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The body's announced length in bytes, `None` when the head does not say.
///
/// # Errors
/// [`HeadError::ContentLength`]: not a number, or fields that contradict each other, which is how requests
/// are smuggled past a proxy (RFC 9112 section 6.3).
pub fn content_length(fields: &[Field<'_>]) -> Result<Option<u64>, HeadError> {
    let values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("content-length"));
    let items = values.flat_map(|field| field.value.split(|&byte| byte == b','));
    let mut length = None;
    for item in items {
        let number = decimal(item.trim_ascii()).ok_or(HeadError::ContentLength)?;
        if length.is_some_and(|other| other != number) {
            return Err(HeadError::ContentLength);
        }
        length = Some(number);
    }
    Ok(length)
}

/// Digits only: `parse` alone would let a sign through.
fn decimal(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok()
}
