//! Why something is refused for want of a role, and how to grant it.

use core::fmt;
use std::path::Path;

use node_core::trust::MissingRole;

use super::caller::Credential;

/// The text of a refusal, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    pub(super) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The certificate of `slot` lacks the role.
    pub(super) fn without_role(what: &str, slot: &str, missing: MissingRole) -> Self {
        Self(format!(
            "{what} {missing} ({slot}.crt). To grant a role, let the name of the file end in all its roles \
             ({slot}.ROLE.crt) in the TLS directory of the side that refuses; a maelstromd also takes --role {slot}=ROLE,ROLE"
        ))
    }

    /// The request came without TLS, and without the token at `path`.
    pub(super) fn without_token(what: &str, path: &Path, credential: Credential) -> Self {
        let sent = match credential {
            Credential::OtherToken => "the one that was sent is another",
            _ => "none was sent",
        };
        Self(format!(
            "{what} needs the role operator, which takes the token of this node, and {sent}: send the header \
             `Authorization: Bearer TOKEN` with the content of {}; maelctl does so by itself with --data-dir \
             (MAEL_DATA_DIR)",
            path.display()
        ))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}
