//! The password of an encrypted private key.

use std::os::unix::ffi::OsStringExt;

use zeroize::Zeroizing;

/// The environment variable with the password of every key that has no `.password` file.
pub(crate) const VARIABLE: &str = "MAEL_TLS_KEY_PASSWORD";

/// A password. Wipes itself, and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPassword(Zeroizing<Vec<u8>>);

impl KeyPassword {
    /// Takes a copy of `password`.
    #[must_use]
    pub fn new(password: &[u8]) -> Self {
        Self(Zeroizing::new(password.to_vec()))
    }

    /// That of the environment of this process. An empty one counts as unset.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        let value = Zeroizing::new(std::env::var_os(VARIABLE)?.into_vec());
        (!value.is_empty()).then_some(Self(value))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl core::fmt::Debug for KeyPassword {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KeyPassword")
    }
}
