//! The two number types of the kernels: f32 with polynomial functions that vectorise, f64 with exact ones.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use super::InstructionSet;

/// A real number of the kernels.
pub(crate) trait Real:
    Copy
    + Debug
    + Default
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Rounds from f64.
    fn from_f64(value: f64) -> Self;
    /// Widens to f64.
    fn to_f64(self) -> f64;
    /// self·b + c, fused.
    fn fused(self, b: Self, c: Self) -> Self;
    /// √self.
    fn root(self) -> Self;
    /// e^{−|z|}, the first half of a softplus. Halves that are passes of their own over many vectors are as fast as their
    /// instructions allow, also where another thread has half of the core; the whole is a chain that waits for itself.
    fn decay<S: InstructionSet>(self) -> Self;
    /// The second half: softplus ln(1 + eᶻ) and its derivative, the logistic function, given e^{−|z|}.
    fn softplus_given<S: InstructionSet>(self, decay: Self) -> (Self, Self);
    /// The logistic function 1/(1 + e⁻ᶻ).
    fn logistic<S: InstructionSet>(self) -> Self;
    /// tanh z = 2/(1 + e^{−2z}) − 1.
    #[inline(always)]
    fn hyperbolic_tangent<S: InstructionSet>(self) -> Self {
        let twice = (self + self).logistic::<S>();
        twice + twice - Self::ONE
    }
    /// eˣ for x ≤ 0; in f32 not below e⁻⁶⁰.
    fn exp_negative<S: InstructionSet>(self) -> Self;
    /// Two independent standard normals from 64 random bits (Box & Muller 1958).
    fn normal_pair<S: InstructionSet>(radius: u32, angle: u32) -> (Self, Self);
}

/// a·b + c, fused when the instruction set has it.
#[inline(always)]
pub(crate) fn multiply_add<T: Real, S: InstructionSet>(a: T, b: T, c: T) -> T {
    if S::FMA { a.fused(b, c) } else { a * b + c }
}

/// Polynomial with coefficients of ascending powers, by Horner's rule.
#[inline(always)]
fn polynomial<S: InstructionSet, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut value = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        value = multiply_add::<f32, S>(value, x, coefficients[i]);
    }
    value
}

/// Where e⁻ᵃ stops falling: nothing next to a number of ordinary size, but as the slope of a unit that is off it leaves
/// the product with a gradient far above the subnormal numbers, which Intel's processors multiply in microcode.
const LARGEST_EXPONENT: f32 = 60.0;

/// e⁻ᵃ for a ≥ 0, up to [`LARGEST_EXPONENT`]: 2ᵏ times a polynomial on [−½, ½], relative error 2e-7 + 2e-8 a.
#[inline(always)]
#[expect(clippy::approx_constant, reason = "the best coefficient of the first power is not quite ln 2")]
fn exp_f32<S: InstructionSet>(a: f32) -> f32 {
    /// 1.5·2²³: adding it leaves the rounded integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let a = if a > LARGEST_EXPONENT { LARGEST_EXPONENT } else { a };
    let shifted = multiply_add::<f32, S>(a, -std::f32::consts::LOG2_E, ROUND);
    let k = shifted - ROUND;
    let f = multiply_add::<f32, S>(a, -std::f32::consts::LOG2_E, -k);
    let p =
        polynomial::<S, 6>(f, [1.0, 0.693_147, 0.240_222_42, 0.055_507_34, 0.009_671_512, 0.001_326_467_1]);
    // 2ᵏ by adding to the exponent.
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// ln(1 + u)/u for u in [0, 1], relative error 2e-7.
#[inline(always)]
fn log1p_over_f32<S: InstructionSet>(u: f32) -> f32 {
    polynomial::<S, 8>(
        u,
        [
            0.999_999_8,
            -0.499_974_04,
            0.332_754_8,
            -0.244_954_63,
            0.177_452_4,
            -0.107_681_66,
            0.044_089_58,
            -0.008_539_192,
        ],
    )
}

/// ln x for normal positive x, absolute error 1e-7 of the larger of |ln x| and 1.
#[inline(always)]
fn ln_f32<S: InstructionSet>(x: f32) -> f32 {
    // x = m·2ᵉ with m in [√½, √2).
    let offset = x.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (offset as i32) >> 23;
    let m = f32::from_bits((offset & 0x007f_ffff).wrapping_add(0x3f35_04f3));
    let f = m - 1.0;
    let p = polynomial::<S, 9>(
        f,
        [
            1.0,
            -0.499_999_88,
            0.333_341_84,
            -0.250_021_55,
            0.199_569_78,
            -0.165_606_96,
            0.149_490_95,
            -0.143_773_3,
            0.087_439_455,
        ],
    );
    multiply_add::<f32, S>(exponent as f32, std::f32::consts::LN_2, f * p)
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn fused(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn decay<S: InstructionSet>(self) -> Self {
        exp_f32::<S>(self.abs())
    }

    #[inline(always)]
    fn softplus_given<S: InstructionSet>(self, e: Self) -> (Self, Self) {
        // With an `if` the compiler adds to both branches, and then chooses: two instructions more.
        let value = multiply_add::<f32, S>(e, log1p_over_f32::<S>(e), self.max(0.0));
        let slope = (if self > 0.0 { 1.0 } else { e }) / (1.0 + e);
        (value, slope)
    }

    #[inline(always)]
    fn logistic<S: InstructionSet>(self) -> Self {
        let e = exp_f32::<S>(self.abs());
        (if self > 0.0 { 1.0 } else { e }) / (1.0 + e)
    }

    #[inline(always)]
    fn exp_negative<S: InstructionSet>(self) -> Self {
        exp_f32::<S>(-self)
    }

    #[inline(always)]
    fn normal_pair<S: InstructionSet>(radius: u32, angle: u32) -> (Self, Self) {
        // u in (0, 1] on a grid of 2⁻²⁴.
        let u = ((radius >> 8) as i32 + 1) as f32 * (1.0 / 16_777_216.0);
        let log = ln_f32::<S>(u);
        let r = (if log < 0.0 { -2.0 * log } else { 0.0 }).sqrt();
        // The angle is π/4·v with v in [−1, 1), turned by a multiple of a right angle.
        let v = ((angle >> 8) as i32 - 8_388_608) as f32 * (1.0 / 8_388_608.0);
        let w = v * v;
        let sine = v * polynomial::<S, 5>(
            w,
            [std::f32::consts::FRAC_PI_4, -0.080_745_51, 0.002_490_393_1, -3.657_239_4e-5, 3.089_971_3e-7],
        );
        let cosine =
            polynomial::<S, 5>(w, [1.0, -0.308_425_13, 0.015_854_325, -3.259_386e-4, 3.529_804_2e-6]);
        let (x, y) = if angle & 1 == 1 { (-sine, cosine) } else { (cosine, sine) };
        let sign = (angle << 30) & 0x8000_0000;
        let r = f32::from_bits(r.to_bits() ^ sign);
        (r * x, r * y)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn fused(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn decay<S: InstructionSet>(self) -> Self {
        (-self.abs()).exp()
    }

    #[inline(always)]
    fn softplus_given<S: InstructionSet>(self, e: Self) -> (Self, Self) {
        (self.max(0.0) + e.ln_1p(), (if self > 0.0 { 1.0 } else { e }) / (1.0 + e))
    }

    #[inline(always)]
    fn logistic<S: InstructionSet>(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }

    #[inline(always)]
    fn exp_negative<S: InstructionSet>(self) -> Self {
        self.exp()
    }

    #[inline(always)]
    fn normal_pair<S: InstructionSet>(radius: u32, angle: u32) -> (Self, Self) {
        let u = (f64::from(radius >> 8) + 1.0) / 16_777_216.0;
        let v = (f64::from(angle >> 8) - 8_388_608.0) / 8_388_608.0;
        let quarter_turns = f64::from(angle & 1) + f64::from(angle & 2);
        let (sine, cosine) = (std::f64::consts::FRAC_PI_4 * (v + 2.0 * quarter_turns)).sin_cos();
        let r = (-2.0 * u.ln()).sqrt();
        (r * cosine, r * sine)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{Narrow, Unfused};

    fn softplus<T: Real, S: InstructionSet>(z: T) -> (T, T) {
        z.softplus_given::<S>(z.decay::<S>())
    }

    proptest! {
        /// Relative error of softplus and its slope: 5e-7 (6e-7 without fused multiply-add), and 2e-8 |z| from
        /// the rounding of log₂ e.
        #[test]
        fn softplus_matches_f64(z in -LARGEST_EXPONENT..80.0) {
            let (exact, exact_slope) = softplus::<_, Narrow>(f64::from(z));
            let rounding = f64::from(z.abs());
            let (value, slope) = softplus::<_, Narrow>(z);
            let tolerance = 5e-7 + 2e-8 * rounding;
            prop_assert!((f64::from(value) - exact).abs() <= tolerance * exact);
            prop_assert!((f64::from(slope) - exact_slope).abs() <= tolerance * exact_slope);
            let (plain, plain_slope) = softplus::<_, Unfused>(z);
            // Without it the reduced argument loses the bits of |z| log₂ e.
            let tolerance = 6e-7 + 1e-7 * rounding;
            prop_assert!((f64::from(plain) - exact).abs() <= tolerance * exact);
            prop_assert!((f64::from(plain_slope) - exact_slope).abs() <= tolerance * exact_slope);
        }

        #[test]
        fn logistic_and_tangent_match_f64(z in -60.0f32..60.0) {
            let logistic = f64::from(z.logistic::<Narrow>());
            prop_assert!((logistic - f64::from(z).logistic::<Narrow>()).abs() < 3e-7);
            let tangent = f64::from(z.hyperbolic_tangent::<Narrow>());
            prop_assert!((tangent - f64::from(z).tanh()).abs() < 4e-7);
        }

        #[test]
        fn normals_match_f64(radius: u32, angle: u32) {
            let (x, y) = f32::normal_pair::<Narrow>(radius, angle);
            let (exact_x, exact_y) = f64::normal_pair::<Narrow>(radius, angle);
            prop_assert!((f64::from(x) - exact_x).abs() < 2e-6, "{x} {exact_x}");
            prop_assert!((f64::from(y) - exact_y).abs() < 2e-6, "{y} {exact_y}");
        }
    }

    #[test]
    fn softplus_survives_extremes() {
        assert_eq!(softplus::<_, Narrow>(1e30f32), (1e30, 1.0));
        let (value, slope) = softplus::<_, Narrow>(-1e30f32);
        assert!((0.0..1e-26).contains(&value) && (0.0..1e-26).contains(&slope));
        assert!((slope * 1e-11).is_normal());
        assert_relative_eq!(softplus::<_, Narrow>(0.0f32).0, std::f32::consts::LN_2, max_relative = 2e-7);
        assert!(softplus::<_, Narrow>(f32::NAN).0.is_nan());
    }

    #[test]
    fn the_smallest_and_largest_bits_give_finite_normals() {
        for radius in [0, 255, 256, u32::MAX] {
            let (x, y) = f32::normal_pair::<Narrow>(radius, 0x1234_5678);
            assert!(x.is_finite() && y.is_finite());
        }
    }
}
