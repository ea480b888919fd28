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

/// Breaks `text` between words into lines of at most `room` pixels, and within words that are longer.
pub(crate) fn wrap(text: &str, room: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.extend(broken(word, room, size)),
        }
    }
    lines
}

/// A word in parts of at most `room` pixels.
fn broken(word: &str, room: f64, size: f64) -> Vec<String> {
    let mut parts = vec![String::new()];
    for character in word.chars() {
        let last = parts.len() - 1;
        if !parts[last].is_empty() && width(&format!("{}{character}", parts[last]), size) > room {
            parts.push(character.to_string());
        } else {
            parts[last].push(character);
        }
    }
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_lose_nothing() {
        let text = "a condition named retro_cue_valid_long_delay_high_load, 4 items";
        let lines = wrap(text, 120.0, 13.0);
        assert!(lines.iter().all(|line| width(line, 13.0) <= 120.0), "{lines:?}");
        let joined: String = lines.concat();
        assert_eq!(joined.replace(' ', ""), text.replace(' ', ""));
        assert_eq!(wrap("too narrow", 1.0, 13.0).concat(), "toonarrow");
    }
}
