//! Linear algebra of the few logits of one trial, in slices.

/// Four partial sums, so that the additions do not wait for each other.
#[inline]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (left, right) = (a[..length].chunks_exact(4), b[..length].chunks_exact(4));
    let mut tail = 0.0;
    for (a, b) in left.remainder().iter().zip(right.remainder()) {
        tail += a * b;
    }
    let mut sums = [0.0; 4];
    for (a, b) in left.zip(right) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums[0] + sums[1] + (sums[2] + sums[3]) + tail
}

/// Cholesky factor of a positive semi-definite matrix given and returned as the lower triangle of rows. Equal
/// offsets make it singular: directions of no variance get a column of zeros.
pub(super) fn cholesky_in_place(matrix: &mut [f64], size: usize) {
    for j in 0..size {
        let variance = matrix[j * size + j];
        let (before, after) = matrix.split_at_mut((j + 1) * size);
        let row = &mut before[j * size..];
        let pivot = variance - dot(&row[..j], &row[..j]);
        let inverse = if pivot > 1e-12 * variance { 1.0 / pivot.sqrt() } else { 0.0 };
        row[j] = pivot * inverse;
        for below in after.chunks_exact_mut(size).take(size - j - 1) {
            below[j] = (below[j] - dot(&below[..j], &row[..j])) * inverse;
        }
    }
}
