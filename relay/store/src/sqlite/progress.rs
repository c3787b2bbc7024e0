//! How far a database came, noted in a file beside it, so that a restored backup is known for one.
//!
//! The file names its own inode and the instant at which that was made. A copy has another inode or another birth, even
//! one that was written over the original, so a folder that was restored as a whole is known as well.

use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) starts: i64,
    pub(super) batches: i64,
    /// The file was written here and is no copy.
    pub(super) is_original: bool,
}

/// A file that is not there or cannot be read says nothing.
pub(super) fn read(folder: &Path) -> Progress {
    let path = path(folder);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut words = text.split_whitespace();
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let (starts, batches) = (number(), number());
    let birth = std::fs::metadata(&path).ok().map(|metadata| birth(&metadata));
    let is_original = birth.is_some() && words.next() == birth.as_deref();
    Progress { starts, batches, is_original }
}

/// Replaces the file as a whole: a crash leaves the old one or the new one.
pub(super) fn write(folder: &Path, starts: i64, batches: i64) -> io::Result<()> {
    let part = folder.join("progress.part");
    // One that a crash left may be a restored one: what is written here is born here.
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = File::create_new(&part)?;
    let birth = birth(&file.metadata()?);
    writeln!(file, "{starts} {batches} {birth}")?;
    file.sync_all()?;
    std::fs::rename(&part, path(folder))?;
    File::open(folder)?.sync_all()
}

fn path(folder: &Path) -> PathBuf {
    folder.join("progress")
}

/// Inode and birth in nanoseconds; a file system that keeps no birth has the inode alone.
fn birth(metadata: &Metadata) -> String {
    let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanos = born.map_or(0, |born| born.as_nanos());
    format!("{}.{nanos}", inode(metadata))
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_a_copy_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), Progress::default());
        write(folder.path(), 3, 7).unwrap();
        let original = Progress { starts: 3, batches: 7, is_original: true };
        assert_eq!(read(folder.path()), original);
        let file = path(folder.path());
        std::fs::copy(&file, folder.path().join("backup")).unwrap();
        write(folder.path(), 4, 9).unwrap();
        // Over the newer one, and in its place.
        std::fs::copy(folder.path().join("backup"), &file).unwrap();
        assert_eq!(read(folder.path()), Progress { is_original: false, ..original });
        std::fs::rename(folder.path().join("backup"), &file).unwrap();
        assert_eq!(read(folder.path()), Progress { is_original: false, ..original });
    }
}
