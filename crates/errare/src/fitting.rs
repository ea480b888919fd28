//! Fitting one behaviour model to every group of a table: trials → behaviour, as `errare fit` and the pipelines do it.

use std::sync::atomic::{AtomicU64, Ordering};

use errare_behaviour::{
    Fit, FitOptions, Group, GroupKey, ModelName, Observations, Participants, Result, Shrinkage, TrialTable,
    fit, fit_participants, shrinkage,
};
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
            let fitted = Fit {
                participant: group.participant.as_deref().map(str::to_owned),
                condition: group.condition.as_deref().map(str::to_owned),
                ..fit(&Observations::try_from(&group.table)?, model, options)?
            };
            bar.set(done.fetch_add(1, Ordering::Relaxed) + 1, &fitted.label());
            Ok(fitted)
        })
        .collect();
    fits.into_iter().collect()
}

/// Fits the participants of each group of trials of `table`, split by `keys`, together: for each group what its
/// participants share, then every one of them; and how far they shrink, compared with fits of each alone.
///
/// # Errors
/// Those of [`fit_participants`], of the first group that has one.
pub fn fit_together(
    table: &TrialTable,
    keys: &[GroupKey],
    model: ModelName,
    options: &FitOptions,
    participants: Participants,
    progress: &Progress,
) -> Result<(Vec<Fit>, Vec<Shrinkage>)> {
    let groups = table.group_by(keys);
    let bar = progress.bar("fitting", groups.len() as u64);
    let done = AtomicU64::new(0);
    let fits: Vec<Result<(Vec<Fit>, Vec<Shrinkage>)>> = groups
        .par_iter()
        .map(|group| {
            let people = group.table.group_by(&[GroupKey::Participant]);
            let trials: Vec<(String, Observations)> = people
                .iter()
                .map(|person: &Group| {
                    let name = person.participant.as_deref().unwrap_or_default().to_owned();
                    Ok((name, Observations::try_from(&person.table)?))
                })
                .collect::<Result<_>>()?;
            let mut together = fit_participants(&trials, model, options, participants)?;
            let condition = group.condition.as_deref().map(str::to_owned);
            together.iter_mut().for_each(|fit| fit.condition.clone_from(&condition));
            let separate: Vec<Fit> =
                trials.par_iter().map(|(_, own)| fit(own, model, options)).collect::<Result<_>>()?;
            bar.set(done.fetch_add(1, Ordering::Relaxed) + 1, &together[0].label());
            let shrinkage = shrinkage(&together, &separate);
            Ok((together, shrinkage))
        })
        .collect();
    let (mut all, mut shrunk) = (Vec::new(), Vec::new());
    for group in fits {
        let (fits, shrinkage) = group?;
        all.extend(fits);
        shrunk.extend(shrinkage);
    }
    Ok((all, shrunk))
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
