//! Convergence of chains: bulk effective sample size and R̂ on rank-normalised halves of chains (Vehtari et al. 2021,
//! Bayesian Analysis 16:667).

use statrs::distribution::{ContinuousCDF, Normal};

/// Bulk effective sample size, and R̂, of one quantity; chains of equal length.
pub(super) fn bulk(chains: &[Vec<f64>]) -> (f64, f64) {
    let half = chains[0].len() / 2;
    let halves: Vec<&[f64]> =
        chains.iter().flat_map(|chain| [&chain[..half], &chain[chain.len() - half..]]).collect();
    let normal = rank_normalised(&halves);
    (effective(&normal), r_hat(&normal))
}

/// Normal scores of the ranks among all chains (Blom's), ties at their mean rank.
fn rank_normalised(chains: &[&[f64]]) -> Vec<Vec<f64>> {
    let values: Vec<f64> = chains.iter().flat_map(|chain| chain.iter().copied()).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let standard = Normal::standard();
    let mut scores = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let end = start + order[start..].iter().take_while(|&&at| values[at] == values[order[start]]).count();
        let rank = 0.5 * (start + 1 + end) as f64;
        let score = standard.inverse_cdf((rank - 0.375) / (values.len() as f64 + 0.25));
        order[start..end].iter().for_each(|&at| scores[at] = score);
        start = end;
    }
    let length = chains[0].len();
    scores.chunks(length).map(<[f64]>::to_vec).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Mean variance within chains, and the estimate of the whole variance from within and between.
fn variances(chains: &[Vec<f64>]) -> (f64, f64) {
    let (m, n) = (chains.len() as f64, chains[0].len() as f64);
    let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
    let square = |values: &[f64], centre: f64| values.iter().map(|x| (x - centre).powi(2)).sum::<f64>();
    let within =
        chains.iter().zip(&means).map(|(chain, mean)| square(chain, *mean) / (n - 1.0)).sum::<f64>() / m;
    let between = square(&means, mean(&means)) / (m - 1.0);
    (within, (n - 1.0) / n * within + between)
}

fn r_hat(chains: &[Vec<f64>]) -> f64 {
    let (within, whole) = variances(chains);
    (whole / within).sqrt()
}

/// By Geyer's initial monotone sequence of autocorrelations.
fn effective(chains: &[Vec<f64>]) -> f64 {
    let (m, n) = (chains.len(), chains[0].len());
    let (within, whole) = variances(chains);
    let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
    let autocorrelation = |lag: usize| {
        let covariance: f64 = chains
            .iter()
            .zip(&means)
            .map(|(chain, mean)| {
                chain[lag..].iter().zip(chain).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>()
                    / (n - 1) as f64
            })
            .sum::<f64>()
            / m as f64;
        1.0 - (within - covariance) / whole
    };
    let (mut sum, mut last) = (0.0, f64::INFINITY);
    for pair in 0..n / 2 {
        let first = if pair == 0 { 1.0 } else { autocorrelation(2 * pair) };
        let value = first + autocorrelation(2 * pair + 1);
        if value < 0.0 {
            break;
        }
        last = last.min(value);
        sum += last;
    }
    let draws = (m * n) as f64;
    // Antithetic chains may be better than independent draws, but not by more than this.
    draws / (2.0 * sum - 1.0).max(1.0 / draws.log10())
}

#[cfg(test)]
mod tests {
    use errare_core::random::{Purpose, stream};
    use rand::RngExt;
    use rand_distr::StandardNormal;

    use super::*;

    /// Chains of an autoregression of first order, each shifted by its number times `shift`.
    fn autoregressive(phi: f64, shift: f64) -> Vec<Vec<f64>> {
        (0..4)
            .map(|chain| {
                let mut random = stream(3, Purpose::Posterior, &[chain]);
                let mut at = 0.0;
                let mut next = || {
                    let normal: f64 = random.sample(StandardNormal);
                    at = phi * at + (1.0 - phi * phi).sqrt() * normal;
                    at + shift * chain as f64
                };
                (0..4000).map(|_| next()).collect()
            })
            .collect()
    }

    #[test]
    fn effective_sizes_are_those_of_autoregressions() {
        for (phi, expected) in [(0.0, 16_000.0), (0.6, 4_000.0), (0.9, 842.0)] {
            let (ess, r_hat) = bulk(&autoregressive(phi, 0.0));
            assert!((ess / expected - 1.0).abs() < 0.15, "{phi}: {ess} of {expected}");
            assert!(r_hat < 1.01, "{phi}: {r_hat}");
        }
    }

    #[test]
    fn chains_that_disagree_are_told() {
        let (ess, r_hat) = bulk(&autoregressive(0.0, 0.5));
        assert!(r_hat > 1.1 && ess < 100.0, "{r_hat} {ess}");
    }
}
