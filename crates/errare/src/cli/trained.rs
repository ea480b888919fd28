//! The run of a trained network as what a command works on, and where its results go.

use std::path::Path;

use errare::core::Error;
use errare::core::provenance::Provenance;
use errare::core::run_dir::RunDir;
use errare::network::EXPERIMENT;
use errare::pipeline::RUN;

use super::Context;
use super::failure::Failure;

/// Refuses a path that is no run directory.
pub(crate) fn check_run(run: &Path) -> Result<(), Failure> {
    if run.join(EXPERIMENT).exists() {
        return Ok(());
    }
    Err(Failure::bad_input(format!("{} is no run directory: it holds no {EXPERIMENT}", run.display())))
}

/// Where the results of a command on a run go: to `--out`, or without it into the run itself.
pub(crate) struct Place<'a> {
    context: &'a Context,
    kind: &'static str,
    path: &'a Path,
    /// The run, where results go into it: nobody trains or writes there meanwhile.
    _run: Option<RunDir>,
}

impl<'a> Place<'a> {
    /// Refuses, before work is spent, a run that is none and a place that holds or is being given other results.
    pub(crate) fn of(context: &'a Context, run: &'a Path, kind: &'static str) -> Result<Self, Failure> {
        check_run(run)?;
        context.check_out(kind)?;
        if let Some(out) = &context.out {
            return Ok(Self { context, kind, path: out, _run: None });
        }
        let claimed = RunDir::claim(run, RUN).map_err(|error| match error {
            Error::DirectoryBusy { .. } => {
                Failure::bad_input(format!("{error}: wait for it, or add --out DIR for the results"))
            }
            _ => Failure::BadInput(error.into()),
        })?;
        Ok(Self { context, kind, path: run, _run: Some(claimed) })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// Writes results: claims `--out` for them, if there is one. `write` also gets the record of this session.
    pub(crate) fn fill(
        &self,
        write: impl FnOnce(&Path, &Provenance) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self.context.claim_out(self.kind, vec![])? {
            Some(claimed) => {
                write(self.path, &claimed.provenance)?;
                claimed.end()
            }
            None => write(self.path, &self.context.provenance(self.kind, vec![])),
        }
    }
}
