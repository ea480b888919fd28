//! The README's console sessions: what it shows is what the program prints.

use crate::util::Scratch;

const README: &str = include_str!("../../../../README.md");

/// The sessions: for each `$ errare …` its words and the lines shown below it.
fn sessions() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let mut sessions: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ errare ") {
            sessions.push((command.split_whitespace().collect(), Vec::new()));
        } else if inside {
            sessions.last_mut().expect("a session begins with a command").1.push(line);
        }
    }
    sessions
}

/// Whether a text is what is shown, where `...` stands for any number of lines.
fn matches(text: &[&str], shown: &[&str]) -> bool {
    match (shown.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => (0..=text.len()).any(|skipped| matches(&text[skipped..], rest)),
        (Some((line, rest)), Some((first, others))) => line == first && matches(others, rest),
        _ => false,
    }
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let scratch = Scratch::new();
    let sessions = sessions();
    assert!(sessions.len() >= 4);
    for (words, shown) in sessions {
        let outcome = scratch.run(&words);
        assert_eq!(outcome.code, 0, "{words:?}: {}", outcome.stderr);
        let text: Vec<&str> = outcome.stdout.lines().collect();
        assert!(
            matches(&text, &shown),
            "{words:?} prints\n{}\nbut the README shows\n{}",
            outcome.stdout,
            shown.join("\n")
        );
    }
}

#[test]
fn a_difference_is_seen() {
    assert!(matches(&["a", "b", "c"], &["a", "...", "c"]) && matches(&["a"], &["a", "..."]));
    assert!(
        !matches(&["a", "b"], &["a"]) && !matches(&["a", "b"], &["a", "...", "c"]) && !matches(&[], &["a"])
    );
}
