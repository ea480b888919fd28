//! What is wrong with a TOML file, in the words of those who write such files: serde's messages name Rust's types.

/// The message of an error of the `toml` crate as plain words: what stands there and what must, and of an unknown key or
/// name the nearest known one.
#[must_use]
pub fn explain_toml(message: &str) -> String {
    let mut lines: Vec<String> = message.trim_end().lines().map(str::to_owned).collect();
    // Without a place in the file, the key comes last.
    let key = lines.last().and_then(|line| line.strip_prefix("in ")).map(str::to_owned);
    if key.is_some() {
        lines.pop();
    }
    let Some(last) = lines.last_mut() else { return String::new() };
    let subject = key.as_deref().unwrap_or("this");
    if let Some(words) = mismatch(last, subject) {
        *last = words;
    } else {
        let nearest = nearest_known(last);
        *last = last.replace(", there are no fields", ", but there are no further ones here");
        if let Some(key) = key {
            last.push_str(&format!(" in {key}"));
        }
        lines.extend(nearest.map(|nearest| format!("did you mean `{nearest}`?")));
    }
    lines.join("\n")
}

/// An "invalid type", "invalid value" or "invalid length" in plain words.
fn mismatch(line: &str, subject: &str) -> Option<String> {
    let rest = line.strip_prefix("invalid type: ").or_else(|| line.strip_prefix("invalid value: "));
    let rest = rest.or_else(|| line.strip_prefix("invalid length "));
    let (found, expected) = rest?.split_once(", expected ")?;
    let found = if line.starts_with("invalid length") {
        format!("a list of {found}")
    } else {
        ["string ", "integer ", "floating point ", "boolean "]
            .iter()
            .find_map(|kind| found.strip_prefix(kind))
            .map_or_else(|| plain_type(found), |value| value.replace('`', ""))
    };
    Some(format!("{subject} is {found}, but it must be {}", plain_type(expected)))
}

/// What a type of Rust or of serde is in a file.
fn plain_type(name: &str) -> String {
    match name {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".into(),
        "f64" => "a number".into(),
        "a string" | "string" => "text in quotes".into(),
        "a boolean" | "boolean" => "true or false".into(),
        "sequence" | "a sequence" => "a list in [ ]".into(),
        "map" | "a map" => "a table".into(),
        _ if name.starts_with("struct ") => "a table".into(),
        _ if name.starts_with("internally tagged enum") => "a table such as { kind = \"none\" }".into(),
        _ => match name.strip_prefix("an array of length ") {
            Some(length) => format!("a list of {length}"),
            None => name.to_owned(),
        },
    }
}

/// The known key or name that is nearest to an unknown one.
fn nearest_known(line: &str) -> Option<String> {
    if !line.contains("unknown field") && !line.contains("unknown variant") {
        return None;
    }
    let quoted: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    let (wrong, known) = quoted.split_first()?;
    let nearest = known.iter().max_by(|a, b| strsim::jaro(wrong, a).total_cmp(&strsim::jaro(wrong, b)))?;
    (strsim::jaro(wrong, nearest) > 0.6).then(|| (*nearest).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_in_plain_words() {
        for (message, plain) in [
            (
                "invalid type: string \"one\", expected u64",
                "this is \"one\", but it must be a whole number from 0",
            ),
            (
                "invalid value: integer `-3`, expected usize",
                "this is -3, but it must be a whole number from 0",
            ),
            (
                "invalid type: floating point `2.5`, expected u64",
                "this is 2.5, but it must be a whole number from 0",
            ),
            ("invalid type: boolean `true`, expected f64", "this is true, but it must be a number"),
            ("invalid type: integer `3`, expected a sequence", "this is 3, but it must be a list in [ ]"),
            ("invalid type: map, expected f64", "this is a table, but it must be a number"),
            ("invalid type: integer `5`, expected struct Until", "this is 5, but it must be a table"),
            (
                "invalid length 1, expected an array of length 2",
                "this is a list of 1, but it must be a list of 2",
            ),
            (
                "invalid type: string \"x\", expected u64\nin `training.steps`\n",
                "`training.steps` is \"x\", but it must be a whole number from 0",
            ),
            ("missing field `kind`\nin `behaviour.swap`\n", "missing field `kind` in `behaviour.swap`"),
            ("duplicate key", "duplicate key"),
            (
                "unknown field `width`, there are no fields",
                "unknown field `width`, but there are no further ones here",
            ),
        ] {
            assert_eq!(explain_toml(message), plain);
        }
    }

    #[test]
    fn the_place_in_the_file_stays() {
        let message = "TOML parse error at line 1, column 8\n  |\n1 | x = \"a\"\n  |     ^^^\ninvalid type: string \"a\", expected f64\n";
        let explained = explain_toml(message);
        assert!(
            explained.starts_with("TOML parse error at line 1, column 8\n  |\n1 | x = \"a\""),
            "{explained}"
        );
        assert!(explained.ends_with("\nthis is \"a\", but it must be a number"), "{explained}");
    }

    #[test]
    fn the_nearest_known_key_is_named() {
        let explained = explain_toml("unknown field `neuron`, expected one of `neurons`, `hidden`");
        assert!(explained.ends_with("\ndid you mean `neurons`?"), "{explained}");
        assert!(!explain_toml("unknown field `zzz`, expected `neurons`").contains("did you mean"));
    }
}
