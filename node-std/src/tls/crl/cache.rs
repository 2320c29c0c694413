//! The lists on disk, for a start without a network: `crl` in the data directory, a file a URL.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use node_core::crypto::{Digest, Software};
use node_core::id::Hex;
use tempfile::NamedTempFile;

use super::source::MAX_URLS;
use super::url::CrlUrl;
use crate::tls::{TlsError, file};

/// Most files that are kept. Those of URLs that nobody names any more are not known as such.
const MAX_FILES: usize = 2 * MAX_URLS;

/// The directory.
#[derive(Clone, Debug)]
pub(super) struct Cache(PathBuf);

impl Cache {
    /// In this directory, which is made when it is needed.
    pub(super) const fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The list that was fetched last from `url`, if one was. Nobody has checked it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read(&self, url: &CrlUrl) -> Result<Option<Vec<u8>>, TlsError> {
        let path = self.path(url);
        // A directory that is in the way is told of when a list is written.
        if path.exists() { file::read_list(&path).map(|bytes| Some(bytes.to_vec())) } else { Ok(None) }
    }

    /// Replaces it. A crash leaves the old content or the new.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, url: &CrlUrl, der: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let mut file = NamedTempFile::with_prefix_in(".new-", &self.0)?;
        file.write_all(der)?;
        file.as_file().sync_all()?;
        file.persist(self.path(url))?;
        self.prune()?;
        // The rename lasts once the directory is on the disk.
        File::open(&self.0)?.sync_all()
    }

    /// Removes the oldest files when there are too many, those that a crash left as well.
    fn prune(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort_unstable();
        let surplus = files.len().saturating_sub(MAX_FILES);
        files.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }

    /// The file of a URL.
    pub(super) fn path(&self, url: &CrlUrl) -> PathBuf {
        let name = Software.sha256(&[url.to_string().as_bytes()]);
        Path::new(&self.0).join(format!("{}.crl", Hex(&name)))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written_last() {
        let home = TempDir::new().unwrap();
        let cache = Cache::new(home.path().join("crl"));
        let (one, two): (CrlUrl, CrlUrl) =
            ("http://a.example/1".parse().unwrap(), "http://a.example/2".parse().unwrap());
        assert_eq!(cache.read(&one).unwrap(), None);
        cache.write(&one, b"old").unwrap();
        cache.write(&one, b"new").unwrap();
        assert_eq!(cache.read(&one).unwrap().as_deref(), Some(b"new".as_slice()));
        assert_eq!(cache.read(&two).unwrap(), None);
    }

    #[test]
    fn old_files_make_room() {
        let home = TempDir::new().unwrap();
        let cache = Cache::new(home.path().join("crl"));
        let urls: Vec<CrlUrl> =
            (0..MAX_FILES + 3).map(|number| format!("http://a.example/{number}").parse().unwrap()).collect();
        for url in &urls {
            cache.write(url, b"list").unwrap();
        }
        assert_eq!(fs::read_dir(home.path().join("crl")).unwrap().count(), MAX_FILES);
        assert!(cache.read(urls.last().unwrap()).unwrap().is_some());
    }
}
