//! Colours that survive colour blindness and print, and the roles they always play.
//!
//! The eight colours are those of Okabe & Ito (2008), *Color Universal Design*. No figure relies on colour
//! alone: roles that meet in a figure differ in marker, and lines in dash or in legend order.

use std::f64::consts::TAU;

/// Text, axes and human data: the strongest contrast to the page.
pub(crate) const INK: Rgb = Rgb(0x1f, 0x23, 0x28);
/// Axes and secondary text.
pub(crate) const MUTED: Rgb = Rgb(0x5f, 0x67, 0x70);
/// Grid lines.
pub(crate) const GRID: Rgb = Rgb(0xe7, 0xe9, 0xec);
/// The page, and the rim of markers.
pub(crate) const PAPER: Rgb = Rgb(0xff, 0xff, 0xff);
/// Shaded spans, such as the cue epoch.
pub(crate) const SHADE: Rgb = Rgb(0x6b, 0x76, 0x85);

const CYCLE: [Rgb; 6] = [
    Rgb(0x00, 0x72, 0xb2), // blue
    Rgb(0xd5, 0x5e, 0x00), // vermilion
    Rgb(0x00, 0x9e, 0x73), // bluish green
    Rgb(0xcc, 0x79, 0xa7), // reddish purple
    Rgb(0xe6, 0x9f, 0x00), // orange
    Rgb(0x56, 0xb4, 0xe9), // sky blue
];

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// `#rrggbb`.
    pub(crate) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// Who a curve belongs to; each has one colour and one marker in every figure, and shares the marker with one other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// People's data: ink.
    Human,
    /// The behaviour model, and the oracle sampler that draws from it: blue.
    Model,
    /// A trained network: vermilion.
    Network,
    /// A network trained without swaps: orange.
    NoSwap,
    /// A null distribution, chance or a floor: grey.
    Null,
    /// Reports of the cued item: bluish green.
    Target,
    /// Reports of an uncued item: reddish purple.
    Swap,
    /// Uniform guesses: sky blue.
    Guess,
}

/// The colour of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Colour {
    /// That of a role.
    Role(Role),
    /// The n-th of the palette, from 0, for series without a role.
    Cycle(usize),
    /// A place in [0, 1] on an ordered, perceptually uniform scale (viridis without its pale end): set sizes,
    /// distances, steps.
    Ordered(f64),
    /// A colour of one's own.
    Custom(Rgb),
}

impl From<Role> for Colour {
    fn from(role: Role) -> Self {
        Self::Role(role)
    }
}

impl Colour {
    pub(crate) fn rgb(self) -> Rgb {
        match self {
            Self::Role(Role::Human) => INK,
            Self::Role(Role::Model) => CYCLE[0],
            Self::Role(Role::Network) => CYCLE[1],
            Self::Role(Role::Target) => CYCLE[2],
            Self::Role(Role::Swap) => CYCLE[3],
            Self::Role(Role::NoSwap) => CYCLE[4],
            Self::Role(Role::Guess) => CYCLE[5],
            Self::Role(Role::Null) => SHADE,
            Self::Cycle(index) => CYCLE[index % CYCLE.len()],
            Self::Ordered(place) => {
                let place = if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 };
                let colorous::Color { r, g, b } = colorous::VIRIDIS.eval_continuous(0.75 * place);
                Rgb(r, g, b)
            }
            Self::Custom(rgb) => rgb,
        }
    }
}

/// The colour of an angle (radians): a hue circle of constant lightness and chroma in OKLab, so that no angle
/// stands out. It is cyclic, hence not safe for colour blindness; figures that use it must show the angle by
/// position too.
pub(crate) fn hue(angle: f64) -> Rgb {
    if !angle.is_finite() {
        return MUTED;
    }
    const LIGHTNESS: f64 = 0.68;
    const CHROMA: f64 = 0.125;
    let angle = angle.rem_euclid(TAU);
    from_oklab([LIGHTNESS, CHROMA * angle.cos(), CHROMA * angle.sin()])
}

/// The same colour for a dark ground: lighter, in the same order of lightness.
pub(crate) fn on_dark(colour: Rgb) -> Rgb {
    let [lightness, a, b] = to_oklab(colour);
    from_oklab([0.52 + 0.42 * lightness, a, b])
}

/// OKLab (Ottosson 2020) from sRGB: lightness and two opponent axes.
fn to_oklab(Rgb(r, g, b): Rgb) -> [f64; 3] {
    let [r, g, b] = [r, g, b].map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// sRGB from OKLab; what lies outside is clipped.
fn from_oklab([lightness, a, b]: [f64; 3]) -> Rgb {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ];
    let [r, g, b] = linear.map(|c| {
        let gamma = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (255.0 * gamma).round().clamp(0.0, 255.0) as u8
    });
    Rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.1).
    fn luminance(Rgb(r, g, b): Rgb) -> f64 {
        let [r, g, b] = [r, g, b].map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn text_has_contrast() {
        for text in [INK, MUTED] {
            let ratio = (luminance(PAPER) + 0.05) / (luminance(text) + 0.05);
            assert!(ratio > 4.5, "contrast {ratio} of {}", text.hex());
        }
    }

    #[test]
    fn hues_share_a_lightness_and_close_the_circle() {
        let values: Vec<f64> = (0..64).map(|i| luminance(hue(f64::from(i) * TAU / 64.0))).collect();
        let (lo, hi) = values.iter().fold((1.0f64, 0.0f64), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        assert!(hi - lo < 0.12, "luminance spans [{lo}, {hi}]");
        assert_eq!(hue(0.3), hue(0.3 + TAU));
    }

    #[test]
    fn oklab_round_trips_and_dark_grounds_get_contrast() {
        let dark = luminance(Rgb(0x15, 0x19, 0x1e));
        for colour in CYCLE.into_iter().chain([INK, Rgb(0x44, 0x01, 0x54), Rgb(255, 255, 255), Rgb(1, 2, 3)])
        {
            let Rgb(r, g, b) = from_oklab(to_oklab(colour));
            let near = |x: u8, y: u8| x.abs_diff(y) <= 1;
            assert!(near(r, colour.0) && near(g, colour.1) && near(b, colour.2), "{}", colour.hex());
            let ratio = (luminance(on_dark(colour)) + 0.05) / (dark + 0.05);
            assert!(ratio > 3.0, "contrast {ratio} of {}", on_dark(colour).hex());
        }
    }

    #[test]
    fn ordered_colours_get_lighter() {
        let values: Vec<f64> =
            (0..10).map(|i| luminance(Colour::Ordered(f64::from(i) / 9.0).rgb())).collect();
        assert!(values.is_sorted(), "{values:?}");
    }
}
