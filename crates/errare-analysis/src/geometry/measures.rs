//! Measures of how parallel the planes of two rings are.

use nalgebra::{DMatrix, Matrix2};

use super::slot::{Slot, leading_directions, leading_eigenvectors, pooled_covariance};

/// Names of the measures, in the order of [`Alignment::values`].
pub const MEASURES: [&str; 13] = [
    "cos_paper",
    "cos_centred",
    "cos_first",
    "cos_second",
    "cos_product",
    "cos_rms",
    "angle_first",
    "angle_second",
    "alignment_index",
    "offset",
    "offset_share",
    "offset_normal_first",
    "offset_normal_second",
];

/// Alignment of the planes of two rings at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// |cos| between the rings' normals within the first three principal components of all trials (Panichello
    /// & Buschman 2021; Radmard, Bays & Lengyel, arXiv 2512.04808). An offset between the rings takes one of
    /// the three components and drives it to 1, whatever the true angle: see [`Alignment::offset`].
    pub cos_paper: f64,
    /// The same within the first three principal components of both rings about their own centres, which no
    /// offset can enter.
    pub cos_centred: f64,
    /// Cosines of the two principal angles between the planes in the full space, largest first.
    pub principal_cosines: [f64; 2],
    /// Share of each ring's variance that lies in the other's plane, relative to what the best plane holds,
    /// averaged over the two (Elsayed et al. 2016), in two dimensions.
    pub alignment_index: f64,
    /// Distance between the rings' centres, relative to their root mean squared radius.
    pub offset: f64,
    /// Share of the pooled variance along the line between the centres.
    pub offset_share: f64,
    /// |cos| between that line and each ring's normal, within the three components of `cos_paper`.
    pub offset_normal: [f64; 2],
}

impl Alignment {
    /// Of two rings.
    pub(crate) fn of(a: &Slot, b: &Slot) -> Self {
        let pooled = pooled_covariance(a, b);
        let axes = leading_eigenvectors(&pooled, 3);
        let normals = [a.normal_within(&axes), b.normal_within(&axes)];
        let centred = centred_axes(a, b);
        let overlap: DMatrix<f64> = a.plane.tr_mul(&b.plane);
        let overlap = Matrix2::from_iterator(overlap.iter().copied()).singular_values();
        let (largest, smallest) = (overlap.max().min(1.0), overlap.min().min(1.0));

        let between = &a.centre - &b.centre;
        let distance = between.norm();
        let size = (0.5 * (a.ring.norm_squared() + b.ring.norm_squared())).sqrt();
        let direction = if distance > 0.0 { &between / distance } else { between.clone() };
        let share = direction.dot(&(&pooled * &direction)) / pooled.trace();
        let projected = axes.tr_mul(&direction);
        let length = projected.norm();
        let along = |normal: &nalgebra::Vector3<f64>| {
            if length > 0.0 { (projected.dot(normal) / length).abs() } else { 0.0 }
        };
        Self {
            cos_paper: normals[0].dot(&normals[1]).abs().min(1.0),
            cos_centred: a.normal_within(&centred).dot(&b.normal_within(&centred)).abs().min(1.0),
            principal_cosines: [largest, smallest],
            alignment_index: 0.5 * (captured(a, b) + captured(b, a)),
            offset: if size > 0.0 { distance / size } else { 0.0 },
            offset_share: if share.is_finite() { share } else { 0.0 },
            offset_normal: [along(&normals[0]), along(&normals[1])],
        }
    }

    /// Product of the principal cosines: cos²θ for planes that are tilted by θ in both directions.
    #[must_use]
    pub fn cos_product(&self) -> f64 {
        self.principal_cosines[0] * self.principal_cosines[1]
    }

    /// Root mean square of the principal cosines.
    #[must_use]
    pub fn cos_rms(&self) -> f64 {
        (0.5 * self.principal_cosines.iter().map(|c| c * c).sum::<f64>()).sqrt()
    }

    /// Principal angles (radians) in [0, π/2], smallest first.
    #[must_use]
    pub fn principal_angles(&self) -> [f64; 2] {
        self.principal_cosines.map(f64::acos)
    }

    /// All measures in the order of [`MEASURES`].
    #[must_use]
    pub fn values(&self) -> [f64; MEASURES.len()] {
        let [first, second] = self.principal_cosines;
        let [angle_first, angle_second] = self.principal_angles();
        [
            self.cos_paper,
            self.cos_centred,
            first,
            second,
            self.cos_product(),
            self.cos_rms(),
            angle_first,
            angle_second,
            self.alignment_index,
            self.offset,
            self.offset_share,
            self.offset_normal[0],
            self.offset_normal[1],
        ]
    }
}

/// First three principal components of both rings about their own centres.
pub(crate) fn centred_axes(a: &Slot, b: &Slot) -> DMatrix<f64> {
    let bins: Vec<_> = a.ring.column_iter().chain(b.ring.column_iter()).collect();
    leading_directions(&DMatrix::from_columns(&bins), 3)
}

/// Variance of the ring of `b` in the plane of `a`, relative to that in its own.
fn captured(a: &Slot, b: &Slot) -> f64 {
    let within = |plane: &DMatrix<f64>| plane.tr_mul(&b.ring).norm_squared();
    let most = within(&b.plane);
    if most > 0.0 { within(&a.plane) / most } else { 0.0 }
}
