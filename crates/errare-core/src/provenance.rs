//! Provenance: what made a run, in `provenance.json`, so that a figure can be traced to its inputs.
//!
//! Written when a run starts, and again with the end time when it ends. It names no machine, user or folder beyond
//! the arguments that were typed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::run_dir::{PROVENANCE_FILE, RunDir, read_json};

/// The program that made a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Release, such as `0.1.0`.
    pub version: String,
    /// Commit of the source it was compiled from; `unknown` when compiled outside a repository.
    pub commit: String,
}

impl Build {
    /// This release, compiled from `commit`.
    #[must_use]
    pub fn new(commit: Option<&str>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit.filter(|commit| !commit.is_empty()).unwrap_or("unknown").to_owned(),
        }
    }
}

/// A table that a run was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Name of a bundled set, or file name.
    pub name: String,
    /// BLAKE3 hash of the file's bytes, in hexadecimal.
    pub blake3: String,
    /// Number of trials used.
    pub rows: usize,
}

impl DataIdentity {
    /// Identifies data by the bytes of its file; of a path, only the file name is kept.
    #[must_use]
    pub fn new(name: &str, bytes: &[u8], rows: usize) -> Self {
        Self::hashed(name, blake3::hash(bytes), rows)
    }

    /// Identifies a file as [`new`](Self::new), without holding it in memory.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when it cannot be read.
    pub fn of_file(path: impl AsRef<Path>, rows: usize) -> crate::Result<Self> {
        let path = path.as_ref();
        let mut hasher = blake3::Hasher::new();
        std::fs::File::open(path)
            .and_then(|file| hasher.update_reader(file).map(drop))
            .map_err(|source| crate::Error::Io { path: path.to_owned(), source })?;
        Ok(Self::hashed(&path.to_string_lossy(), hasher.finalize(), rows))
    }

    fn hashed(name: &str, hash: blake3::Hash, rows: usize) -> Self {
        let name = Path::new(name).file_name().map_or(name.into(), |name| name.to_string_lossy());
        Self { name: name.into_owned(), blake3: hash.to_hex().to_string(), rows }
    }
}

/// One uninterrupted stretch of work on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The program.
    #[serde(flatten)]
    pub build: Build,
    /// The command line, the program's name without its folder first.
    pub command_line: Vec<String>,
    /// Number of threads, which changes no result.
    pub threads: usize,
    /// When it began (UTC, RFC 3339).
    pub started: String,
    /// When it was done; `None` while running, or when killed.
    pub ended: Option<String>,
}

impl Session {
    /// A session that begins now.
    #[must_use]
    pub fn begin(build: Build, command_line: impl IntoIterator<Item = String>, threads: usize) -> Self {
        let mut command_line: Vec<String> = command_line.into_iter().collect();
        if let Some(program) = command_line.first_mut()
            && let Some(name) = Path::new(program.as_str()).file_stem()
        {
            *program = name.to_string_lossy().into_owned();
        }
        Self { build, command_line, threads, started: now(), ended: None }
    }
}

/// What made a run; the contents of `provenance.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What the directory holds, such as `fit`; a directory is reused for its own kind only.
    pub kind: String,
    /// The session that began the run.
    #[serde(flatten)]
    pub session: Session,
    /// Seed of every random stream.
    pub seed: u64,
    /// The tables it was made from.
    pub data: Vec<DataIdentity>,
    /// Later sessions that went on with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Session>,
}

impl Provenance {
    /// A run of `kind` that begins with `session`.
    #[must_use]
    pub fn new(kind: &str, session: Session, seed: u64, data: Vec<DataIdentity>) -> Self {
        Self { kind: kind.to_owned(), session, seed, data, resumed: Vec::new() }
    }

    /// Notes that `session` goes on with the run.
    pub fn resume(&mut self, session: Session) {
        self.resumed.push(session);
    }

    /// Notes that the session under way is done.
    pub fn end(&mut self) {
        self.resumed.last_mut().unwrap_or(&mut self.session).ended = Some(now());
    }

    /// Writes `provenance.json` into a run directory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, dir: &RunDir) -> Result<()> {
        dir.write_json(PROVENANCE_FILE, self)
    }

    /// Reads `provenance.json` of a run directory.
    ///
    /// # Errors
    /// When the file is missing or is no provenance.
    pub fn read(dir: impl AsRef<Path>) -> Result<Self> {
        read_json(dir.as_ref().join(PROVENANCE_FILE))
    }
}

/// The present second (UTC, RFC 3339).
fn now() -> String {
    let now = jiff::Timestamp::now();
    // Rounding fails only at the ends of jiff's range of years.
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::begin(Build::new(None), ["/opt/bin/errare", "fit", "x.csv"].map(String::from), 2)
    }

    #[test]
    fn every_promised_key_is_there() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = RunDir::claim(scratch.path(), "fit").unwrap();
        let data = DataIdentity::new("/home/someone/x.csv", b"abc", 3);
        let mut provenance = Provenance::new("fit", session(), 7, vec![data]);
        provenance.write(&dir).unwrap();
        let value: serde_json::Value = read_json(dir.file(PROVENANCE_FILE)).unwrap();
        assert_eq!(value["kind"], "fit");
        assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(value["commit"], "unknown");
        assert_eq!(value["command_line"], serde_json::json!(["errare", "fit", "x.csv"]));
        assert_eq!((&value["seed"], &value["threads"]), (&7.into(), &2.into()));
        assert_eq!(value["data"][0]["name"], "x.csv");
        // The first value of BLAKE3's published test for "abc".
        assert!(value["data"][0]["blake3"].as_str().unwrap().starts_with("6437b3ac38465133"));
        assert_eq!(value["data"][0]["rows"], 3);
        assert!(value["started"].as_str().unwrap().ends_with('Z'));
        assert!(value["ended"].is_null());
        provenance.end();
        provenance.write(&dir).unwrap();
        assert_eq!(Provenance::read(dir.path()).unwrap(), provenance);
        assert!(provenance.session.ended >= Some(provenance.session.started.clone()));
    }

    #[test]
    fn the_session_under_way_is_the_one_that_ends() {
        let mut provenance = Provenance::new("train", session(), 1, Vec::new());
        provenance.resume(session());
        provenance.end();
        assert_eq!(provenance.session.ended, None);
        assert!(provenance.resumed[0].ended.is_some());
    }
}
