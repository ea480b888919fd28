//! Fitting one behaviour model to every group of a table: trials → behaviour, as `errare fit` and the pipelines do it.

use std::sync::atomic::{AtomicU64, Ordering};

use errare_behaviour::{Fit, FitOptions, GroupKey, ModelName, Observations, Result, TrialTable, fit};
use errare_core::progress::Progress;
use rayon::prelude::*;

/// Fits `model` to each group of trials of `table`, split by `keys`; the labels of the groups are filled in.
///
/// Groups come in the order of [`TrialTable::group_by`] and are fitted in parallel; the fits do not depend on the number
/// of threads.
///
/// # Errors
/// Those of [`fit`], of the first group that has one.
pub fn fit_groups(
    table: &TrialTable,
    keys: &[GroupKey],
    model: ModelName,
    options: &FitOptions,
    progress: &Progress,
) -> Result<Vec<Fit>> {
    let groups = table.group_by(keys);
    let bar = progress.bar("fitting", groups.len() as u64);
    let done = AtomicU64::new(0);
    let fits: Vec<Result<Fit>> = groups
        .par_iter()
        .map(|group| {
            let trials = group.table.trials().iter().map(|trial| (&trial.display, trial.response));
            let mut fitted = fit(&Observations::new(trials)?, model, options)?;
            fitted.participant = group.participant.as_deref().map(str::to_owned);
            fitted.condition = group.condition.as_deref().map(str::to_owned);
            bar.set(done.fetch_add(1, Ordering::Relaxed) + 1, &fitted.label());
            Ok(fitted)
        })
        .collect();
    fits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use errare_behaviour::data::load_bundled;

    use super::*;

    #[test]
    fn groups_are_labelled_and_do_not_depend_on_the_threads() {
        let table = load_bundled("simulated_probe_effect").unwrap().filter("set_size", "4").unwrap();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let keys = [GroupKey::Condition, GroupKey::SetSize];
            let model = ModelName::ThreeComponent;
            pool.install(|| fit_groups(&table, &keys, model, &FitOptions::default(), &Progress::silent()))
        };
        let fits = with(1).unwrap();
        assert_eq!(fits, with(3).unwrap());
        let labels: Vec<_> = fits.iter().map(Fit::label).collect();
        assert_eq!(labels, ["condition distance, set size 4", "condition flat, set size 4"]);
    }
}
