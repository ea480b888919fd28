//! Run directories: whole files or none, one kind of run a directory, one writer at a time.
//!
//! Everything errare leaves on disk passes through here. Files are written beside their final name and
//! renamed, so a kill leaves either the old file or the new one; `events.jsonl` alone grows in place, and is cut
//! back to the checkpoint when a run resumes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Name of the file that tells what made a run.
pub const PROVENANCE_FILE: &str = "provenance.json";

/// Held locked by the process that writes to a directory; carries no data.
const LOCK_FILE: &str = ".lock";
/// Ending of files that are not yet complete.
const TEMPORARY: &str = ".tmp";

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
    /// replaced as they are written. Temporary files that a killed process left are removed.
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
        for entry in fs::read_dir(path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            if is_bookkeeping(&entry.file_name()) && entry.file_name() != LOCK_FILE {
                fs::remove_file(entry.path()).map_err(fail)?;
            }
        }
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
        let holds = held.map_or_else(|| "other files".to_owned(), |held| format!("a run of `{held}`"));
        Err(Error::DirectoryTaken { path: path.to_path_buf(), holds, wanted: kind.to_owned() })
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
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(Error::Io { path, source }),
            _ => Ok(()),
        }
    }
}

/// Whether a directory entry is ours but holds no results: the lock, or an unfinished file.
fn is_bookkeeping(name: &std::ffi::OsStr) -> bool {
    name == LOCK_FILE || name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(TEMPORARY))
}

/// The growing log of a run, `events.jsonl`: one JSON object a line, each with its `step`.
///
/// Events hold no times, so that a resumed run leaves the same bytes as one that was never stopped. Steps must
/// not decrease.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
}

impl EventLog {
    /// Starts an empty log, replacing any file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be created.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    /// Opens a log to go on after `step`: lines of later steps, and a line torn by a kill, are cut off.
    ///
    /// A missing file is started empty.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read or cut.
    pub fn open_truncated_to(path: impl AsRef<Path>, step: u64) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let open = || {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            let mut reader = BufReader::new(&file);
            let (mut kept, mut line) = (0u64, Vec::new());
            loop {
                line.clear();
                let length = reader.read_until(b'\n', &mut line)?;
                if length == 0 || !line.ends_with(b"\n") || step_of(&line).is_none_or(|at| at > step) {
                    break;
                }
                kept += length as u64;
            }
            file.set_len(kept)?;
            let mut file = file;
            file.seek(SeekFrom::Start(kept))?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(Error::Io { path, source }),
        }
    }

    /// Appends one event, an object, as one line that starts with its step.
    ///
    /// # Errors
    /// [`Error::Json`] when `event` is no object, [`Error::Io`] when writing fails.
    pub fn append(&mut self, step: u64, event: &impl Serialize) -> Result<()> {
        #[derive(Serialize)]
        struct Line<'a, T> {
            step: u64,
            #[serde(flatten)]
            event: &'a T,
        }
        let mut line = serde_json::to_vec(&Line { step, event })
            .map_err(|source| Error::Json { path: self.path.clone(), source })?;
        line.push(b'\n');
        // One call a line: whoever follows the file sees whole lines.
        self.file.write_all(&line).map_err(|source| Error::Io { path: self.path.clone(), source })
    }

    /// Flushes the log to the disk; call it before writing the checkpoint it belongs to.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

/// The step of an event line; `None` when the line is no such thing.
fn step_of(line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(line).ok()?.get("step")?.as_u64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

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

    #[test]
    fn a_directory_belongs_to_one_kind_of_run() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run");
        let dir = RunDir::claim(&path, "fit").unwrap();
        assert!(!dir.continued());
        dir.write_json(PROVENANCE_FILE, &json!({"kind": "fit"})).unwrap();
        drop(dir);
        assert!(RunDir::claim(&path, "fit").unwrap().continued());
        let error = RunDir::claim(&path, "train").unwrap_err().to_string();
        assert!(error.contains("a run of `fit`") && error.contains("train"), "{error}");
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
    fn one_writer_at_a_time() {
        let scratch = tempfile::tempdir().unwrap();
        let first = RunDir::claim(scratch.path(), "fit").unwrap();
        assert!(matches!(RunDir::claim(scratch.path(), "fit"), Err(Error::DirectoryBusy { .. })));
        drop(first);
        RunDir::claim(scratch.path(), "fit").unwrap();
    }

    #[test]
    fn a_resumed_log_equals_an_uninterrupted_one() {
        let scratch = tempfile::tempdir().unwrap();
        let (whole, resumed) = (scratch.path().join("whole.jsonl"), scratch.path().join("resumed.jsonl"));
        let event = |step: u64| json!({"loss": 1.0 / step as f64, "event": "step"});
        let mut log = EventLog::create(&whole).unwrap();
        for step in (10..=100).step_by(10) {
            log.append(step, &event(step)).unwrap();
        }
        let mut log = EventLog::create(&resumed).unwrap();
        for step in (10..=70).step_by(10) {
            log.append(step, &event(step)).unwrap();
        }
        // Killed in the middle of a line, the last checkpoint being of step 50.
        log.file.write_all(b"{\"step\":80,\"lo").unwrap();
        drop(log);
        let mut log = EventLog::open_truncated_to(&resumed, 50).unwrap();
        for step in (60..=100).step_by(10) {
            log.append(step, &event(step)).unwrap();
        }
        log.sync().unwrap();
        assert_eq!(fs::read(&whole).unwrap(), fs::read(&resumed).unwrap());
        let first = fs::read_to_string(&whole).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(first, r#"{"step":10,"loss":0.1,"event":"step"}"#);
    }

    #[test]
    fn a_log_can_be_cut_to_nothing_and_takes_objects_only() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("events.jsonl");
        let mut log = EventLog::open_truncated_to(&path, 5).unwrap();
        log.append(1, &json!({"loss": 2})).unwrap();
        assert!(matches!(log.append(2, &3.0), Err(Error::Json { .. })));
        EventLog::open_truncated_to(&path, 0).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
