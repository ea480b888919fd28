//! Files that appear whole under their name, or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Ending of files that are not yet complete.
pub(super) const TEMPORARY: &str = ".tmp";

/// Writes `bytes` to `path` so that the file is complete or was never touched; see [`AtomicFile`].
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|source| Error::Io { path: file.path.clone(), source })?;
    file.commit()
}

/// A file that grows under a temporary name and appears under its own only when it is complete.
///
/// A temporary file beside `path` is written, flushed to the disk and renamed over it; the directory is flushed as
/// well, so that the rename survives a power cut. Dropped without [`commit`](Self::commit), it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    parent: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    committed: bool,
}

impl AtomicFile {
    /// Begins the file; missing parent directories are created.
    ///
    /// # Errors
    /// [`Error::Io`] when the path names no file or its directory cannot be written to.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let path = path.as_ref();
        let fail = |source| Error::Io { path: path.to_path_buf(), source };
        let name = path
            .file_name()
            .ok_or_else(|| fail(std::io::Error::new(ErrorKind::InvalidInput, "this path names no file")))?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(fail)?;
        // Process and counter make the name unique, so that two writers of one file cannot mix their bytes.
        let mut temporary_name = OsString::from(".");
        temporary_name.push(name);
        temporary_name.push(format!(
            ".{}-{}{TEMPORARY}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        ));
        let temporary = parent.join(temporary_name);
        let file = BufWriter::new(File::create(&temporary).map_err(fail)?);
        Ok(Self { path: path.to_path_buf(), parent: parent.to_path_buf(), temporary, file, committed: false })
    }

    /// Gives the complete file its name.
    ///
    /// # Errors
    /// [`Error::Io`] when a step fails; the temporary file is then removed.
    pub fn commit(mut self) -> Result<()> {
        let committed = (|| {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.temporary, &self.path)?;
            self.committed = true;
            sync_directory(&self.parent)
        })();
        committed.map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing more can be done when removing fails too.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Flushes a directory's entries to the disk, where the system allows opening directories.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Writes a value as indented JSON with a final line break, atomically.
///
/// # Errors
/// [`Error::Json`] when the value has no JSON form, [`Error::Io`] as [`write_atomic`].
pub fn write_json(path: impl AsRef<Path>, value: &impl Serialize) -> Result<()> {
    let path = path.as_ref();
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|source| Error::Json { path: path.to_path_buf(), source })?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

/// Reads a value from a JSON file.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::Json`] with line and column when it does not hold
/// the value.
pub fn read_json<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::names;
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("deep/er/file.txt");
        write_atomic(&path, b"a long first version").unwrap();
        write_atomic(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(names(path.parent().unwrap()), ["file.txt"]);
    }

    #[test]
    fn a_failed_write_names_the_file_and_cleans_up() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("taken");
        fs::create_dir_all(path.join("inside")).unwrap();
        let error = write_atomic(&path, b"x").unwrap_err().to_string();
        assert!(error.contains("taken"), "{error}");
        assert_eq!(names(scratch.path()), ["taken"]);
    }

    #[test]
    fn concurrent_writers_never_mix() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        std::thread::scope(|scope| {
            for letter in b'a'..=b'd' {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..5 {
                        write_atomic(path, &vec![letter; 40_000]).unwrap();
                    }
                });
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 40_000);
        assert!(bytes.iter().all(|&byte| byte == bytes[0]));
    }

    #[test]
    fn json_round_trips_and_errors_name_line_and_column() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("value.json");
        let value = json!({"b": 0.1, "a": [1, null]});
        write_json(&path, &value).unwrap();
        assert_eq!(read_json::<serde_json::Value>(&path).unwrap(), value);
        assert!(fs::read_to_string(&path).unwrap().ends_with("}\n"));
        fs::write(&path, "{\n  \"a\": }").unwrap();
        let error = read_json::<serde_json::Value>(&path).unwrap_err().to_string();
        assert!(error.contains("value.json") && error.contains("line 2"), "{error}");
    }
}
