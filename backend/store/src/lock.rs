//! One process per SQLite file. Two would each believe that its change feed and its memory are the whole truth.

use std::{
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use crate::error::StoreError;

/// The lock; released when dropped, also when the process dies.
#[derive(Debug)]
pub struct ProcessLock {
    _file: File,
}

impl ProcessLock {
    /// Takes the lock beside a database file and leaves this process's id in it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it.
    pub fn take(database: &Path) -> Result<Self, StoreError> {
        let path = database.with_extension("lock");
        let fault = |source| StoreError::File { path: path.display().to_string(), source };
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let holder = match file.read_to_string(&mut pid) {
                    Ok(_) if !pid.trim().is_empty() => format!(" (pid {})", pid.trim()),
                    _ => String::new(),
                };
                return Err(StoreError::InUse { path: database.display().to_string(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .and_then(|()| file.sync_all())
            .map_err(fault)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("hanse.db");
        let first = ProcessLock::take(&database).unwrap();
        let error = ProcessLock::take(&database).unwrap_err().to_string();
        assert!(error.contains("hanse.db") && error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        ProcessLock::take(&database).unwrap();
    }
}
