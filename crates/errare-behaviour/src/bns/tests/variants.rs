//! Dependences on one distance or both, emissions, and models without guesses.

use super::*;

/// Swaps at intermediate report distance and near probe distance; each dependence finds what it can see.
fn joint(by_probe: f64, by_report: f64, trials: u64, seed: u64) -> Vec<(Display, f64)> {
    let truth = Generator { guess: 0.1, ..generator(by_probe, by_report, -1.8) };
    simulated(&truth, &DisplayGenerator::new(4, 0.6, 0.6).unwrap(), trials, seed)
}

#[test]
fn each_dependence_recovers_its_swap_function() {
    let observations = observations(&joint(1.5, 1.0, 1500, 5));
    for (dependence, limit) in [(SwapDependence::Both, 0.75), (SwapDependence::Additive, 0.5)] {
        let fit = fitted(&observations, dependence);
        let seen: Vec<f64> = fit
            .swap_surface
            .iter()
            .filter(|point| point.has_data)
            .map(|point| {
                let truth = -1.8 + 1.5 * point.probe.cos() - (2.0 * point.report).cos();
                point.odds.ln() - truth
            })
            .collect();
        let rms = (seen.iter().map(|error| error * error).sum::<f64>() / seen.len() as f64).sqrt();
        assert!(seen.len() > 200 && rms < limit, "{dependence:?}: {rms} logits over {}", seen.len());
        assert!(fit.swap_mass.unwrap() <= fit.weights.nontarget.unwrap());
    }
    let fit = fitted(&observations, SwapDependence::Report);
    let at = |distance: f64| fit.posterior.swap_probability(distance, None).unwrap().mean;
    assert!(
        at(PI / 2.0) > 1.8 * at(PI) && at(PI / 2.0) > 1.8 * at(0.7),
        "{} {} {}",
        at(0.7),
        at(PI / 2.0),
        at(PI)
    );
    assert!(
        !fit.swap_curve[5].has_data && fit.swap_curve[50].has_data,
        "near items pass for correct reports"
    );
}

/// Each emission on its own data: parameters recovered, and more likely than von Mises where the tails are heavy.
#[test]
fn emissions_are_recovered() {
    #[derive(Debug)]
    struct Heavy(std::sync::Arc<dyn Emission>);
    impl ResponseModel for Heavy {
        fn weights(&self, display: &Display) -> Vec<f64> {
            GRADED.weights(display)
        }
        fn emission(&self, _: &Display) -> Option<&dyn Emission> {
            Some(self.0.as_ref())
        }
    }
    let truths = [
        EmissionParameters::VonMisesMixture { lambda: 0.6, kappa_1: 40.0, kappa_2: 3.0 },
        EmissionParameters::WrappedStable { alpha: 1.4, gamma: 0.15 },
    ];
    for (family, truth) in EmissionFamily::ALL[1..].iter().zip(truths) {
        let generator = DisplayGenerator::new(2, 0.7, 0.7).unwrap();
        let observations = observations(&simulated(&Heavy(truth.emission(2).unwrap()), &generator, 3000, 4));
        let with = |emission| {
            let options = BnsOptions { emission, ..BnsOptions::default() };
            fit_bns(&observations, SwapDependence::Probe, &options).unwrap()
        };
        let fit = with(*family);
        for ((name, value), (_, expected)) in fit.emission.named().into_iter().zip(truth.named()) {
            assert!((value / expected - 1.0).abs() < 0.2, "{name}: {value} for {expected}");
        }
        assert_eq!(fit.uniform, *family == EmissionFamily::VonMisesMixture);
        assert!(fit.converged && fit.ess > 0.3 * fit.evidence_draws as f64);
        assert!(fit.log_evidence > with(EmissionFamily::VonMises).log_evidence + 3.0);
        let display = Display { probe: vec![0.0, 1.0], report: vec![0.0, 1.0], cued_slot: 0 };
        let swap = fit.posterior.swap_probability(1.0, None).unwrap().mean;
        assert_abs_diff_eq!(swap, GRADED.weights(&display)[2], epsilon = 0.06);
    }
}

#[test]
fn without_guesses_nothing_is_left_to_them() {
    for set_size in [1, 3] {
        let observations = data(GRADED, 0.0, set_size, 400, 7);
        let options = BnsOptions { uniform: Some(false), ..BnsOptions::default() };
        let fit = fit_bns(&observations, SwapDependence::Probe, &options).unwrap();
        assert_eq!(fit.weights.uniform, 0.0);
        assert_abs_diff_eq!(fit.weights.target + fit.weights.nontarget.unwrap_or(0.0), 1.0, epsilon = 1e-12);
        let display = DisplayGenerator::standard(5).unwrap().draw(&mut stream(1, Purpose::Displays, &[]));
        let weights = fit.posterior.mean_weights(&display);
        assert!(weights[0] == 0.0 && (weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(fit.posterior.weights_at(&fit.posterior.draw(2), &display)[0], 0.0);
        assert!(fit.log_evidence.is_finite() && fit.elbo <= fit.log_evidence + 0.1);
    }
}
