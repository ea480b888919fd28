//! The run of a trained network as what a command works on, and where its results go.

use std::path::Path;

use errare::core::Error;
use errare::core::provenance::Provenance;
use errare::core::run_dir::RunDir;
use errare::network::EXPERIMENT;
use errare::pipeline::RUN;

use super::Context;
use super::failure::{Failure, Stage};

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
    /// The run and its record, where results go into it: nobody trains or writes there meanwhile.
    run: Option<(RunDir, Provenance)>,
}

impl<'a> Place<'a> {
    /// Refuses, before work is spent, a run that is none and a place that holds or is being given other results.
    pub(crate) fn of(context: &'a Context, run: &'a Path, kind: &'static str) -> Result<Self, Failure> {
        check_run(run)?;
        context.check_out(kind)?;
        if let Some(out) = &context.out {
            return Ok(Self { context, kind, path: out, run: None });
        }
        let claimed = RunDir::claim(run, RUN).map_err(|error| match error {
            Error::DirectoryBusy { .. } => {
                Failure::bad_input(format!("{error}: wait for it, or add --out DIR for the results"))
            }
            _ => Failure::BadInput(error.into()),
        })?;
        let record = Provenance::read(run).or_bad_input()?;
        Ok(Self { context, kind, path: run, run: Some((claimed, record)) })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// Writes results: claims `--out` for them, if there is one, or else notes this session in the record of the run.
    /// `write` also gets the record of this session alone.
    pub(crate) fn fill(
        &mut self,
        write: impl FnOnce(&Path, &Provenance) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Some(claimed) = self.context.claim_out(self.kind, vec![])? {
            write(self.path, &claimed.provenance)?;
            return claimed.end();
        }
        write(self.path, &self.context.provenance(self.kind, vec![]))?;
        if let Some((run, record)) = &mut self.run {
            record.resume(self.context.session.clone());
            record.end();
            record.write(run).or_failed()?;
        }
        Ok(())
    }
}
