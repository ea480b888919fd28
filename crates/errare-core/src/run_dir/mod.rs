//! Run directories: whole files or none, one kind of run a directory, one writer at a time.
//!
//! Everything errare leaves on disk passes through here. Files are written beside their final name and
//! renamed, so a kill leaves either the old file or the new one; `events.jsonl` alone grows in place, and is cut
//! back to the checkpoint when a run resumes.

mod atomic;
mod events;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{Error, Result};

use atomic::TEMPORARY;
pub use atomic::{AtomicFile, read_json, write_atomic, write_json};
pub use events::{EventLog, read_events};

/// Name of the file that tells what made a run.
pub const PROVENANCE_FILE: &str = "provenance.json";

/// Held locked by the process that writes to a directory; carries no data.
const LOCK_FILE: &str = ".lock";
/// How deep the folders of a directory are that files are written to, such as `fits/1`.
const DEEPEST_FOLDER: usize = 2;

/// A directory that this process writes a run into; other processes are kept out while it lives.
///
/// What a directory holds is told by the `kind` in its `provenance.json`.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    continued: bool,
    /// Dropping the file releases the lock.
    _lock: File,
}

impl RunDir {
    /// Claims `path` for a run of `kind`, such as `"fit"`, creating the directory where there is none.
    ///
    /// An empty directory is taken; one that holds a run of the same kind is taken over, and its files are
    /// replaced as they are written. Temporary files that a killed process left are removed, from its folders too.
    ///
    /// # Errors
    /// As [`RunDir::check`]; [`Error::DirectoryBusy`] while another process writes there; [`Error::Io`].
    pub fn claim(path: impl AsRef<Path>, kind: &str) -> Result<Self> {
        let path = path.as_ref();
        Self::check(path, kind)?;
        let fail = |source| Error::Io { path: path.to_path_buf(), source };
        fs::create_dir_all(path).map_err(fail)?;
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::DirectoryBusy { path: path.to_path_buf() }),
            // Some network file systems have no locks; the run is then as safe as its user is careful.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        // Again, now that nobody else can change it.
        let continued = Self::check(path, kind)?;
        remove_unfinished(path, DEEPEST_FOLDER)?;
        Ok(Self { path: path.to_path_buf(), continued, _lock: lock })
    }

    /// Whether `path` already holds a run of `kind`; `false` when it is free. Changes nothing on disk.
    ///
    /// # Errors
    /// [`Error::NotADirectory`] when `path` is a file, [`Error::DirectoryTaken`] when it holds anything else.
    pub fn check(path: impl AsRef<Path>, kind: &str) -> Result<bool> {
        let path = path.as_ref();
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(Error::NotADirectory { path: path.to_path_buf() });
            }
            Err(source) => return Err(Error::Io { path: path.to_path_buf(), source }),
        };
        let mut empty = true;
        for entry in entries {
            let entry = entry.map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
            empty &= is_bookkeeping(&entry.file_name());
        }
        if empty {
            return Ok(false);
        }
        let held = Self::kind_of(path);
        if held.as_deref() == Some(kind) {
            return Ok(true);
        }
        let holds = held.map_or_else(|| "other files".to_owned(), |held| in_words(&held));
        Err(Error::DirectoryTaken { path: path.to_path_buf(), holds, wanted: in_words(kind) })
    }

    /// The kind of run in `path`, from its `provenance.json`; `None` when there is none to read.
    #[must_use]
    pub fn kind_of(path: impl AsRef<Path>) -> Option<String> {
        let provenance: serde_json::Value = read_json(path.as_ref().join(PROVENANCE_FILE)).ok()?;
        Some(provenance.get("kind")?.as_str()?.to_owned())
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file inside.
    #[must_use]
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Whether the directory held a run of the same kind before it was claimed.
    #[must_use]
    pub fn continued(&self) -> bool {
        self.continued
    }

    /// [`write_atomic`] to a file inside.
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
        write_atomic(self.file(name), bytes)
    }

    /// [`write_json`] to a file inside.
    ///
    /// # Errors
    /// As [`write_json`].
    pub fn write_json(&self, name: impl AsRef<Path>, value: &impl Serialize) -> Result<()> {
        write_json(self.file(name), value)
    }

    /// Removes a file inside, if it is there: what an earlier run left and this one will not replace.
    ///
    /// # Errors
    /// [`Error::Io`] when the file is there and cannot be removed.
    pub fn remove(&self, name: impl AsRef<Path>) -> Result<()> {
        remove(self.file(name))
    }

    /// Removes the drawings and tables in `figures`, before a run whose figures may be others writes its own.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be read or a file cannot be removed.
    pub fn remove_figures(&self) -> Result<()> {
        let folder = self.file("figures");
        let fail = |source| Error::Io { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let path = entry.map_err(fail)?.path();
            if path.extension().is_some_and(|ending| ending == "svg" || ending == "csv") {
                remove(path)?;
            }
        }
        Ok(())
    }
}

/// Removes a file, if it is there.
///
/// # Errors
/// [`Error::Io`] when the file is there and cannot be removed.
pub fn remove(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(Error::Io { path: path.into(), source }),
        _ => Ok(()),
    }
}

/// Removes unfinished files from a directory and from folders inside, down to a depth. A folder with a lock is a directory
/// of results by itself, where another process may be writing; links are not followed.
fn remove_unfinished(folder: &Path, depth: usize) -> Result<()> {
    let fail = |source| Error::Io { path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let path = entry.path();
        if entry.file_type().map_err(fail)?.is_dir() {
            if depth > 0 && !path.join(LOCK_FILE).exists() {
                remove_unfinished(&path, depth - 1)?;
            }
        } else if is_unfinished(&entry.file_name()) {
            remove(path)?;
        }
    }
    Ok(())
}

/// Whether a name is one that [`AtomicFile`] gives to a file that is not yet complete.
fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(TEMPORARY))
}

/// Whether a directory entry is ours but holds no results: the lock, or an unfinished file.
fn is_bookkeeping(name: &std::ffi::OsStr) -> bool {
    name == LOCK_FILE || is_unfinished(name)
}

/// A kind of results as messages call it: `a fit`, `an analysis`, `the run of a network`.
fn in_words(kind: &str) -> String {
    match kind {
        "run" => "the run of a network".to_owned(),
        "surrogate" => "surrogate trials".to_owned(),
        _ if kind.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// Names of what is in a directory, sorted.
#[cfg(test)]
fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_directory_belongs_to_one_kind_of_run() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run");
        let dir = RunDir::claim(&path, "fit").unwrap();
        assert!(!dir.continued());
        dir.write_json(PROVENANCE_FILE, &json!({"kind": "fit"})).unwrap();
        drop(dir);
        assert!(RunDir::claim(&path, "fit").unwrap().continued());
        for (kind, words) in
            [("run", "the run of a network"), ("analysis", "an analysis"), ("surrogate", "surrogate trials")]
        {
            let error = RunDir::claim(&path, kind).unwrap_err().to_string();
            assert!(error.contains("holds a fit: ") && error.ends_with(&format!(" for {words}")), "{error}");
        }
    }

    #[test]
    fn foreign_files_are_refused_and_untouched() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("thesis.txt"), "precious").unwrap();
        let error = RunDir::claim(scratch.path(), "fit").unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        assert_eq!(names(scratch.path()), ["thesis.txt"]);
        let error = RunDir::claim(scratch.path().join("thesis.txt"), "fit").unwrap_err().to_string();
        assert!(error.contains("is a file"), "{error}");
    }

    #[test]
    fn what_a_kill_left_counts_as_empty_and_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join(".provenance.json.77-0.tmp"), "{\"ki").unwrap();
        let dir = RunDir::claim(scratch.path(), "fit").unwrap();
        assert_eq!(names(dir.path()), [LOCK_FILE]);
    }

    #[test]
    fn what_a_kill_left_in_folders_is_removed_but_nothing_of_other_runs() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = RunDir::claim(scratch.path(), "run").unwrap();
        dir.write_json(PROVENANCE_FILE, &json!({"kind": "run"})).unwrap();
        let inner = RunDir::claim(dir.file("network"), "run").unwrap();
        for name in
            ["fits/1/.fit.json.1-0.tmp", "start/.checkpoint.1-1.tmp", "fits/1/fit.json", "fits/1/a.tmp"]
        {
            dir.write(name, b"x").unwrap();
        }
        inner.write(".checkpoint.2-0.tmp", b"being written").unwrap();
        drop(dir);
        let dir = RunDir::claim(scratch.path(), "run").unwrap();
        assert_eq!(names(&dir.file("fits/1")), ["a.tmp", "fit.json"]);
        assert!(names(&dir.file("start")).is_empty());
        assert_eq!(names(inner.path()), [".checkpoint.2-0.tmp", LOCK_FILE]);
    }

    #[test]
    fn figures_of_an_earlier_run_go_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = RunDir::claim(scratch.path(), "fit").unwrap();
        dir.remove_figures().unwrap();
        for name in ["figures/a.svg", "figures/a.csv", "figures/notes.txt", "fits.csv"] {
            dir.write(name, b"x").unwrap();
        }
        dir.remove_figures().unwrap();
        assert_eq!(names(&dir.file("figures")), ["notes.txt"]);
        assert!(dir.file("fits.csv").exists());
    }

    #[test]
    fn one_writer_at_a_time() {
        let scratch = tempfile::tempdir().unwrap();
        let first = RunDir::claim(scratch.path(), "fit").unwrap();
        assert!(matches!(RunDir::claim(scratch.path(), "fit"), Err(Error::DirectoryBusy { .. })));
        drop(first);
        RunDir::claim(scratch.path(), "fit").unwrap();
    }
}
