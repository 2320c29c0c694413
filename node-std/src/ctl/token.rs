//! The local token of a node without TLS, read from its data directory.

use std::ffi::OsStr;
use std::path::Path;

use http::HeaderValue;

use crate::config::{Environment, HostPort, default_data_dir};
use crate::data_dir::read_token;

/// What `maelctl` has of the token of the node that it asks.
pub(super) enum LocalToken {
    /// The value of the header that shows it.
    Known(HeaderValue),
    /// With TLS, the certificate shows who asks.
    NotNeeded,
    /// There is none. The text says why.
    Unknown(String),
}

impl LocalToken {
    /// Looks in `data_dir`. Without one, looks in the default data directory for a node at a loopback address: the token of this
    /// machine is not for other machines.
    pub(super) fn find(data_dir: Option<&OsStr>, node: &HostPort) -> Self {
        let given = data_dir.filter(|dir| !dir.is_empty()).map(|dir| Path::new(dir).to_owned());
        let dir = match given {
            Some(dir) => dir,
            None if !node.is_loopback() => {
                return Self::Unknown(
                    "maelctl sends no token to another machine, unless --data-dir (MAEL_DATA_DIR) says where it is".to_owned(),
                );
            }
            None => match default_data_dir(&Environment::of_process()) {
                Ok(dir) => dir,
                Err(error) => return Self::Unknown(format!("maelctl has no token: {error}")),
            },
        };
        let header = |token: &str| {
            let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
            header.set_sensitive(true);
            Ok::<_, http::header::InvalidHeaderValue>(header)
        };
        match read_token(&dir).map(|token| header(&token)) {
            Ok(Ok(header)) => Self::Known(header),
            Ok(Err(error)) => Self::Unknown(format!("maelctl has no token: {error}")),
            Err(error) => Self::Unknown(format!(
                "maelctl has no token: {error}; run it as the user of maelstromd, and give that node's data directory"
            )),
        }
    }

    /// The value of the header `Authorization`.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        if let Self::Known(header) = self { Some(header.clone()) } else { None }
    }

    /// Why there is no token, if one would help.
    pub(super) fn problem(&self) -> Option<&str> {
        if let Self::Unknown(problem) = self { Some(problem) } else { None }
    }
}
