//! Every kind of figure and block on one page, from synthetic data.
//!
//! ```text
//! cargo run --release -p errare-report --example gallery -- target/gallery
//! ```
//!
//! writes `gallery.html` and `figures/*.svg` with `figures/*.csv` into the folder named.

use std::f64::consts::{PI, TAU};
use std::path::PathBuf;

use errare_core::random::{Purpose, Stream, stream};
use errare_core::von_mises::VonMises;
use errare_report::{
    Axis, Cell, Colour, Column, Dash, Datum, Estimate, Figure, KeyNumber, Metric, Page, Panel, Role, Section,
    Series, Share, Table, Unit,
};

type AnyError = Box<dyn std::error::Error>;

const SEED: u64 = 1;

fn noise(indices: &[u64]) -> Stream {
    stream(SEED, Purpose::Surrogate, indices)
}

fn grid(from: f64, to: f64, points: usize) -> impl Iterator<Item = f64> + Clone {
    (0..points).map(move |i| from + (to - from) * i as f64 / (points - 1) as f64)
}

fn error_axes() -> (Axis, Axis) {
    (
        Axis::new("response error", Unit::Radians).range(-PI, PI).pi_ticks(),
        Axis::new("probability density", Unit::PerRadian).including(0.0),
    )
}

/// A histogram of angles: edges and densities.
fn density(angles: &[f64], bins: usize) -> (Vec<f64>, Vec<f64>) {
    let width = TAU / bins as f64;
    let edges: Vec<f64> = (0..=bins).map(|i| -PI + width * i as f64).collect();
    let mut heights = vec![0.0; bins];
    for &angle in angles {
        let bin = (((angle + PI) / width) as usize).min(bins - 1);
        heights[bin] += 1.0 / (angles.len() as f64 * width);
    }
    (edges, heights)
}

fn timeline() -> Figure {
    let epochs = [
        ("stimulus", 0.0, 0.25),
        ("delay", 0.25, 1.0),
        ("cue", 1.0, 1.25),
        ("gap", 1.25, 1.3),
        ("response", 1.3, 3.3),
    ];
    let time = || Axis::new("time", Unit::Seconds).range(0.0, 3.3);
    let mut lanes = Panel::new(time(), Axis::names("", ["items", "cue", "read-out"]))
        .series(Series::spans("shown to the network", [(1, 0.0, 0.25), (2, 1.0, 1.25)]).role(Role::Human))
        .series(Series::spans("trained", [(3, 1.3, 3.3)]).role(Role::Network));
    let mut noise = Panel::new(time(), Axis::new("noise level β", Unit::Dimensionless).including(0.0))
        .series(
            Series::steps("added per step", grid(1.3, 3.3, 41).map(|t| (t, 0.01 + 0.29 * (3.3 - t) / 2.0)))
                .colour(Colour::Cycle(0)),
        );
    for (name, from, to) in epochs {
        lanes = lanes.span(name, from, to);
        noise = noise.span("", from, to);
    }
    Figure::new("timeline", "A trial of delayed estimation, as the network sees it")
        .caption("Epochs are shaded. Items and cue are constant while shown; the read-out is trained from the end of the gap on.")
        .how_computed("Lengths of the epochs are those of the experiment file, in steps of 0.05 s.")
        .panel(lanes)
        .panel(noise)
        .columns(1)
        .panel_height(84.0)
}

fn errors_by_set_size() -> Result<Figure, AnyError> {
    let mut figure = Figure::new("errors-by-set-size", "Errors grow with set size, and the model follows")
        .caption("Shaded: people. Line: behaviour model with 95\u{202f}% credible band.")
        .how_computed("Histograms have 31 bins of 0.20 rad. The model is evaluated at 201 errors.")
        .how_computed("Synthetic data: 1,800 trials a panel, seed 1.");
    for (index, set_size) in [1u32, 2, 4, 6].into_iter().enumerate() {
        let (kappa, guess) = (14.0 / f64::from(set_size), 0.03 * f64::from(set_size - 1));
        let emission = VonMises::new(kappa)?;
        let mut source = noise(&[index as u64]);
        let angles: Vec<f64> = (0..1800)
            .map(|trial| {
                let guessed = f64::from(trial % 100) < 100.0 * guess;
                if guessed {
                    VonMises::new(0.0).map(|u| u.sample(&mut source))
                } else {
                    Ok(emission.sample(&mut source))
                }
            })
            .collect::<Result<_, _>>()?;
        let (edges, heights) = density(&angles, 31);
        let model = grid(-PI, PI, 201).map(|e| {
            let p = guess / TAU + (1.0 - guess) * emission.log_density(e).exp();
            (e, p, 0.88 * p, 1.12 * p)
        });
        let (x, y) = error_axes();
        figure = figure.panel(
            Panel::new(x, y)
                .title(format!("set size {set_size}"))
                .series(Series::histogram("people", &edges, &heights)?.role(Role::Human))
                .series(Series::line("behaviour model", model).role(Role::Model)),
        );
    }
    Ok(figure.columns(2))
}

fn weights() -> Figure {
    let sizes = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0];
    let part = |f: fn(f64) -> f64| sizes.map(|n| (n, f(n), f(n) - 0.02 - 0.004 * n, f(n) + 0.02 + 0.004 * n));
    Figure::new("weights", "What responses come from, by set size")
        .caption("Weights of the three-component mixture; bars are 95\u{202f}% intervals over participants.")
        .panel(
            Panel::new(
                Axis::new("set size", Unit::Count("items".into())).whole_ticks(),
                Axis::new("weight", Unit::Probability).range(0.0, 1.0),
            )
            .series(
                Series::points("cued item", part(|n| 1.0 - 0.075 * (n - 1.0))).role(Role::Target).joined(),
            )
            .series(Series::points("uncued items", part(|n| 0.05 * (n - 1.0))).role(Role::Swap).joined())
            .series(Series::points("guess", part(|n| 0.025 * (n - 1.0))).role(Role::Guess).joined()),
        )
        .width(620.0)
}

fn swap_curve() -> Figure {
    let curve = |d: f64| 0.32 * (-d * d / 1.1).exp() + 0.02;
    let model = grid(0.0, PI, 120).map(|d| {
        let spread = if d < 0.4 { 0.08 - 0.12 * d } else { 0.03 };
        let datum = Datum::new(d, curve(d)).interval((curve(d) - spread).max(0.0), curve(d) + spread);
        if d < 0.4 { datum.without_data() } else { datum }
    });
    let network = (0..8).map(|i| {
        let d = 0.4 + (PI - 0.4) * (f64::from(i) + 0.5) / 8.0;
        (d, curve(d) + 0.01 * (3.0 * d).sin(), curve(d) - 0.012, curve(d) + 0.022)
    });
    Figure::new("swap-curve", "Swaps are likelier the nearer the uncued item is to the cue")
        .caption("Probability of reporting the uncued item of two against its distance from the cued one. Band: 95\u{202f}% credible.")
        .dashed_means("prior only: no pair that near was shown")
        .panel(
            Panel::new(Axis::new("probe distance", Unit::Radians).range(0.0, PI).pi_ticks(), Axis::new("swap probability", Unit::Probability).including(0.0))
                .series(Series::line("behaviour model", model).role(Role::Model))
                .series(Series::points("network", network).role(Role::Network))
                .level("best constant", 0.11),
        )
}

fn losses() -> Figure {
    let floor = |step: f64| 0.06 + 0.9 * (-step / 6.0).exp();
    Figure::new("losses", "Training reaches the floor at most denoising steps")
        .caption("A: loss at each denoising step against the least that any network can reach. B: mean loss over training.")
        .share(Share::Nothing)
        .columns(2)
        .panel(
            Panel::new(Axis::new("denoising step", Unit::Dimensionless).whole_ticks(), Axis::new("loss", Unit::Dimensionless).log())
                .title("per denoising step")
                .series(Series::points("network", (1..=40).map(|s| (f64::from(s), floor(f64::from(s)) * 1.08))).role(Role::Network))
                .series(Series::line("floor", (1..=40).map(|s| (f64::from(s), floor(f64::from(s))))).role(Role::Null)),
        )
        .panel(
            Panel::new(Axis::new("optimiser step", Unit::Dimensionless), Axis::new("loss", Unit::Dimensionless).log())
                .title("over training")
                .series(Series::line(
                    "network",
                    (0..200).map(|i| {
                        let step = 100.0 * f64::from(i);
                        let wiggle = 1.0 + 0.08 * (f64::from(i) * 1.7).sin();
                        (step, (0.2 + 3.0 * (-step / 1500.0).exp()) * wiggle)
                    }),
                )
                .role(Role::Network))
                .level("mean floor", 0.19)
                .moment("curriculum stage", 6000.0),
        )
}

fn fidelity() -> Result<Figure, AnyError> {
    let sample = |kappa: f64, swaps: usize, key: u64| -> Result<Vec<f64>, AnyError> {
        let (near, mut source) = (VonMises::new(kappa)?, noise(&[9, key]));
        Ok((0..4000)
            .map(|t| {
                if t % 100 < swaps {
                    (near.sample(&mut source) + 2.0).min(PI)
                } else {
                    near.sample(&mut source)
                }
            })
            .collect())
    };
    let mut figure = Figure::new("fidelity", "The network's responses against the oracle's")
        .caption("Densities of the response about the cued and about the uncued item.");
    for (title, key) in [("about the cued item", 0), ("about the uncued item", 2)] {
        let (edges, oracle) = density(&sample(30.0, 12, key)?, 48);
        let (_, network) = density(&sample(26.0, 13, key + 1)?, 48);
        let (x, y) = error_axes();
        figure = figure.panel(
            Panel::new(x, y)
                .title(title)
                .series(Series::histogram("oracle", &edges, &oracle)?.role(Role::Model))
                .series(
                    Series::steps(
                        "network",
                        edges.iter().copied().zip(network.into_iter().chain([f64::NAN])),
                    )
                    .role(Role::Network),
                ),
        );
    }
    Ok(figure.columns(2))
}

fn clouds() -> Result<Figure, AnyError> {
    let axis = |name: &str| Axis::new(name, Unit::Dimensionless).range(-3.4, 3.4);
    let mut figure = Figure::new("clouds", "Responses lie on the ring")
        .caption("Final read-out of 600 trials a panel; colour is the angle of the cued item. The hue circle has constant lightness; position shows the same angle.");
    for (column, (title, kappa)) in
        [("oracle", 60.0), ("network", 40.0), ("no-swap network", 80.0)].into_iter().enumerate()
    {
        let (emission, mut source) = (VonMises::new(kappa)?, noise(&[20, column as u64]));
        let data: Vec<Datum> = (0..600)
            .map(|i| {
                let cued = TAU * f64::from(i) / 600.0 - PI;
                let (angle, radius) =
                    (cued + emission.sample(&mut source), 2.5 + 0.3 * emission.sample(&mut source));
                Datum::new(radius * angle.cos(), radius * angle.sin()).hue(cued)
            })
            .collect();
        figure = figure.panel(
            Panel::new(axis("read-out x₁"), axis("read-out x₂"))
                .title(title)
                .equal_aspect()
                .series(Series::cloud("response", data)),
        );
    }
    Ok(figure)
}

fn alignment() -> Figure {
    let mut figure = Figure::new(
        "alignment",
        "The cue rotates the plane of the cued colour into the read-out",
    )
    .caption(
        "|cos| between the planes of the two colours, by probe distance. Grey: 95\u{202f}% of random planes.",
    )
    .columns(2);
    for (title, strength) in [("swap network", 0.75), ("no-swap network", 0.3)] {
        let mut panel = Panel::new(
            Axis::new("time from stimulus", Unit::Seconds).range(0.0, 3.3),
            Axis::new("plane alignment |cos|", Unit::Dimensionless).range(0.0, 1.0),
        )
        .title(title)
        .span("cue", 1.0, 1.25)
        .series(
            Series::line("null", [(0.0, 0.2, 0.03, 0.42), (3.3, 0.2, 0.03, 0.42)])
                .role(Role::Null)
                .dash(Dash::Dotted),
        );
        for (index, distance) in ["near (π/6)", "middle (π/2)", "far (5π/6)"].into_iter().enumerate() {
            let place = index as f64 / 2.0;
            let curve = grid(0.0, 3.3, 67).map(|t| {
                let rise = 1.0 / (1.0 + (-(t - 1.25) * 9.0).exp());
                let y = 0.22 + strength * rise * (1.0 - 0.6 * place) + 0.02 * (7.0 * t + place).sin();
                // The plane is not defined while no input has arrived.
                if t < 0.1 { (t, f64::NAN, f64::NAN, f64::NAN) } else { (t, y, y - 0.035, y + 0.035) }
            });
            panel = panel.series(Series::line(distance, curve).colour(Colour::Ordered(place)));
        }
        figure = figure.panel(panel);
    }
    figure
}

fn bars() -> Figure {
    let models = ["two-component", "three-component", "BNS probe", "BNS both"];
    let bar =
        |values: [f64; 4]| values.into_iter().enumerate().map(|(i, v)| (i as f64 + 1.0, v, v - 6.0, v + 6.0));
    Figure::new("comparison", "Swaps that depend on probe distance explain more")
        .caption("Difference in held-out log likelihood from the two-component mixture.")
        .panel(
            Panel::new(Axis::names("", models), Axis::new("Δ log likelihood", Unit::Nats))
                .series(Series::bars("held-out trials", bar([0.0, 41.0, 83.0, 79.0])).role(Role::Model))
                .series(
                    Series::bars("held-out participants", bar([0.0, 30.0, 71.0, -12.0]))
                        .colour(Colour::Cycle(4)),
                ),
        )
        .width(660.0)
}

fn main() -> Result<(), AnyError> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target/gallery".into());
    if folder.starts_with('-') {
        return Err(format!("{folder} is no folder; usage: gallery [FOLDER]").into());
    }
    let folder = PathBuf::from(folder);
    let figures = [
        timeline(),
        errors_by_set_size()?,
        weights(),
        swap_curve(),
        losses(),
        fidelity()?,
        clouds()?,
        alignment(),
        bars(),
        Figure::new("nothing", "A figure whose data are missing")
            .panel(
                Panel::new(Axis::new("x", Unit::Seconds), Axis::new("y", Unit::Radians))
                    .series(Series::line("", [] as [(f64, f64); 0])),
            )
            .panel_height(90.0),
    ];
    for figure in &figures {
        figure.write(&folder.join("figures"))?;
    }
    let [timeline, errors, weights, swaps, losses, fidelity, clouds, alignment, bars, nothing] = figures;
    let rmse = Estimate::new(0.0124, Unit::Probability).with_interval(0.0101, 0.0151);
    let metrics = [
        Metric::new(
            "swap_curve_rmse",
            "swap rate of the network against the oracle's, over 8 distances",
            rmse.clone(),
        )
        .floor(0.0052)
        .at_most(0.02)
        .count(32_000),
        Metric::new(
            "energy_distance",
            "between responses of network and oracle",
            Estimate::new(4.1e-4, Unit::Dimensionless),
        )
        .floor(9.0e-5)
        .at_most(2.7e-4)
        .count(1_048_576),
        Metric::new(
            "median_error",
            "to the item chosen",
            Estimate::new(0.0431, Unit::Radians).with_interval(0.0425, 0.0437),
        )
        .floor(0.0382)
        .at_most(0.0439),
        Metric::new(
            "loss_excess",
            "mean over denoising steps, relative to the floor",
            Estimate::new(None, Unit::Dimensionless),
        )
        .at_most(0.15),
    ];
    let page = Page::new("Gallery of figures", "Every kind of figure and block that a report may have, on synthetic data: nothing here was measured. It shows how people, models and networks look, and how numbers are given with their intervals and floors.")
        .key_number(KeyNumber::new("swap curve RMSE", &rmse).note("limit 0.02 · best constant rate 0.093"))
        .key_number(KeyNumber::new("swap rate", &Estimate::new(0.112, Unit::Probability).with_interval(0.108, 0.116)).note("oracle 0.110"))
        .key_number(KeyNumber::new("median error", &Estimate::new(0.0431, Unit::Radians)).note("oracle 0.0382 rad"))
        .key_number(KeyNumber::text("trials simulated", "1.05 million"))
        .section(Section::new("Task").paragraph("Two coloured items are shown, a delay follows, a cue names one of them, and its colour is to be reported.").figure(timeline))
        .section(Section::new("Data and behaviour model").paragraph("People's errors have a peak at the cued item and tails that grow with set size.").figure(errors).figure(weights).figure(swaps).figure(bars))
        .section(Section::new("Network").figure(losses).figure(fidelity).figure(clouds).heading("Fidelity").table(
            Table::of_metrics("Is the network faithful to its target?", &metrics).note("Brackets: 95\u{202f}% intervals. Floor: the value of the metric between two oracles of the same size."),
        ).note("A network below a floor would be over-fitted to the sample, not better."))
        .section(Section::new("Mechanism").figure(alignment).table(
            Table::new("Weights by set size", [Column::number("set size", &Unit::Count("items".into())), Column::number("κ", &Unit::Other("rad⁻²".into())), Column::number("cued", &Unit::Probability), Column::number("uncued", &Unit::Probability)])
                .row([Cell::text("1"), Cell::number(14.2, 3), Cell::number(0.981, 3), Cell::Missing])
                .row([Cell::text("4"), Cell::number(6.93, 3), Cell::number(0.842, 3), Cell::number(0.101, 3)]),
        ).list(["Figures are numbered in the order of the page.", "Text such as <b>a & b</b> is shown as it stands."]).figure(nothing))
        .provenance("seed", SEED.to_string())
        .provenance("data", "synthetic")
        .provenance("command", "cargo run --release -p errare-report --example gallery");
    page.write(&folder.join("gallery.html"))?;
    Ok(())
}
