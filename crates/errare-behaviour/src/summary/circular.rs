//! Circular summaries of errors: bias, spread, precision, kurtosis.

use errare_core::angle::wrap;

use super::Measured;
use errare_core::angle::resultant_length;

/// Step of the derivatives with respect to the moments.
const STEP: f64 = 1e-6;
/// Means of cos e, sin e, cos 2e and sin 2e.
type Moments = [f64; 4];

/// The errors of some trials (response − cued item), summarised as in the toolbox of Bays, Catalao & Husain (2009, J Vis
/// 9(10):7) and Fisher (1993), *Statistical Analysis of Circular Data*.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ErrorSummary {
    /// Number of trials.
    pub trials: usize,
    /// Mean direction (radians).
    pub bias: Measured,
    /// Mean resultant length R in [0, 1].
    pub resultant: Measured,
    /// Circular standard deviation √(−2 ln R) (radians).
    pub standard_deviation: Measured,
    /// 1/σ less the value that uniform responses would have (1/rad).
    pub precision: Measured,
    /// Circular kurtosis: 0 for a wrapped normal distribution, larger for heavy tails. Its distribution is skewed: at 200
    /// trials the interval held the truth in 83 % of simulated sets.
    pub kurtosis: Measured,
}

impl ErrorSummary {
    /// Summarises errors (radians).
    #[must_use]
    pub fn of(errors: &[f64]) -> Self {
        let terms: Vec<Moments> = errors
            .iter()
            .map(|error| {
                let (sine, cosine) = error.sin_cos();
                [cosine, sine, 2.0 * cosine * cosine - 1.0, 2.0 * sine * cosine]
            })
            .collect();
        let count = terms.len();
        let means: Moments = std::array::from_fn(|k| terms.iter().map(|t| t[k]).sum::<f64>() / count as f64);
        let chance = chance_precision(count);
        let measured = |figure: &dyn Fn(Moments) -> f64| {
            let slopes: Moments = std::array::from_fn(|k| {
                let moved = |by: f64| {
                    let mut means = means;
                    means[k] += by;
                    figure(means)
                };
                (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
            });
            let influence = |terms: &Moments| (0..4).map(|k| slopes[k] * (terms[k] - means[k])).sum::<f64>();
            Measured::new(figure(means), terms.iter().map(influence))
        };
        let direction = wrap(means[1].atan2(means[0]));
        Self {
            trials: count,
            // About the mean direction, so that no step crosses the branch cut.
            bias: measured(&|m| {
                let (sine, cosine) = direction.sin_cos();
                direction + (m[1] * cosine - m[0] * sine).atan2(m[0] * cosine + m[1] * sine)
            }),
            resultant: measured(&resultant).within(0.0, 1.0),
            standard_deviation: measured(&standard_deviation).within(0.0, f64::INFINITY),
            precision: measured(&|m| 1.0 / standard_deviation(m) - chance),
            kurtosis: measured(&kurtosis),
        }
    }
}

fn resultant(m: Moments) -> f64 {
    resultant_length(m[0], m[1])
}

fn standard_deviation(m: Moments) -> f64 {
    (-2.0 * resultant(m).ln()).sqrt()
}

/// (R₂ cos(θ₂ − 2θ₁) − R⁴) / (1 − R)², Fisher (1993), eq. 2.30.
fn kurtosis(m: Moments) -> f64 {
    let r = resultant(m);
    let doubled = 2.0 * m[1].atan2(m[0]);
    let aligned = m[2] * doubled.cos() + m[3] * doubled.sin();
    (aligned - r.powi(4)) / (1.0 - r).powi(2)
}

/// Expected 1/σ of `count` uniform angles (1/rad), by the integral of Bays, Catalao & Husain (2009):
/// ∫₀^∞ n / (√x exp(x + n e^−x)) dx, by trapezoids over 100 nodes between 10⁻² and 10² equally spaced in ln x.
#[must_use]
pub fn chance_precision(count: usize) -> f64 {
    let n = count as f64;
    let node = |i: usize| 10f64.powf(-2.0 + 4.0 * i as f64 / 99.0);
    let integrand = |x: f64| n / (x.sqrt() * (x + n * (-x).exp()).exp());
    (1..100).map(|i| 0.5 * (node(i) - node(i - 1)) * (integrand(node(i)) + integrand(node(i - 1)))).sum()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use approx::assert_abs_diff_eq;
    use errare_core::angle::CircularSummary;
    use errare_core::random::{Purpose, stream};
    use errare_core::von_mises::VonMises;
    use rand::RngExt;

    use super::*;
    use crate::likelihood::testing::human;

    #[test]
    fn precision_at_chance_is_that_of_uniform_angles() {
        for (count, expected) in [(10, 0.637), (50, 0.486), (200, 0.420)] {
            assert_abs_diff_eq!(chance_precision(count), expected, epsilon = 6e-4);
        }
        let sets = 4000;
        let mean = (0..sets)
            .map(|set| {
                let mut stream = stream(1, Purpose::Null, &[set]);
                let angles: Vec<f64> = (0..50).map(|_| TAU * stream.random::<f64>() - PI).collect();
                1.0 / CircularSummary::of(angles).standard_deviation()
            })
            .sum::<f64>()
            / sets as f64;
        assert_abs_diff_eq!(mean, chance_precision(50), epsilon = 0.01);
    }

    /// Bays, Catalao & Husain (2009), pooled over participants and exposures.
    #[test]
    fn reference_values_of_human_data() {
        for (set_size, sd, precision) in
            [(1, 0.279, 3.230), (2, 0.509, 1.610), (4, 0.855, 0.814), (6, 1.109, 0.547)]
        {
            let Some(trials) = human("bays2009", set_size) else { return };
            let errors: Vec<f64> = trials
                .iter()
                .map(|(display, y)| errare_core::angle::difference(*y, display.report[0]))
                .collect();
            let summary = ErrorSummary::of(&errors);
            assert_abs_diff_eq!(summary.standard_deviation.value.unwrap(), sd, epsilon = 6e-4);
            assert_abs_diff_eq!(summary.precision.value.unwrap(), precision, epsilon = 1.5e-3);
        }
    }

    /// One wild response among exact ones: the interval of R went on to 1.23, that of σ began at −0.04.
    #[test]
    fn intervals_stay_where_the_figure_can_be() {
        let summary = ErrorSummary::of(&[0.01, -0.02, 0.03, -0.01, 2.5]);
        assert_eq!(summary.resultant.hi, Some(1.0));
        assert_eq!(summary.standard_deviation.lo, Some(0.0));
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let emission = VonMises::new(4.0).unwrap();
        let ratio = |order: f64| {
            let nodes = errare_core::quadrature::legendre(64, -PI, PI);
            nodes.iter().map(|(e, w)| w * emission.log_density(*e).exp() * (order * e).cos()).sum::<f64>()
        };
        let moments = [ratio(1.0), 0.0, ratio(2.0), 0.0];
        let (sets, count) = (400, 200);
        let mut inside = [0; 5];
        for set in 0..sets {
            let mut stream = stream(2, Purpose::Surrogate, &[set]);
            let errors: Vec<f64> = (0..count).map(|_| emission.sample(&mut stream)).collect();
            let one = ErrorSummary::of(&errors);
            let truths = [
                (one.bias, 0.0),
                (one.resultant, moments[0]),
                (one.standard_deviation, standard_deviation(moments)),
                (one.precision, 1.0 / standard_deviation(moments) - chance_precision(count)),
                (one.kurtosis, kurtosis(moments)),
            ];
            for (inside, (figure, truth)) in inside.iter_mut().zip(truths) {
                *inside += usize::from((figure.lo.unwrap()..figure.hi.unwrap()).contains(&truth));
            }
        }
        // Nominally 380 of 400; kurtosis converges slowly, and its intervals are known to be too narrow.
        assert!(inside[..4].iter().all(|count| (365..=394).contains(count)), "{inside:?}");
        assert!((300..=396).contains(&inside[4]), "{inside:?}");
    }

    #[test]
    fn figures_agree_with_the_plain_summary_and_bear_no_errors() {
        let errors = [0.1, -0.4, 3.1, 0.2, -3.0];
        let (one, plain) = (ErrorSummary::of(&errors), CircularSummary::of(errors));
        assert_abs_diff_eq!(one.bias.value.unwrap(), plain.mean, epsilon = 1e-12);
        assert_abs_diff_eq!(one.kurtosis.value.unwrap(), plain.kurtosis, epsilon = 1e-12);
        let perfect = ErrorSummary::of(&[0.0; 20]);
        assert_eq!((perfect.resultant.value, perfect.precision.value), (Some(1.0), None));
        for count in 1..40 {
            let equal = ErrorSummary::of(&vec![1.1975; count]);
            let known = (equal.resultant.value, equal.precision.value, equal.kurtosis.value);
            assert_eq!(known, (Some(1.0), None, None), "{count} equal errors");
            assert!(CircularSummary::of(vec![1.1975; count]).kurtosis.is_nan());
        }
        let single = ErrorSummary::of(&[0.3]);
        assert!(single.bias.value.is_some() && single.bias.standard_error.is_none());
    }
}
