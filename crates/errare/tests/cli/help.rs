//! Help, versions, and the command line's own mistakes.

use crate::util::Scratch;

/// Commands whose examples take minutes, because they train a network or need a trained one.
const LONG: [&str; 6] = ["demo", "train", "resume", "simulate", "analyse", "report"];
/// Every other command, as it is typed.
const COMMANDS: [&[&str]; 6] =
    [&["data", "list"], &["data", "check"], &["fit"], &["compare"], &["check"], &["surrogate"]];

#[test]
fn every_command_ends_its_help_with_examples_that_run() {
    for command in COMMANDS {
        let scratch = Scratch::new();
        let help = scratch.run(&[command, &["--help"]].concat());
        assert_eq!(help.code, 0);
        let (_, examples) =
            help.stdout.rsplit_once("Example").unwrap_or_else(|| panic!("{command:?} has none"));
        let lines: Vec<&str> = examples.lines().skip(1).filter(|line| !line.trim().is_empty()).collect();
        assert!(!lines.is_empty(), "{command:?} has no example");
        // In order and in one folder: a later one may use what an earlier one made.
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words[0], "errare", "{line}");
            let outcome = scratch.run(&words[1..]);
            assert_eq!(outcome.code, 0, "{line}: {}", outcome.stderr);
        }
    }
}

#[test]
fn the_help_lists_every_command() {
    let help = Scratch::new().run(&["--help"]);
    for command in COMMANDS.map(|command| command[0]).into_iter().chain(LONG) {
        assert!(help.stdout.contains(command), "{command:?} is missing from {}", help.stdout);
    }
    for command in LONG {
        let help = scratch_help(command);
        assert!(help.contains("Example") && help.contains(&format!("errare {command}")), "{help}");
    }
    assert!(Scratch::new().run(&["--version"]).stdout.starts_with("errare 0."));
}

#[test]
fn mistakes_on_the_command_line_are_bad_input() {
    let scratch = Scratch::new();
    for arguments in [
        &["frobnicate"][..],
        &["data", "check"],
        &["data", "check", "vandenberg2012_orientation", "--threads", "0"],
        &["data", "check", "vandenberg2012_orientation", "--seed", "-1"],
        &["data", "check", "vandenberg2012_orientation", "--where", "set_size"],
        &["data", "check", "vandenberg2012_orientation", "--units", "furlong"],
    ] {
        scratch.run(arguments).refused(&[]);
    }
    scratch.run(&["data", "chekc"]).refused(&["similar", "check"]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for arguments in [&["data", "list"][..], &["data", "list", "--json"], &["--help"]] {
        let outcome = Scratch::new().run_without_reader(arguments);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

fn scratch_help(command: &str) -> String {
    Scratch::new().run(&[command, "--help"]).stdout
}
