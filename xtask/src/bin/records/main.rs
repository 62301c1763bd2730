//! Writes what each language has of `wit/records`, or checks that it is there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod docs;
mod model;
mod python;
mod rust;
mod typescript;

/// The comment that every generated file begins with.
const HEADER: &str = "Generated from wit/records/types.wit by `cargo xtask records`.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let workspace = package.as_deref().and_then(Path::parent);
    let workspace = workspace.ok_or("run this as `cargo xtask records`")?;
    let is_check = std::env::args_os().nth(1).is_some_and(|argument| argument == "--check");
    let callers = ["wit", "wit/blocking"].map(|dir| workspace.join(dir));
    let records = model::read(&workspace.join("wit/records"), &callers)?;
    rust::check(&records)?;
    for (name, text) in files(&records)? {
        let path = workspace.join(name);
        if is_check {
            check(&path, name, &text)?;
        } else {
            std::fs::write(&path, text)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
    }
    Ok(())
}

/// The files, relative to the workspace, each with its text.
fn files(records: &model::Records) -> Result<Vec<(&'static str, String)>, String> {
    Ok(vec![
        ("bindings/js/src/records.d.ts", typescript::types(records)?),
        ("bindings/js/src/records.js", typescript::tables(records)?),
        ("bindings/python/src/tandem_persistence/records.py", python::module(records)?),
        ("host/src/glue/convert.rs", rust::conversions(records)?),
        ("host/src/error_records.rs", rust::error_module(records)?),
        ("host/src/records.rs", rust::module(records)?),
    ])
}

fn check(path: &Path, name: &str, text: &str) -> Result<(), String> {
    match std::fs::read_to_string(path) {
        Ok(found) if found == text => Ok(()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot read {}: {error}", path.display()))
        }
        _ => Err(format!(
            "{name} is not what wit/records/types.wit makes of it: run `cargo xtask records`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_or_missing_file_is_named_with_what_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records.js");
        let expected = "a/records.js is not what wit/records/types.wit makes of it: run `cargo \
                        xtask records`";
        assert_eq!(check(&path, "a/records.js", "new").unwrap_err(), expected);
        std::fs::write(&path, "old").unwrap();
        assert_eq!(check(&path, "a/records.js", "new").unwrap_err(), expected);
        std::fs::write(&path, "new").unwrap();
        check(&path, "a/records.js", "new").unwrap();
    }

    #[test]
    fn every_file_begins_with_a_comment_that_names_its_source() {
        let records = model::tests::read_items("record a-options { b: bool }").unwrap();
        for (name, text) in files(&records).unwrap() {
            let (first, _) = text.split_once('\n').unwrap();
            assert!(first.ends_with(HEADER), "{name}: {first}");
        }
    }
}
