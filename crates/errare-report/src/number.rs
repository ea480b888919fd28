//! Numbers as a reader wants them: the digits that mean something, a true minus sign, "n/a" for nothing.

use crate::Unit;

/// What stands for an absent value.
pub const MISSING: &str = "n/a";

/// `value` to `digits` significant digits: `"0.0123"`, `"12 345"`, `"1.2 × 10⁻⁵"`; [`MISSING`] unless finite.
///
/// Numbers below 10⁻⁴ and from 10⁶ on are written with a power of ten. Digits are grouped by thin spaces.
///
/// ```
/// use errare_report::number::significant;
/// assert_eq!(significant(0.012345, 3), "0.0123");
/// assert_eq!(significant(-2.0, 3), "−2.00");
/// assert_eq!(significant(f64::NAN, 3), "n/a");
/// ```
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = digits.clamp(1, 15);
    // The exponent after rounding: 0.9996 to three digits is 1.00.
    let rounded = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
        fixed(value, decimals)
    } else {
        format!("{} × 10{}", signed(mantissa), superscript(exponent))
    }
}

/// `value` with a fixed number of decimals, grouped by thin spaces; [`MISSING`] unless finite.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let text = format!("{value:.decimals$}");
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && whole.len() > 4 && (whole.len() - position).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    // A value that rounds to nothing is not negative.
    if negative && grouped.chars().any(|c| ('1'..='9').contains(&c)) {
        grouped.insert(0, '−');
    }
    grouped
}

/// A count, grouped by thin spaces: `"120 000"`.
#[must_use]
pub fn count(value: u64) -> String {
    fixed(value as f64, 0)
}

/// `value ± half_width`: the half width to two significant digits, the value to the same decimals.
///
/// ```
/// use errare_report::number::plus_minus;
/// assert_eq!(plus_minus(0.123456, 0.0234), "0.123 ± 0.023");
/// ```
#[must_use]
pub fn plus_minus(value: f64, half_width: f64) -> String {
    if !value.is_finite() || !half_width.is_finite() || half_width <= 0.0 {
        return significant(value, 3);
    }
    let decimals = decimals_of(half_width);
    format!("{} ± {}", fixed(value, decimals), fixed(half_width, decimals))
}

/// Decimals that show two significant digits of `width`, at most 9.
fn decimals_of(width: f64) -> usize {
    let exponent = width.abs().log10().floor() as i32;
    usize::try_from(1 - exponent).unwrap_or(0).min(9)
}

fn signed(text: &str) -> String {
    text.replace('-', "−")
}

pub(crate) fn superscript(exponent: i32) -> String {
    exponent
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '0' => '⁰',
            digit => char::from_u32('⁴' as u32 + digit as u32 - '4' as u32).unwrap_or(digit),
        })
        .collect()
}

/// A value with its uncertainty and unit: what every reported number should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The value; `None` when it could not be computed.
    pub value: Option<f64>,
    /// Lower and upper end of its interval.
    pub interval: Option<(f64, f64)>,
    /// The unit of both.
    pub unit: Unit,
}

impl Estimate {
    /// A value without uncertainty.
    #[must_use]
    pub fn new(value: impl Into<Option<f64>>, unit: Unit) -> Self {
        Self { value: value.into(), interval: None, unit }
    }

    /// Adds the ends of an interval.
    #[must_use]
    pub fn with_interval(mut self, lo: f64, hi: f64) -> Self {
        self.interval = Some((lo, hi));
        self
    }

    /// The value alone, with as many decimals as its interval supports (two digits of the width), or three
    /// significant digits without one.
    #[must_use]
    pub fn value_text(&self) -> String {
        match (self.value, self.decimals()) {
            (None, _) => MISSING.to_owned(),
            (Some(value), Some(decimals)) => fixed(value, decimals),
            (Some(value), None) => significant(value, 3),
        }
    }

    /// The value with its unit.
    #[must_use]
    pub fn value_with_unit(&self) -> String {
        let text = self.value_text();
        if self.value.is_some() { self.unit.after(&text) } else { text }
    }

    /// The interval alone, `"[0.10, 0.14]"`.
    #[must_use]
    pub fn interval_text(&self) -> Option<String> {
        let (lo, hi) = self.interval?;
        Some(match self.decimals() {
            Some(decimals) => format!("[{}, {}]", fixed(lo, decimals), fixed(hi, decimals)),
            None => format!("[{}, {}]", significant(lo, 3), significant(hi, 3)),
        })
    }

    fn decimals(&self) -> Option<usize> {
        let (lo, hi) = self.interval?;
        let width = hi - lo;
        let magnitude = lo.abs().max(hi.abs()).max(self.value.unwrap_or(0.0).abs());
        let plain = width.is_finite() && width > 0.0 && (1e-4..1e6).contains(&magnitude) && width > 1e-7;
        plain.then(|| decimals_of(width))
    }
}

/// `"0.12 [0.10, 0.14] rad"`.
impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.value, self.interval_text()) {
            (Some(_), Some(interval)) => {
                f.write_str(&self.unit.after(&format!("{} {interval}", self.value_text())))
            }
            _ => f.write_str(&self.value_with_unit()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits() {
        for (value, digits, text) in [
            (0.0, 3, "0"),
            (1.0, 3, "1.00"),
            (0.9996, 3, "1.00"),
            (123.456, 3, "123"),
            (123_456.0, 3, "123\u{202f}456"),
            (9_999_999.0, 3, "1.00 × 10⁷"),
            (-0.000_012_34, 2, "−1.2 × 10⁻⁵"),
            (f64::INFINITY, 2, "n/a"),
        ] {
            assert_eq!(significant(value, digits), text, "{value} to {digits}");
        }
    }

    #[test]
    fn negative_zero_has_no_sign() {
        assert_eq!(fixed(-0.0004, 2), "0.00");
        assert_eq!(fixed(-0.4, 1), "−0.4");
    }

    #[test]
    fn uncertainty_sets_the_digits() {
        assert_eq!(plus_minus(12.3456, 1.2), "12.3 ± 1.2");
        assert_eq!(plus_minus(-0.5, 0.000_123), "−0.50000 ± 0.00012");
        assert_eq!(plus_minus(3.0, f64::NAN), "3.00");
        let estimate = Estimate::new(0.12345, Unit::Radians).with_interval(0.101, 0.141);
        assert_eq!(estimate.to_string(), "0.123 [0.101, 0.141] rad");
        assert_eq!(Estimate::new(None, Unit::Radians).to_string(), "n/a");
        assert_eq!(Estimate::new(21.0, Unit::Degrees).to_string(), "21.0°");
        assert_eq!(
            Estimate::new(1e-9, Unit::Dimensionless).with_interval(0.0, 2e-9).to_string(),
            "1.00 × 10⁻⁹ [0, 2.00 × 10⁻⁹]"
        );
    }

    #[test]
    fn superscripts_cover_all_digits() {
        assert_eq!(superscript(-1_234_567_890), "⁻¹²³⁴⁵⁶⁷⁸⁹⁰");
    }
}
