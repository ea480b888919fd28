//! The log of a run, which grows in place.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::{Error, Result};

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

/// Reads the events of a log up to `step`: later ones, and a last line torn by a kill, are left out, as
/// [`EventLog::open_truncated_to`] would cut them off. The file stays as it is.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::Json`] with the line that holds no such event.
pub fn read_events<T: DeserializeOwned>(path: impl AsRef<Path>, step: u64) -> Result<Vec<T>> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    let whole = bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    whole
        .take_while(|line| step_of(line).is_none_or(|at| at <= step))
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|error| {
                let source = serde_json::Error::custom(format!("line {} is no event: {error}", index + 1));
                Error::Json { path: path.to_path_buf(), source }
            })
        })
        .collect()
}

/// The step of an event line; `None` when the line is no such thing.
fn step_of(line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(line).ok()?.get("step")?.as_u64()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

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
    fn events_are_read_up_to_a_step_and_damage_is_named() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Event {
            step: u64,
        }
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("events.jsonl");
        let text = "{\"step\":5}\n{\"step\":10}\n{\"step\":15}\n{\"st";
        fs::write(&path, text).unwrap();
        let steps = |step| -> Vec<u64> {
            read_events::<Event>(&path, step).unwrap().iter().map(|event| event.step).collect()
        };
        assert_eq!((steps(10), steps(0), steps(99)), (vec![5, 10], vec![], vec![5, 10, 15]));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        fs::write(&path, text.replace("10}", "10")).unwrap();
        let error = read_events::<Event>(&path, 99).unwrap_err().to_string();
        assert!(error.contains("events.jsonl: line 2 is no event"), "{error}");
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
