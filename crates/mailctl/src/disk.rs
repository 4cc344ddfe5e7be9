//! Failures of the disk, and what is done to it durably.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// A file or folder that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DiskError {
    #[error("the disk is full: cannot {doing} {}: {source}", path.display())]
    Full { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("stopped before the disk had done its work")]
    Stopped,
}

/// Names the file and the deed in an I/O error.
pub(crate) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    move |source| {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DiskError::Full { doing, path, source },
            _ => DiskError::Io { doing, path, source },
        }
    }
}

/// Makes the folder, readable by its owner alone, with those above it. True if it was not there before.
pub(crate) fn make_folder(path: &Path) -> Result<bool, DiskError> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("create the folder", path))?;
    Ok(true)
}

/// Makes the names in a folder durable: what was created, renamed and removed in it.
pub(crate) fn sync_folder(path: &Path) -> Result<(), DiskError> {
    // Folders can be opened and synced on Unix alone; elsewhere the file system journals its names by itself.
    if cfg!(unix) {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("sync the folder", path))?;
    }
    Ok(())
}

/// A new file that only its owner can read.
pub(crate) fn create_new(path: &Path) -> Result<File, DiskError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(failed("create", path))
}
