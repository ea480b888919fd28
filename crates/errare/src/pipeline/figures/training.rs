//! What the network sees, and how its loss fell.

use errare_network::{Epoch, LogEntry, Stage};
use errare_report::{Axis, Colour, Figure, Panel, Role, Series, Share, Unit};

use crate::pipeline::Result;

/// The epochs of a trial and the noise schedule of the response.
///
/// # Errors
/// When the schedule is impossible.
pub fn timeline(stage: &Stage) -> Result<Figure> {
    let (epochs, dt) = (&stage.task.epochs, stage.task.dt);
    let steps = epochs.steps(epochs.delay[1]);
    let end = |last: Epoch| steps.iter().filter(|epoch| **epoch <= last).count() as f64 * dt;
    let onset = end(Epoch::Delay);
    let spans = [
        ("stimulus", 0.0, end(Epoch::Stimulus)),
        ("delay", end(Epoch::Stimulus), onset),
        ("cue", onset, end(Epoch::Cue)),
        ("response", end(Epoch::Gap), end(Epoch::Response)),
    ]
    .map(|(name, from, to)| (name, from - onset, to - onset));
    let time = || Axis::new("time from cue onset", Unit::Seconds).range(-onset, end(Epoch::Response) - onset);
    let schedule = stage.schedule()?;
    let begin = end(Epoch::Gap) - onset;
    let preparation =
        stage.network.preparation_noise.unwrap_or_else(|| schedule.reverse_sd(schedule.steps()));
    let noise = |of_step: &dyn Fn(usize) -> f64| {
        let reverse = (1..=schedule.steps()).rev().enumerate();
        let response = reverse.map(|(k, tau)| (begin + k as f64 * dt, of_step(tau)));
        // The last step holds until the response ends.
        let end = (end(Epoch::Response) - onset, f64::NAN);
        [(-onset, preparation)].into_iter().chain(response).chain([end]).collect::<Vec<_>>()
    };
    let in_plane = noise(&|tau| schedule.reverse_sd(tau));
    let mut lanes = Panel::new(time(), Axis::names("", ["items", "cue", "denoising"]))
        .series(
            Series::spans("shown", [(1, spans[0].1, spans[0].2), (2, spans[2].1, spans[2].2)])
                .role(Role::Human),
        )
        .series(Series::spans("by the network alone", [(3, spans[3].1, spans[3].2)]).role(Role::Network));
    let mut below = Panel::new(time(), Axis::new("process noise σ", Unit::Dimensionless).including(0.0))
        .series(Series::steps("noise in the behavioural plane", in_plane).colour(Colour::Cycle(0)));
    if let Some(sd) = stage.network.null_space_noise {
        below = below.series(Series::steps("noise outside it", noise(&|_| sd)).colour(Colour::Cycle(2)));
    }
    for (name, from, to) in spans {
        lanes = lanes.span(name, from, to);
        below = below.span("", from, to);
    }
    Ok(Figure::new("timeline", "A trial as the network sees it")
        .caption("Items and cue are constant while shown. During the response there is no input: the network's own noisy dynamics are the reverse process of a diffusion model.")
        .how_computed(format!("Epoch lengths in steps of {dt} s; σ is the standard deviation that a step adds; in the plane and during the response it is that of the reverse process."))
        .panel(lanes)
        .panel(below)
        .columns(1)
        .panel_height(84.0))
}

/// Loss over training, and at each denoising step against its floor at the end of training.
#[must_use]
pub fn learning(log: &[LogEntry]) -> Figure {
    let last_stage = log.last().map_or(0, |entry| entry.stage);
    let step = |entry: &LogEntry| entry.step as f64;
    let mut over = Panel::new(
        Axis::new("training step", Unit::Dimensionless),
        Axis::new("loss", Unit::Dimensionless).log(),
    )
    .title("over training")
    .series(Series::line("network", log.iter().map(|e| (step(e), e.smoothed_loss))).role(Role::Network))
    .series(Series::line("floor", log.iter().map(|e| (step(e), e.floor))).role(Role::Null));
    let changes = log.windows(2).filter(|pair| pair[0].stage != pair[1].stage);
    for pair in changes {
        over = over.moment(format!("stage {}", pair[1].stage), step(&pair[0]));
    }
    // The last tenth of the last stage, averaged: single batches are noisy.
    let tail: Vec<&LogEntry> = log.iter().filter(|entry| entry.stage == last_stage).collect();
    let tail = &tail[tail.len() - tail.len().div_ceil(10)..];
    let steps = tail.first().map_or(0, |entry| entry.loss_per_step.len());
    let mean = |of: fn(&LogEntry) -> &Vec<f64>| {
        (0..steps)
            .map(|i| {
                let sum: f64 = tail.iter().map(|entry| of(entry)[i]).sum();
                ((i + 1) as f64, sum / tail.len() as f64)
            })
            .collect::<Vec<_>>()
    };
    let each = Panel::new(
        Axis::new("denoising step τ (1 is the last)", Unit::Dimensionless).whole_ticks(),
        Axis::new("loss", Unit::Dimensionless).log(),
    )
    .title("at each denoising step")
    .series(Series::points("network", mean(|entry| &entry.loss_per_step)).role(Role::Network))
    .series(Series::line("floor", mean(|entry| &entry.floor_per_step)).role(Role::Null));
    Figure::new("learning", "How the loss fell towards what is possible")
        .caption("The floor is the loss of a perfect denoiser that knows the display; no network can be below it but by chance.")
        .how_computed("Left: loss smoothed over 200 steps, penalties left out. Right: mean over the last tenth of the last stage. The floor is Kᴬ² times the posterior variance of the clean response, computed from the target's exact density.")
        .share(Share::Nothing)
        .columns(2)
        .panel(over)
        .panel(each)
}
