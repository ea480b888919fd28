//! Tells the program which commit it was compiled from (`ERRARE_COMMIT`), for the provenance of runs.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A copy that git does not track, as one from a package registry, has no commit, whatever lies around it.
    if git(&["ls-files", "--error-unmatch", "build.rs"]).is_none() {
        return;
    }
    if let Some(commit) = git(&["rev-parse", "HEAD"]) {
        println!("cargo:rustc-env=ERRARE_COMMIT={commit}");
    }
    // HEAD's log changes with every commit and checkout.
    for name in ["HEAD", "logs/HEAD"] {
        // Watching a path that does not exist would compile the crate anew at every build.
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && std::path::Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}
