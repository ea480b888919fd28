//! Where an observed statistic lies among those of surrogates.

/// Two-sided posterior predictive p-value of a number; `None` when it, or most of the surrogates', is not finite. The
/// smallest possible is 2/(surrogates + 1).
pub(super) fn two_sided(observed: f64, surrogates: &[f64]) -> Option<f64> {
    let known: Vec<f64> = surrogates.iter().copied().filter(|value| value.is_finite()).collect();
    if !observed.is_finite() || 2 * known.len() < surrogates.len() {
        return None;
    }
    let least = |beyond: &dyn Fn(f64) -> bool| {
        (1 + known.iter().filter(|&&value| beyond(value)).count()) as f64 / (known.len() + 1) as f64
    };
    let (above, below) = (least(&|value| value >= observed), least(&|value| value <= observed));
    Some((2.0 * above.min(below)).min(1.0))
}

/// How far the observed curve lies from those of surrogates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Discrepancy {
    /// Σ (value − mean)²/variance of the observed curve.
    pub(super) observed: f64,
    /// Its median …
    pub(super) median: f64,
    /// … and upper 95 % point among the surrogates.
    pub(super) limit: f64,
    /// Share of curves, surrogates and observed, that lie at least as far from the rest.
    pub(super) p: f64,
}

/// Compares a curve with those of surrogates.
///
/// Mean and variance of each bin are those of all curves together, the observed one included. Under the right model
/// all curves are exchangeable, so that the p-value is exact for any number of surrogates and any dependence between
/// bins. Bins without data (NaN) or variance do not count.
pub(super) fn of_curve(observed: &[f64], surrogates: &[Vec<f64>]) -> Discrepancy {
    let curves = || surrogates.iter().map(Vec::as_slice).chain([observed]);
    let count = (surrogates.len() + 1) as f64;
    let scales: Vec<(f64, f64)> = (0..observed.len())
        .map(|bin| {
            let mean = curves().map(|curve| curve[bin]).sum::<f64>() / count;
            let variance = curves().map(|curve| (curve[bin] - mean).powi(2)).sum::<f64>() / count;
            (mean, variance)
        })
        .collect();
    let discrepancy = |curve: &[f64]| -> f64 {
        let counted = curve.iter().zip(&scales).filter(|(_, (_, variance))| *variance > 1e-20);
        counted.map(|(value, (mean, variance))| (value - mean).powi(2) / variance).sum()
    };
    let of_observed = discrepancy(observed);
    let mut others: Vec<f64> = surrogates.iter().map(|curve| discrepancy(curve)).collect();
    others.sort_by(f64::total_cmp);
    let as_far = others.iter().filter(|other| **other >= of_observed).count();
    let at = |share: f64| others[((share * (others.len() - 1) as f64).round()) as usize];
    Discrepancy { observed: of_observed, median: at(0.5), limit: at(0.95), p: (1 + as_far) as f64 / count }
}

/// Median and the ends of the central 95 % of some values.
pub(super) fn band(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * sorted.len().saturating_sub(1) as f64;
        sorted.get(place.round() as usize).copied().unwrap_or(f64::NAN)
    };
    (at(0.5), at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_have_the_smallest_values() {
        let surrogates: Vec<f64> = (0..99).map(f64::from).collect();
        assert_eq!(two_sided(200.0, &surrogates), Some(0.02));
        assert_eq!(two_sided(-1.0, &surrogates), Some(0.02));
        assert_eq!(two_sided(49.0, &surrogates), Some(1.0));
        assert_eq!(two_sided(f64::NAN, &surrogates), None);
        // What a surrogate does not have says nothing about the model.
        let half: Vec<f64> = surrogates.iter().map(|&v| if v < 40.0 { f64::NAN } else { v }).collect();
        assert_eq!(two_sided(70.0, &half), Some(1.0));
        assert_eq!(two_sided(70.0, &[f64::NAN, f64::NAN, 70.0]), None);
        assert_eq!(band(surrogates.into_iter()), (49.0, 2.0, 96.0));
    }

    #[test]
    fn a_curve_that_stands_out_in_one_bin_is_found() {
        let surrogates: Vec<Vec<f64>> =
            (0..99).map(|i| vec![f64::from(i % 7), f64::from(i % 5), f64::NAN, 1.0]).collect();
        let far = of_curve(&[3.0, 40.0, f64::NAN, 1.0], &surrogates);
        assert!(far.observed > 50.0 && far.observed > far.limit && far.p == 0.01, "{far:?}");
        let near = of_curve(&[3.0, 2.0, f64::NAN, 1.0], &surrogates);
        assert!(near.p > 0.9 && near.median < near.limit, "{near:?}");
    }
}
