//! The basis, expectations and slopes against their definitions and finite differences; the posterior against the exact one.

use super::*;

#[test]
fn the_spectrum_is_that_of_the_kernel() {
    for tau in [3.0, 4.5, 6.0, 12.0, 20.0] {
        let spectrum = wendland_spectrum(tau, 64);
        assert_abs_diff_eq!(spectrum[0].0, 2.0 / (tau + 2.0), epsilon = 1e-12);
        assert!(spectrum.iter().all(|&(value, _)| value > -1e-12), "tau {tau}");
        let total: f64 = spectrum.iter().map(|&(value, _)| value).sum();
        assert!((0.99..1.0 + 1e-12).contains(&total), "tau {tau}: {total}");
        let h = 1e-4;
        let (above, below) = (wendland_spectrum(tau + h, 64), wendland_spectrum(tau - h, 64));
        for k in 0..=64 {
            let numeric = (above[k].0 - below[k].0) / (2.0 * h);
            assert_abs_diff_eq!(spectrum[k].1, numeric, epsilon = 1e-8);
        }
    }
    // Left out after the first twelve, sixteen or twenty-four coefficients, in per cent.
    for (tau, modes, expected) in [(6.0, 8, 0.66), (6.0, 12, 0.19), (12.0, 12, 1.4), (20.0, 24, 0.8)] {
        let kept: f64 = wendland_spectrum(tau, modes - 1).iter().map(|&(value, _)| value).sum();
        assert_abs_diff_eq!(100.0 * (1.0 - kept), expected, epsilon = 0.05);
    }
    // Below its range the kernel is not positive.
    assert!(wendland_spectrum(1.0, 16).iter().any(|&(value, _)| value < -0.05));
}

/// The prior covariance of f is twice the even part of the stationary kernel, its constant part counted once.
#[test]
fn the_features_reproduce_the_kernel() {
    let (tau, modes) = (6.0f64, 64);
    let basis = SwapDependence::Probe.basis_of(modes);
    let scales = basis.scales(&[0.0, (tau - 3.0).ln()]).values;
    let kernel = |theta: f64| {
        let x = errare_core::angle::wrap(theta).abs() / PI;
        (1.0 + tau * x) * (1.0 - x).powf(tau)
    };
    let mut stream = stream(3, Purpose::Starts, &[]);
    for _ in 0..50 {
        let (a, b) = (stream.random_range(-PI..PI), stream.random_range(-PI..PI));
        let (mut left, mut right) = (vec![0.0; modes + 1], vec![0.0; modes + 1]);
        basis.fill(a, f64::NAN, &mut left);
        basis.fill(b, f64::NAN, &mut right);
        let covariance: f64 =
            left.iter().zip(&right).zip(&scales).map(|((l, r), scale)| l * r * scale * scale).sum();
        let expected = kernel(a - b) + kernel(a + b) - 2.0 / (tau + 2.0);
        assert_abs_diff_eq!(covariance, expected, epsilon = 4e-5);
    }
}

/// Expectation of the gradient and of the Hessian against differences of E log likelihood by the mean.
#[test]
fn expected_derivatives_match_finite_differences() {
    for (set_size, dependence, modes, uniform) in [
        (1, SwapDependence::Probe, 4, true),
        (2, SwapDependence::Probe, 4, true),
        (4, SwapDependence::Report, 4, false),
        (4, SwapDependence::Both, 3, true),
        (3, SwapDependence::Both, 2, false),
        (3, SwapDependence::Additive, 3, true),
    ] {
        let observations = data(GRADED, 0.1, set_size, 60, 2);
        let basis = dependence.basis_of(modes);
        let design = Design::new(&observations, basis.as_ref(), dependence, uniform).unwrap();
        let emissions = LogEmissions::von_mises(&observations, &VonMises::new(9.0).unwrap());
        let (mean, covariance) = arbitrary(design.coefficients(), 0.2);
        let at = |mean: &DVector<f64>| expectation(&design, &emissions, mean, &covariance);
        let here = at(&mean);
        let h = 1e-4;
        for index in 0..mean.len() {
            let shift = |by: f64| {
                let mut moved = mean.clone();
                moved[index] += by;
                at(&moved)
            };
            let (above, below) = (shift(h), shift(-h));
            let slope = (above.log_likelihood - below.log_likelihood) / (2.0 * h);
            assert_abs_diff_eq!(here.gradient[index], slope, epsilon = 1e-6);
            let column = (&above.gradient - &below.gradient) / (2.0 * h);
            assert_abs_diff_eq!(here.curvature.column(index).into_owned(), -column, epsilon = 1e-5);
        }
    }
}

/// Slopes of the prior scales by the hyperparameters, of every dependence.
#[test]
fn scales_move_with_the_hyperparameters_as_they_say() {
    for dependence in SwapDependence::ALL {
        let basis = dependence.basis();
        let x: Vec<f64> = (0..basis.hyperpriors().len()).map(|index| 0.2 + 0.3 * index as f64).collect();
        let scales = basis.scales(&x);
        assert_eq!(scales.values.len(), basis.features());
        let h = 1e-5;
        for (axis, slopes) in scales.log_slopes.iter().enumerate() {
            let value = |by: f64| {
                let mut moved = x.clone();
                moved[axis] += by;
                basis.scales(&moved).values
            };
            let (above, below) = (value(h), value(-h));
            for (index, slope) in slopes.iter().enumerate().filter(|(index, _)| scales.values[*index] > 1e-5)
            {
                let numeric = (above[index] / below[index]).ln() / (2.0 * h);
                assert_abs_diff_eq!(*slope, numeric, epsilon = 1e-6 * numeric.abs().max(1.0));
            }
        }
    }
}

/// A finer basis has the features of the coarser one at the places it tells.
#[test]
fn refined_bases_hold_the_coarser_ones() {
    for dependence in SwapDependence::ALL {
        let basis = dependence.basis();
        // Short lengths need many modes.
        let x = vec![3.0; basis.hyperpriors().len()];
        let Some((finer, places)) = basis.refined(&x) else {
            assert_eq!(dependence, SwapDependence::None);
            continue;
        };
        let fill = |basis: &dyn super::basis::SwapBasis| {
            let mut features = vec![0.0; basis.features()];
            basis.fill(0.7, -1.9, &mut features);
            features
        };
        let (coarse, fine) = (fill(basis.as_ref()), fill(finer.as_ref()));
        for (feature, place) in coarse.iter().zip(places) {
            assert_abs_diff_eq!(*feature, fine[place], epsilon = 1e-13);
        }
        assert!(finer.features() > basis.features());
    }
}

/// The fixed nodes against plain Monte Carlo over the coefficients.
#[test]
fn expectations_match_draws_of_the_coefficients() {
    for set_size in [1, 2, 3, 6, 8] {
        let observations = data(GRADED, 0.15, set_size, 30, 4);
        let basis = SwapDependence::Probe.basis_of(6);
        let design = Design::new(&observations, basis.as_ref(), SwapDependence::Probe, true).unwrap();
        let emissions = LogEmissions::von_mises(&observations, &VonMises::new(10.0).unwrap());
        let (mean, covariance) = arbitrary(design.coefficients(), 0.4);
        let expectation = expectation(&design, &emissions, &mean, &covariance);
        let factor = covariance.cholesky().unwrap().unpack();
        let (draws, mut sum, mut square) = (20_000u32, 0.0, 0.0);
        let mut stream = stream(5, Purpose::Posterior, &[]);
        for _ in 0..draws / 1000 {
            let normals = DMatrix::from_fn(mean.len(), 1000, |_, _| stream.sample::<f64, _>(StandardNormal));
            let mut coefficients = &factor * normals;
            coefficients.column_iter_mut().for_each(|mut column| column += &mean);
            for value in design.log_likelihoods(&emissions, &coefficients) {
                sum += value;
                square += value * value;
            }
        }
        let average = sum / f64::from(draws);
        let error = ((square / f64::from(draws) - average * average) / f64::from(draws)).sqrt();
        let difference = (expectation.log_likelihood - average).abs();
        assert!(difference < 4.0 * error + 2e-3, "{set_size}: {difference} of {average}, error {error}");
    }
}

#[test]
fn slopes_by_the_hyperparameters_match_finite_differences() {
    let observations = data(GRADED, 0.1, 2, 400, 6);
    let basis = SwapDependence::Probe.basis();
    let x = [-0.3, 0.8];
    let (search, prior) = problem(&observations, basis.as_ref(), &x);
    // At fixed q and κ, away from any optimum.
    let (mean, covariance) = arbitrary(search.problem.design.coefficients(), 0.3);
    let q = Gaussian { covariance, ..Gaussian::unit(mean) };
    let point = evaluate(&search.problem, &prior, q.clone(), vec![vec![8f64.ln()]]);
    let slopes = log_scale_slopes(&point, &prior, 2);
    let log_slopes = basis.scales(&x).log_slopes;
    let h = 1e-4;
    for axis in 0..2 {
        let value = |by: f64| {
            let mut moved = x;
            moved[axis] += by;
            evaluate(&search.problem, &search.prior(&moved), q.clone(), vec![vec![8f64.ln()]]).elbo
        };
        let numeric = (value(h) - value(-h)) / (2.0 * h);
        let analytic: f64 = slopes.iter().zip(&log_slopes[axis]).map(|(slope, log)| slope * log).sum();
        assert_abs_diff_eq!(analytic, numeric, epsilon = 1e-3 * numeric.abs().max(1.0));
    }
    // And in total, with q and κ at their optimum for every value of the hyperparameters.
    let start = || Gaussian::unit(DVector::zeros(search.problem.design.coefficients()));
    let optimum = |x: &[f64]| search.objective(x, start(), vec![vec![10f64.ln()]]);
    let (_, gradient, end) = optimum(&x);
    let h = 0.02;
    for axis in 0..2 {
        let value = |by: f64| {
            let mut moved = x;
            moved[axis] += by;
            optimum(&moved).0
        };
        let numeric = (value(h) - value(-h)) / (2.0 * h);
        assert_abs_diff_eq!(gradient[axis], numeric, epsilon = 0.01 * numeric.abs().max(0.5));
    }
    // At an optimum the slopes take the simpler form μ² + C − 1.
    for (index, slope) in log_scale_slopes(&end.point, &prior, 2).iter().enumerate() {
        let (mean, variance) = (end.point.q.mean[index + 2], end.point.q.covariance[(index + 2, index + 2)]);
        assert_abs_diff_eq!(*slope, mean * mean + variance - 1.0, epsilon = 5e-3);
    }
}

#[test]
fn the_line_search_converges_from_any_start() {
    let basis = SwapDependence::Probe.basis();
    let mut longest = 0;
    for seed in 0..10 {
        let observations = data(GRADED, 0.1, 2, 2000, 20 + seed);
        let (search, prior) = problem(&observations, basis.as_ref(), &[0.0, 2f64.ln()]);
        let ends: Vec<_> = [2.0, 10.0]
            .into_iter()
            .map(|kappa| {
                let q = Gaussian::unit(DVector::zeros(search.problem.design.coefficients()));
                optimise(&search.problem, &prior, q, vec![vec![f64::ln(kappa)]])
            })
            .collect();
        assert_abs_diff_eq!(ends[0].point.elbo, ends[1].point.elbo, epsilon = 0.01);
        let [a, b] = [0, 1].map(|end: usize| ends[end].point.coordinates[0][0]);
        assert_abs_diff_eq!(a, b, epsilon = 0.002);
        longest = ends.iter().map(|end| end.iterations).fold(longest, usize::max);
    }
    assert!(longest <= 15, "{longest} iterations");
}

/// With a constant swap function and many trials BNS is the three-component mixture.
#[test]
fn a_constant_swap_function_is_the_three_component_mixture() {
    let observations = data(SwapFunction::Flat { swap_probability: 0.25 }, 0.1, 4, 4000, 8);
    let bns = fitted(&observations, SwapDependence::None);
    let mixture = fit_mixture(&observations, true).unwrap();
    assert_abs_diff_eq!(bns.log_likelihood, mixture.log_likelihood, epsilon = 0.02);
    assert_abs_diff_eq!(kappa(&bns), mixture.kappa, epsilon = 0.1);
    assert_abs_diff_eq!(bns.weights.target, mixture.weights.target, epsilon = 0.004);
    assert_abs_diff_eq!(bns.weights.uniform, mixture.weights.uniform, epsilon = 0.004);
    // The Gaussian evidence of three parameters: the best fit less the volume that the data leave.
    assert!(bns.elbo <= bns.log_evidence + 0.02 && bns.log_evidence < mixture.log_likelihood);
}

/// With flat priors the two are one model: the likelihood at the posterior mean is that of the maximum, but for the
/// distance between a mean and a mode, which falls with the number of trials.
#[test]
fn with_flat_priors_it_has_the_likelihood_of_the_mixture() {
    let observations = data(SwapFunction::Flat { swap_probability: 0.25 }, 0.1, 4, 16_000, 8);
    let basis = SwapDependence::None.basis();
    let (search, _) = problem(&observations, basis.as_ref(), &[]);
    let size = search.problem.design.coefficients();
    let prior = Prior { mean: DVector::zeros(size), sd: DVector::from_element(size, 10.0) };
    // A flat prior is no place to start from: half a logit about −2.
    let precision = 400.0;
    let start = Gaussian {
        mean: DVector::from_element(size, -0.2),
        precision: DMatrix::from_diagonal_element(size, size, precision),
        covariance: DMatrix::from_diagonal_element(size, size, 1.0 / precision),
        log_det_precision: size as f64 * precision.ln(),
    };
    let point = optimise(&search.problem, &prior, start, vec![vec![f64::ln(8.0)]]).point;
    let (mean, _) = point.q.coefficients(&prior);
    let emissions = search.problem.log_emissions(&point.coordinates);
    let at_mean = search
        .problem
        .design
        .log_likelihoods(&emissions, &DMatrix::from_column_slice(size, 1, mean.as_slice()));
    let mixture = fit_mixture(&observations, true).unwrap();
    assert_abs_diff_eq!(at_mean[0], mixture.log_likelihood, epsilon = 1e-3);
}

#[test]
fn the_evidence_is_bounded_and_its_draws_are_effective() {
    let mut gains = Vec::new();
    for (seed, swap) in [(1, GRADED), (2, SwapFunction::Flat { swap_probability: 0.2 })] {
        let observations = data(swap, 0.1, 4, 1000, 30 + seed);
        let both = [SwapDependence::Probe, SwapDependence::None].map(|dependence| {
            let fit = fitted(&observations, dependence);
            let share = fit.ess / fit.evidence_draws as f64;
            assert!(share > 0.3, "{dependence:?}: {share}");
            let error = ((1.0 - share) / fit.ess).sqrt();
            assert!(fit.elbo <= fit.log_evidence + 4.0 * error, "{} above {}", fit.elbo, fit.log_evidence);
            assert!(fit.log_evidence - fit.elbo < 0.5);
            fit.log_evidence
        });
        gains.push(both[0] - both[1]);
    }
    assert!(gains[0] > 3.0, "graded swaps must favour the swap function of distance: {gains:?}");
    assert!(gains[1] < 1.0, "flat swaps must not: {gains:?}");
}

/// The Gaussian posterior against the exact one, by importance weights.
#[test]
fn the_posterior_has_the_moments_of_the_exact_one() {
    let observations = data(GRADED, 0.1, 3, 500, 12);
    let basis = SwapDependence::Probe.basis();
    let (search, prior) = problem(&observations, basis.as_ref(), &[-0.2, 1.0]);
    let start = Gaussian::unit(DVector::zeros(search.problem.design.coefficients()));
    let point = optimise(&search.problem, &prior, start, vec![vec![10f64.ln()]]).point;
    let emissions = search.problem.log_emissions(&point.coordinates);
    let factor = point.q.covariance.clone().cholesky().unwrap().unpack();
    let size = point.q.mean.len();
    let mut stream = stream(6, Purpose::Posterior, &[]);
    let draws: Vec<(f64, DVector<f64>)> = (0..20)
        .flat_map(|_| {
            let normals = DMatrix::from_fn(size, 1000, |_, _| stream.sample::<f64, _>(StandardNormal));
            let mut whitened = &factor * &normals;
            whitened.column_iter_mut().for_each(|mut column| column += &point.q.mean);
            let mut coefficients = whitened.clone();
            coefficients
                .column_iter_mut()
                .for_each(|mut column| column.copy_from(&(&prior.mean + prior.sd.component_mul(&column))));
            let values = search.problem.design.log_likelihoods(&emissions, &coefficients);
            (0..1000)
                .map(|draw| {
                    let own = whitened.column(draw).into_owned();
                    let log_ratio = 0.5 * (normals.column(draw).norm_squared() - own.norm_squared());
                    (values[draw] + log_ratio, own)
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let top = draws.iter().map(|(log_weight, _)| *log_weight).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = draws.iter().map(|(log_weight, _)| (log_weight - top).exp()).sum();
    let weighted = |value: &dyn Fn(&DVector<f64>) -> f64| -> f64 {
        draws.iter().map(|(log_weight, w)| (log_weight - top).exp() / total * value(w)).sum()
    };
    for index in 0..size {
        let mean = weighted(&|w| w[index]);
        let sd = weighted(&|w| (w[index] - mean).powi(2)).sqrt();
        assert!((point.q.mean[index] - mean).abs() < 0.15 * sd, "mean of {index}");
        let ratio = point.q.covariance[(index, index)].sqrt() / sd;
        assert!((ratio - 1.0).abs() < 0.12, "sd of {index}: {ratio} times");
    }
}
