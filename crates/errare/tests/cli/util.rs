//! Running the command in a scratch folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The outcome of one run of the command.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().expect("not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Outcome {
    /// The document of a run with `--json` that succeeded.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("stdout is one JSON document")
    }

    /// Asserts that the run refused bad input in one message that contains every one of `parts`.
    #[track_caller]
    pub(crate) fn refused(&self, parts: &[&str]) {
        assert_eq!(self.code, 2, "stdout {:?}, stderr {:?}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert_eq!(self.stderr.matches("error:").count(), 1, "one message: {}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing from {:?}", self.stderr);
        }
    }
}

/// A scratch folder to run in.
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, [])
    }

    /// Runs with these bytes coming in by a pipe.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: impl Into<Vec<u8>>) -> Outcome {
        let output = assert_cmd::Command::cargo_bin("errare")
            .unwrap()
            .current_dir(self.folder.path())
            .args(arguments)
            .write_stdin(stdin)
            .output()
            .unwrap();
        output.into()
    }

    /// Runs with the reading end of its output closed before it writes anything.
    pub(crate) fn run_without_reader(&self, arguments: &[&str]) -> Outcome {
        let mut child = Command::new(env!("CARGO_BIN_EXE_errare"))
            .current_dir(self.folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.wait_with_output().unwrap().into()
    }
}

/// A table that may not be redistributed; `None`, with a message, where the machine does not have it.
#[expect(clippy::print_stdout, reason = "the test runner shows it")]
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ERRARE_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {name} is not there; set ERRARE_SHARED_DATA to the folder that holds it");
    None
}
