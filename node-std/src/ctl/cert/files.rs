//! The files that a command makes: all or none, and none over an old one unless that is asked for.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use x509_cert::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

use super::draft::Pair;
use super::error::CertError;

/// Files for one directory, not written yet.
pub struct Files {
    dir: PathBuf,
    replace: bool,
    files: Vec<NewFile>,
}

struct NewFile {
    path: PathBuf,
    content: Zeroizing<Vec<u8>>,
    mode: u32,
}

impl Files {
    /// For the directory `dir`. With `replace` they take the place of old files.
    pub fn new(dir: &Path, replace: bool) -> Self {
        Self { dir: dir.to_owned(), replace, files: Vec::new() }
    }

    /// Adds `STEM.crt` and `STEM.key`.
    pub fn add_pair(&mut self, stem: &str, pair: &Pair) {
        self.add_certificate(stem, &pair.certificate);
        self.add_secret(&format!("{stem}.key"), pair.key.pem.as_bytes());
    }

    /// Adds `STEM.crt`.
    pub fn add_certificate(&mut self, stem: &str, der: &[u8]) {
        self.add_pem(&format!("{stem}.crt"), "CERTIFICATE", der);
    }

    /// Adds a file that everybody may read.
    pub fn add_pem(&mut self, name: &str, label: &'static str, der: &[u8]) {
        // It fails only for a label that is no label.
        let pem = encode_string(label, LineEnding::LF, der).unwrap_or_default();
        self.add(name, pem.into_bytes(), 0o644);
    }

    /// Adds a file that only its owner may read.
    pub fn add_secret(&mut self, name: &str, content: &[u8]) {
        self.add(name, content.to_vec(), 0o600);
    }

    fn add(&mut self, name: &str, content: Vec<u8>, mode: u32) {
        self.files.push(NewFile { path: self.dir.join(name), content: Zeroizing::new(content), mode });
    }

    /// Where the files go.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Writes the files, and returns where they are.
    ///
    /// # Errors
    /// One of them is there already, or cannot be written. The directory is then as it was.
    pub fn write(self) -> Result<Vec<PathBuf>, CertError> {
        fs::create_dir_all(&self.dir).map_err(|error| CertError::Write { path: self.dir.clone(), error })?;
        for file in &self.files {
            self.check_is_free(&file.path)?;
        }
        let stage = |file: &NewFile| file.stage(&self.dir).map_err(file.fault());
        let staged: Vec<NamedTempFile> = self.files.iter().map(stage).collect::<Result<_, _>>()?;
        let mut placed = Vec::new();
        for (file, staged) in self.files.iter().zip(staged) {
            if let Err(error) = self.place(staged, &file.path) {
                if !self.replace {
                    placed.iter().for_each(|path| drop(fs::remove_file(path)));
                }
                return Err(file.fault()(error));
            }
            placed.push(file.path.clone());
        }
        // The new names last once the directory is on the disk.
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| CertError::Write { path: self.dir.clone(), error })?;
        Ok(placed)
    }

    fn check_is_free(&self, path: &Path) -> Result<(), CertError> {
        let fault = |error| CertError::Write { path: path.to_owned(), error };
        match path.symlink_metadata() {
            Ok(old) if old.is_dir() => Err(fault(ErrorKind::IsADirectory.into())),
            Ok(_) if !self.replace => Err(CertError::Exists { path: path.to_owned() }),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(fault(error)),
        }
    }

    fn place(&self, staged: NamedTempFile, path: &Path) -> io::Result<()> {
        let placed = if self.replace { staged.persist(path) } else { staged.persist_noclobber(path) };
        placed.map(drop).map_err(|error| error.error)
    }
}

impl NewFile {
    /// Writes the content to a hidden file beside its place.
    fn stage(&self, dir: &Path) -> io::Result<NamedTempFile> {
        let mut builder = Builder::new();
        let mut staged =
            builder.prefix(".new-").permissions(Permissions::from_mode(self.mode)).tempfile_in(dir)?;
        staged.write_all(&self.content)?;
        staged.as_file().sync_all()?;
        Ok(staged)
    }

    fn fault(&self) -> impl Fn(io::Error) -> CertError {
        let path = self.path.clone();
        move |error| CertError::Write { path: path.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn files(dir: &Path, replace: bool, content: &str) -> Files {
        let mut files = Files::new(dir, replace);
        files.add_certificate("a", content.as_bytes());
        files.add_secret("a.key", content.as_bytes());
        files
    }

    fn listed(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_judged_together_before_one_is_written() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("new/dir");
        files(&dir, false, "one").write().unwrap();
        assert_eq!(listed(&dir), ["a.crt", "a.key"]);
        assert_eq!(dir.join("a.key").metadata().unwrap().mode() & 0o777, 0o600);
        fs::remove_file(dir.join("a.crt")).unwrap();
        assert!(matches!(files(&dir, false, "two").write(), Err(CertError::Exists { .. })));
        assert_eq!(
            (listed(&dir), fs::read(dir.join("a.key")).unwrap()),
            (vec!["a.key".to_owned()], b"one".to_vec())
        );
        files(&dir, true, "two").write().unwrap();
        assert_eq!((listed(&dir).len(), fs::read(dir.join("a.key")).unwrap()), (2, b"two".to_vec()));
    }

    #[test]
    fn what_cannot_be_replaced_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("a.key")).unwrap();
        assert!(matches!(files(home.path(), true, "one").write(), Err(CertError::Write { .. })));
        assert_eq!(listed(home.path()), ["a.key"]);
        // A link is replaced, and what it names stays.
        let target = home.path().join("target");
        fs::write(&target, "old").unwrap();
        fs::remove_dir(home.path().join("a.key")).unwrap();
        std::os::unix::fs::symlink(&target, home.path().join("a.key")).unwrap();
        assert!(matches!(files(home.path(), false, "one").write(), Err(CertError::Exists { .. })));
        files(home.path(), true, "one").write().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
    }
}
