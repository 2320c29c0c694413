//! The upstream: an nginx that costs little, the same for all.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{Process, nginx};

/// A running upstream.
pub struct Upstream(Process);

impl Upstream {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// nginx is missing.
    pub fn start() -> Result<Self> {
        Ok(Self(nginx::process(|folder| {
            fs::write(folder.join("64k"), vec![b'x'; 64 << 10])?;
            fs::write(folder.join("1m"), vec![b'x'; 1 << 20])?;
            Ok(server(folder))
        })?))
    }

    /// `IP:PORT`.
    pub fn addr(&self) -> String {
        self.0.addr.to_string()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.addr)
    }
}

fn server(folder: &Path) -> String {
    let (folder, small) = (folder.display(), "x".repeat(128));
    format!(
        "sendfile on; tcp_nopush on; open_file_cache max=8;
        server {{
            listen LISTEN;
            root {folder};
            location = /128 {{ return 200 {small}; }}
        }}"
    )
}
