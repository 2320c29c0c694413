//! What the `Connection` fields of a message say, read once for all its fields (RFC 9110 section 7.6.1).

use super::field::{Field, connection_options, is_hop_by_hop, lists};

/// The options in the `Connection` fields of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'s, 'b> {
    fields: &'s [Field<'b>],
    /// The connection ends after this message.
    pub close: bool,
    /// The connection goes on, which HTTP/1.0 does only if told so.
    pub keep_alive: bool,
    /// The sender offers to change the protocol to what `Upgrade` names.
    pub upgrade: bool,
    /// It names other fields, which end at this hop.
    pub names: bool,
}

impl<'s, 'b> Connection<'s, 'b> {
    /// Reads them.
    #[must_use]
    pub fn of(fields: &'s [Field<'b>]) -> Self {
        let mut found = Self { fields, close: false, keep_alive: false, upgrade: false, names: false };
        for option in connection_options(fields).flat_map(|options| options.split(|&byte| byte == b',')) {
            match option.trim_ascii() {
                option if option.eq_ignore_ascii_case(b"close") => found.close = true,
                option if option.eq_ignore_ascii_case(b"keep-alive") => found.keep_alive = true,
                option if option.eq_ignore_ascii_case(b"upgrade") => found.upgrade = true,
                b"" => {}
                _ => found.names = true,
            }
        }
        found
    }

    /// Whether a proxy passes the field called `name` on.
    #[must_use]
    pub fn passes(&self, name: &str) -> bool {
        let named = || connection_options(self.fields).any(|options| lists(options, name));
        !(is_hop_by_hop(name) || self.names && named())
    }
}
