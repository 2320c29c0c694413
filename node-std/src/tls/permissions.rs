//! Who else on this machine may change or read the files of a TLS directory.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};

/// Others than the owner may write.
const WRITABLE: u32 = 0o022;
/// Everybody may read.
const READABLE: u32 = 0o004;

/// Whether others than the owner may write what is at `path` and has this mode. Nobody can on a file system that is mounted
/// read-only: Kubernetes gives secrets such a one, and every right to their directory.
pub(crate) fn others_may_write(path: &Path, mode: u32) -> bool {
    mode & WRITABLE != 0 && !is_read_only(path)
}

/// Whether every user of the machine may read a file with this mode.
pub(super) const fn everyone_may_read(mode: u32) -> bool {
    mode & READABLE != 0
}

/// Whether others may write the file at `path`, and whether every user may read it.
pub(super) fn of(path: &Path) -> (bool, bool) {
    path.metadata()
        .map_or((false, false), |file| (others_may_write(path, file.mode()), everyone_may_read(file.mode())))
}

fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|file_system| file_system.f_flag.contains(StatVfsMountFlags::RDONLY))
}
