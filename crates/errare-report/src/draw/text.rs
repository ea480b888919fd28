//! Widths and lines of text, and numbers in the drawing.

use kuva::render::layout::{ComputedLayout, Layout};

/// Fonts in the order tried.
pub(crate) const FONTS: &str = "Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, sans-serif";

/// Width of `text` in pixels at `size`, about right for Helvetica and its like and 7 % short for DejaVu Sans.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    // kuva measures DejaVu Sans for its own use only; the room it keeps for a tick label, which is two ems at
    // the least, is the way to ask.
    const TWO_EMS_AT_LEAST: &str = "MMMM";
    let room = |text: String| {
        let layout = Layout::new((0.0, 1.0), (0.0, 1.0))
            .with_tick_size(size.round() as u32)
            .with_y_categories(vec![text]);
        ComputedLayout::from_layout(&layout).y_tick_label_px
    };
    0.93 * (room(format!("{TWO_EMS_AT_LEAST}{text}")) - room(TWO_EMS_AT_LEAST.to_owned()))
}

/// Breaks `text` between words into lines of at most `room` pixels; a longer word stands alone.
pub(crate) fn wrap(text: &str, room: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The text as it stands, on one line: kuva reads `$…$` as mathematics unless the dollar is escaped, and XML
/// holds no control characters.
pub(crate) fn literal(text: &str) -> String {
    text.replace(char::is_control, " ").replace('$', "\\$")
}

/// A length in pixels to a hundredth.
pub(crate) fn px(length: f64) -> String {
    let text = format!("{length:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
