//! Fixed nodes for expectations under a multivariate normal distribution.
//!
//! One dimension: 20 Gauss–Hermite nodes; two: their product rule of 7 × 7; more: the fully symmetric rule of
//! Mysovskikh on the vertices of a simplex, exact to degree 5 with n² + 3n + 3 nodes (Lu & Darmofal 2004, SIAM
//! J Sci Comput 26:613). From n = 8 on some weights of the latter are negative, and so could be the mean of a probability:
//! there it is the rule E_n^{r²} 5-3 of Stroud & Secrest (1963, Math Comp 17:105), whose weights are all positive. The objective
//! of a fit is therefore a deterministic smooth function.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use errare_core::quadrature::normal;

/// The rule on a simplex has no negative weight up to this dimension.
const MOST_OF_SIMPLEX: usize = 7;

/// Nodes ξ and weights ω with E g(z) ≈ Σ ω g(ξ) for z ~ N(0, I).
#[derive(Debug)]
pub(super) struct Nodes {
    dimension: usize,
    points: Vec<f64>,
    weights: Vec<f64>,
}

impl Nodes {
    /// The nodes of a dimension, kept between calls.
    pub(super) fn of(dimension: usize) -> Arc<Self> {
        static KEPT: [OnceLock<Arc<Nodes>>; 16] = [const { OnceLock::new() }; 16];
        match KEPT.get(dimension) {
            Some(slot) => Arc::clone(slot.get_or_init(|| Arc::new(Self::build(dimension)))),
            None => Arc::new(Self::build(dimension)),
        }
    }

    fn build(dimension: usize) -> Self {
        match dimension {
            0 => Self { dimension, points: Vec::new(), weights: vec![1.0] },
            1 => {
                let (points, weights) = normal(20).into_iter().unzip();
                Self { dimension, points, weights }
            }
            2 => {
                let line = normal(7);
                let mut nodes = Self { dimension, points: Vec::new(), weights: Vec::new() };
                for &(x, u) in &line {
                    for &(y, v) in &line {
                        nodes.points.extend([x, y]);
                        nodes.weights.push(u * v);
                    }
                }
                nodes
            }
            3..=MOST_OF_SIMPLEX => Self::simplex(dimension),
            _ => Self::star(dimension),
        }
    }

    fn simplex(dimension: usize) -> Self {
        let n = dimension as f64;
        let radius = (n + 2.0).sqrt();
        let mut nodes = Self { dimension, points: vec![0.0; dimension], weights: vec![2.0 / (n + 2.0)] };
        // The vertices of a regular simplex on the unit sphere.
        let vertices: Vec<Vec<f64>> = (1..=dimension + 1)
            .map(|r| {
                (1..=dimension)
                    .map(|i| {
                        let (i, r) = (i as f64, r as f64);
                        if i < r {
                            -((n + 1.0) / (n * (n - i + 2.0) * (n - i + 1.0))).sqrt()
                        } else if i == r {
                            ((n + 1.0) * (n - r + 1.0) / (n * (n - r + 2.0))).sqrt()
                        } else {
                            0.0
                        }
                    })
                    .collect()
            })
            .collect();
        let squares = (n + 1.0).powi(2) * (n + 2.0).powi(2);
        let mut add = |direction: &[f64], weight: f64| {
            for sign in [radius, -radius] {
                nodes.points.extend(direction.iter().map(|x| sign * x));
                nodes.weights.push(weight);
            }
        };
        for vertex in &vertices {
            add(vertex, n * n * (7.0 - n) / (2.0 * squares));
        }
        // The midpoints of its edges, projected onto the sphere.
        let project = (n / (2.0 * (n - 1.0))).sqrt();
        for (index, a) in vertices.iter().enumerate() {
            for b in &vertices[..index] {
                let middle: Vec<f64> = a.iter().zip(b).map(|(a, b)| project * (a + b)).collect();
                add(&middle, 2.0 * (n - 1.0).powi(2) / squares);
            }
        }
        nodes
    }

    /// 2n nodes on the axes at √((n + 2)/2), and the corners (±1, …, ±1) √((n + 2)/(n − 2)): not all 2ⁿ of them, but rows of
    /// signs of which any five columns are independent, which leaves the moments to degree 5 as they are.
    fn star(dimension: usize) -> Self {
        let n = dimension as f64;
        let columns = independent(dimension);
        let bits = columns.iter().fold(0, |all, column| all | column);
        let rows = bits + 1;
        let mut nodes = Self { dimension, points: Vec::new(), weights: Vec::new() };
        let corner = ((n + 2.0) / (n - 2.0)).sqrt();
        for row in 0..rows {
            let sign =
                |column: &u64| if (row & column).count_ones().is_multiple_of(2) { corner } else { -corner };
            nodes.points.extend(columns.iter().map(sign));
            nodes.weights.push(((n - 2.0) / (n + 2.0)).powi(2) / rows as f64);
        }
        let radius = (0.5 * (n + 2.0)).sqrt();
        for axis in 0..dimension {
            for at in [radius, -radius] {
                nodes.points.extend((0..dimension).map(|other| if other == axis { at } else { 0.0 }));
                nodes.weights.push(4.0 / (n + 2.0).powi(2));
            }
        }
        nodes
    }

    /// Every node with its weight.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let at = |index: usize| &self.points[index * self.dimension..(index + 1) * self.dimension];
        self.weights.iter().enumerate().map(move |(index, &weight)| (at(index), weight))
    }
}

/// Vectors over the field of two elements, as bits, of which any five are linearly independent. All have a last component of
/// 1, so that no odd number of them sums to 0; below it no two pairs have the same sum, nor therefore do four sum to 0.
fn independent(count: usize) -> Vec<u64> {
    let mut chosen: Vec<u64> = Vec::with_capacity(count);
    let mut sums = HashSet::new();
    for candidate in 0.. {
        if chosen.len() == count {
            break;
        }
        if chosen.iter().all(|other| !sums.contains(&(other ^ candidate))) {
            sums.extend(chosen.iter().map(|other| other ^ candidate));
            chosen.push(candidate);
        }
    }
    let last = chosen.iter().fold(0, |all, vector| all | vector) + 1;
    chosen.iter().map(|vector| vector | last.next_power_of_two()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E Π zᵢ^{kᵢ} of independent standard normals.
    fn moment(powers: &[i32]) -> f64 {
        powers
            .iter()
            .map(|&k| if k % 2 == 1 { 0.0 } else { (1..k).step_by(2).map(f64::from).product() })
            .product()
    }

    /// With negative ones the mean of a probability that is large at few nodes only came out negative.
    #[test]
    fn weights_are_probabilities() {
        for dimension in 1..=12usize {
            let nodes = Nodes::of(dimension);
            assert!(nodes.iter().all(|(_, weight)| weight >= 0.0), "{dimension}");
            assert!((nodes.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_eq!(Nodes::of(8).iter().count(), 128 + 16);
        let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
        let mean: f64 =
            Nodes::of(8).iter().map(|(node, weight)| weight * logistic(4.0 * node[0] - 16.0)).sum();
        assert!(mean >= 0.0, "{mean}");
    }

    #[test]
    fn moments_to_degree_five_are_exact() {
        for dimension in 1..=12usize {
            let nodes = Nodes::of(dimension);
            let mut monomials = vec![vec![0; dimension]];
            // Every product of four different coordinates, and of two and two.
            for set in 0..1u32 << dimension {
                let of =
                    |power: i32| (0..dimension).map(|i| power * ((set >> i) & 1) as i32).collect::<Vec<_>>();
                monomials.extend([4, 5].contains(&set.count_ones()).then(|| of(1)));
                monomials.extend((set.count_ones() == 2).then(|| of(2)));
            }
            for degree in 1..=5 {
                for stride in [1, 2, dimension.max(3) - 1] {
                    let mut powers = vec![0; dimension];
                    (0..degree).for_each(|step| powers[step * stride % dimension] += 1);
                    monomials.push(powers);
                    let mut even = vec![0; dimension];
                    even[degree % dimension] += 2;
                    even[(degree + stride) % dimension] += 2;
                    monomials.push(even);
                }
            }
            for powers in monomials {
                let value: f64 = nodes
                    .iter()
                    .map(|(node, weight)| {
                        weight * node.iter().zip(&powers).map(|(x, &k)| x.powi(k)).product::<f64>()
                    })
                    .sum();
                assert!((value - moment(&powers)).abs() < 1e-10, "{dimension} {powers:?}: {value}");
            }
        }
    }
}
