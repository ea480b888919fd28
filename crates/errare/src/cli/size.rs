//! How many responses of a network a command may be asked for.

use super::failure::Failure;

/// Most responses that are held at once.
pub(crate) const MOST_RESPONSES: i64 = 100_000_000;

/// Displays and samples, unless their product is too large.
pub(crate) fn response_counts(displays: u32, samples: u32) -> Result<[usize; 2], Failure> {
    let responses = u64::from(displays) * u64::from(samples);
    if responses > MOST_RESPONSES as u64 {
        return Err(Failure::bad_input(format!(
            "--displays {displays} times --samples {samples} are {responses} responses, but at most {MOST_RESPONSES} can be held"
        )));
    }
    Ok([displays as usize, samples as usize])
}
