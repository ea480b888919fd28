//! The demonstration: from the bundled trials of people to a network that makes their errors, in one call.

use std::path::Path;

use errare_behaviour::data::{BundledSet, bundled, load_bundled};
use errare_behaviour::{
    Fit, FitOptions, Fits, GroupKey, ModelName, SwapDependence, TrialTable, data::write_csv, surrogate_table,
};
use errare_core::progress::Progress;
use errare_core::provenance::{DataIdentity, Provenance};
use errare_core::run_dir::RunDir;
use errare_network::{
    Cue, EXPERIMENT, Experiment, LogEntry, Network, ReverseVariance, Swap, TrainingSummary, read_experiment,
    read_log,
};
use errare_report::{Page, Section};

use super::figures;
use super::measurements::write_measurements;
use super::network::{AnalysisSize, NetworkAnalysis, analyse_network};
use super::page::{behaviour_section, fidelity_numbers, network_figures, network_sections, with_provenance};
use super::training::{RUN, check_trainable, claim_run, train_into};
use super::{Error, Result};
use crate::fit_groups;

/// Kind of a directory that holds a demonstration.
pub const DEMO: &str = "demo";
/// The bundled data set it uses.
const DATA: &str = "vandenberg2012_color_wheel";
/// The set size whose fit the network learns.
const SET_SIZE: usize = 6;

/// Folder of its run directory.
const NETWORK: &str = "network";

/// What the demonstration does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoOptions {
    /// Index cue: swaps at one rate, from the three-component fit. Feature cue: swaps by probe distance, from BNS.
    pub cue: Cue,
    /// Seed of everything random.
    pub seed: u64,
    /// How much is simulated.
    pub size: AnalysisSize,
}

impl DemoOptions {
    /// As they are given on the command line.
    fn spelled(&self) -> String {
        let cue = match self.cue {
            Cue::Index => "index",
            Cue::Feature => "feature",
        };
        format!("--cue {cue} --seed {}", self.seed)
    }
}

/// How it ended.
#[derive(Debug)]
pub struct DemoSummary {
    /// The training.
    pub training: TrainingSummary,
    /// What was measured of the network.
    pub analysis: NetworkAnalysis,
}

/// The experiment of a demonstration; its fits are in folders beside it.
fn experiment(options: DemoOptions, folder: &Path) -> Result<Experiment> {
    let text = match options.cue {
        Cue::Index => include_str!("../../../../experiments/demo-index.toml"),
        Cue::Feature => include_str!("../../../../experiments/demo-feature.toml"),
    };
    Ok(Experiment::parse(text, folder)?.with_seed(options.seed)?)
}

/// Refuses a directory whose network was trained for another demonstration, or by another release. Writes nothing.
///
/// # Errors
/// [`Error::OtherDemonstration`], [`Error::OtherExperiment`], and when what is there cannot be read.
pub fn check_demo(folder: &Path, options: DemoOptions) -> Result<()> {
    let run = folder.join(NETWORK);
    if !run.join(EXPERIMENT).exists() {
        return Ok(());
    }
    let held = read_experiment(&run)?;
    let held_options = DemoOptions { cue: held.last().task.cue, seed: held.last().seed, ..options };
    if held_options != options {
        return Err(Error::OtherDemonstration {
            path: folder.into(),
            held: held_options.spelled(),
            wanted: options.spelled(),
        });
    }
    // The run names its own copy of the fit.
    let mut stages = experiment(options, folder)?.stages().to_vec();
    for (stage, held) in stages.iter_mut().zip(held.stages()) {
        if let (Swap::Fit(fit), Swap::Fit(copy)) = (&mut stage.behaviour.swap, &held.behaviour.swap) {
            fit.path.clone_from(&copy.path);
        }
    }
    if stages != held.stages() {
        return Err(Error::OtherExperiment { path: run });
    }
    check_trainable(&held, &run)
}

/// Refuses a directory whose network was trained on another fit than `fits` hold.
fn check_fits(folder: &Path, fits: &Fits) -> Result<()> {
    let run = folder.join(NETWORK);
    if !run.join(EXPERIMENT).exists() {
        return Ok(());
    }
    match &read_experiment(&run)?.last().behaviour.swap {
        Swap::Fit(copy) if Fits::read(run.join(&copy.path))? == *fits => Ok(()),
        _ => Err(Error::OtherExperiment { path: run }),
    }
}

/// Runs the demonstration into a claimed directory; what an earlier session trained there is used.
///
/// Writes `provenance`, `fits/`, `surrogate.csv`, the run `network/`, `figures/` and `report.html`.
///
/// # Errors
/// Those of [`check_demo`], before anything is written; when a step fails or a file cannot be written.
pub fn demo(
    dir: &RunDir,
    options: DemoOptions,
    provenance: &Provenance,
    progress: &Progress,
) -> Result<DemoSummary> {
    check_demo(dir.path(), options)?;
    let table = load_bundled(DATA)?;
    progress.note(&format!("{}: {} trials", table.name(), table.len()));
    let fit_options = FitOptions { seed: options.seed, ..FitOptions::default() };
    let fitted = |model| -> Result<Fits> {
        let fits = fit_groups(&table, &[GroupKey::SetSize], model, &fit_options, progress)?;
        Ok(Fits { provenance: serde_json::json!({ "data": DATA }), fits })
    };
    let mixtures = fitted(ModelName::ThreeComponent)?;
    let bns = fitted(ModelName::Bns(SwapDependence::Probe))?;
    let (fits, trained_on) = match options.cue {
        Cue::Index => (&mixtures, "the responses that the three-component fit of set size 6 gives"),
        Cue::Feature => (&bns, "the responses that the BNS fit of set size 6 gives"),
    };
    check_fits(dir.path(), fits)?;
    provenance.write(dir)?;
    mixtures.write(dir.file("fits/three-component"))?;
    bns.write(dir.file("fits/bns"))?;
    let chosen = fits
        .fits
        .iter()
        .find(|fit| fit.set_size == Some(SET_SIZE))
        .ok_or_else(|| Error::MissingFit { what: DATA.into(), set_size: SET_SIZE })?;
    let own = table.filter("set_size", &SET_SIZE.to_string())?;
    write_csv(dir.file("surrogate.csv"), &surrogate_table(&chosen.model()?, &own, options.seed)?)?;

    let experiment = experiment(options, dir.path())?;
    let (run, carried) = claim_run(&experiment, &dir.file(NETWORK))?;
    let mut run_provenance = provenance.clone();
    run_provenance.kind = RUN.into();
    run_provenance.write(&run)?;
    let training = train_into(&run, carried, progress, None)?;

    let network = Network::load(run.path())?;
    let log = read_log(run.path())?;
    let target = experiment.last().target(dir.path())?;
    let analysis = analyse_network(&network, &*target, &log, options.size, options.seed, progress)?;
    write_measurements(run.path(), &analysis)?;
    run_provenance.end();
    run_provenance.write(&run)?;

    let (mixtures, bns) = (mixtures.fits.as_slice(), bns.fits.as_slice());
    let page = page(&table, [mixtures, bns], chosen, (&network, &log, trained_on), &analysis, provenance)?;
    let mut figures = vec![
        figures::errors_by_set_size(&table, mixtures)?,
        figures::weights_by_set_size(mixtures),
        figures::swap_curves(bns),
    ];
    figures.extend(network_figures(&network, &log, &analysis)?);
    for figure in figures {
        figure.write(&dir.file("figures"))?;
    }
    page.write(&dir.file("report.html"))?;
    Ok(DemoSummary { training, analysis })
}

/// Identity of the data the demonstration uses, for its provenance.
#[must_use]
pub fn demo_data() -> Option<DataIdentity> {
    let set: &BundledSet = bundled().iter().find(|set| set.name == DATA)?;
    Some(DataIdentity::new(set.name, set.csv, set.trials))
}

fn page(
    table: &TrialTable,
    [mixtures, bns]: [&[Fit]; 2],
    chosen: &Fit,
    (network, log, trained_on): (&Network, &[LogEntry], &str),
    analysis: &NetworkAnalysis,
    provenance: &Provenance,
) -> Result<Page> {
    let summary = format!(
        "Behaviour models were fitted to {} trials of {} people, and a recurrent network was trained from scratch to \
         reproduce {trained_on}: not only the right answers, but the errors, at the rate and with the spread that \
         people make them. Below: what people did, how the network was trained, how close it comes, and how it holds \
         the two items in mind.",
        errare_report::number::count(table.len() as u64),
        table.participants().len(),
    );
    let mut page = Page::new("A network that errs like people", summary);
    for number in fidelity_numbers(&analysis.fidelity) {
        page = page.key_number(number);
    }
    page = page.section(behaviour_section(table, mixtures, bns)?);
    for section in network_sections(network, log, trained_on, analysis)? {
        page = page.section(section);
    }
    Ok(with_provenance(page.section(limits(chosen, network)), provenance))
}

/// What the demonstration does not show.
fn limits(chosen: &Fit, network: &Network) -> Section {
    let mut limits = vec![
        format!(
            "The network sees two items, but the fit is that of displays of {} items: the rate is that of one \
             distractor, and guesses are kept.",
            chosen.set_size.unwrap_or(SET_SIZE)
        ),
        "One network, one seed. Geometry in particular differs between seeds.".into(),
        "Participants are pooled; nobody's own errors are modelled here.".into(),
    ];
    if network.stage().diffusion.reverse_variance == ReverseVariance::Published {
        limits.push(
            "The oracle itself is a little less spread than the target: the last denoising step adds no noise.".into(),
        );
    }
    Section::new("Limits").list(limits)
}
