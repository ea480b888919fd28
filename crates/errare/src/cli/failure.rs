//! Failures of a command, sorted by whom they concern: the exit code tells scripts what the message tells people.

use std::error::Error;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the user gave cannot be used: data, files, keys, names, a directory for the results. Nothing was written.
    /// Exit code 2.
    BadInput(Box<dyn Error>),
    /// It went wrong while running, as when a file of a directory that was claimed cannot be written. Exit code 1.
    Running(Box<dyn Error>),
    /// Whoever read our output has read enough. Exit code 0.
    NobodyListens,
}

impl Failure {
    /// Bad input, in words.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::BadInput(message.into().into())
    }

    /// The message for stderr, causes included; `None` when there is nothing to tell.
    pub(crate) fn message(&self) -> Option<String> {
        let (Self::BadInput(error) | Self::Running(error)) = self else { return None };
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            // Transparent errors, and those that quote their cause, have said it already.
            let text = error.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = error.source();
        }
        Some(message)
    }

    /// 0, 1 or 2.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::NobodyListens => 0,
            Self::Running(_) => 1,
            Self::BadInput(_) => 2,
        })
    }
}

/// Says at which stage a result belongs, since one library error may mean either.
pub(crate) trait Stage<T> {
    /// An error here is the user's to mend.
    fn or_bad_input(self) -> Result<T, Failure>;
    /// An error here happened while running.
    fn or_failed(self) -> Result<T, Failure>;
}

impl<T, E: Error + 'static> Stage<T> for Result<T, E> {
    fn or_bad_input(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::BadInput(error.into()))
    }

    fn or_failed(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Running(error.into()))
    }
}

/// A failure to print is a reader that left, or a disk that is full.
pub(crate) fn printing(error: std::io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        Failure::NobodyListens
    } else {
        Failure::Running(error.into())
    }
}
