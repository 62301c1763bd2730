//! `cargo xtask mutants`, the tests of the tests: the component, and the disk over documents, are
//! broken in one way after another, and `tandem torture` must find out each time, or a native test.

mod documents;
mod lab;
mod list;
mod mutation;
mod outcome;
mod sources;
mod table;
mod torture;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use crate::process::{Failure, say};
use crate::setup;
use documents::OF_DOCUMENTS;
use lab::Lab;
use list::MUTATIONS;
use mutation::Mutation;
use outcome::{Outcome, Report};
use table::Table;
use torture::Played;

/// The component as it is. Were it found to be broken, a caught mutant would mean nothing.
static CONTROL: Mutation = Mutation {
    name: "none",
    what: "nothing",
    rule: "the simulator is right",
    test: None,
    changes: &[],
};

/// The disk over documents as it is.
static CONTROL_OF_DOCUMENTS: Mutation = Mutation {
    name: "documents-none",
    what: "nothing",
    rule: "the simulated store is right",
    test: None,
    changes: &[],
};

/// All mutations: those of the component, and those of the disk over documents.
fn all() -> impl Iterator<Item = &'static Mutation> {
    MUTATIONS.iter().chain(OF_DOCUMENTS)
}

/// After so many states without a violation a mutant has survived.
const STATES: u64 = 300_000;
/// Most mutants are caught in fewer; when mutants are named, as many are enough of the control.
const FEW_STATES: u64 = 30_000;

const HELP: &str = "\
Usage: cargo xtask mutants [NAME ...] [--json] [--list]

Breaks a copy of the component, or of the disk over documents, in each known way, or in the named
ones; `tandem torture` must find out each time, or the native test that the mutant names. Before
them what is not broken must pass.

Arguments:
  NAME    Only this mutant; the component as it is passes after fewer states then
  --json  Print one JSON object instead of a table, also if the component as it is does not pass
  --list  Only list the names
  --help  Print this

Exit codes: 0 if each mutant is caught; 1 if not, or if that could not be told; 2 if this command
line is wrong.
";

/// What the command line asks for.
struct Arguments {
    chosen: Vec<&'static Mutation>,
    are_all: bool,
    is_json: bool,
    is_list: bool,
    is_help: bool,
}

/// Tries the mutants that the arguments name, or all; ends with 0 if each one is caught.
pub fn run(arguments: &[OsString]) -> Result<u8, Failure> {
    let Arguments { chosen, are_all, is_json, is_list, is_help } = parse(arguments)?;
    if is_help {
        return say(HELP.trim_end()).map(|()| 0);
    }
    if is_list {
        let width = chosen.iter().map(|mutation| mutation.name.len()).max().unwrap_or(0);
        for Mutation { name, what, .. } in chosen {
            say(format_args!("{name:width$}  {what}"))?;
        }
        return Ok(0);
    }

    setup::ensure()?;
    let lab = Lab::open()?;
    // All at once, or the last one would tell so after many minutes.
    for mutation in &chosen {
        lab.check(mutation)?;
    }
    let has = |is_of_documents| {
        chosen.iter().any(|mutation| mutation.is_of_documents() == is_of_documents)
    };
    let has_component = has(false) || !has(true);
    note(
        "building the program `tandem` and the component; the first time, this takes some minutes",
    );
    // The disk over documents is in the mutant's own program.
    let program = if has_component { lab::program()? } else { PathBuf::new() };

    let names = chosen.iter().map(|mutation| [mutation.name, mutation.what]);
    let table = Table::new(names, table::chars_max());
    let show = |line: String| if is_json { Ok(()) } else { say(line) };

    let attempt = |mutation: &'static Mutation, is_of_documents, states| {
        let begin = Instant::now();
        if let Some(test) = mutation.test {
            let violation = |fails: bool| fails.then(|| format!("the test fails: {test}"));
            let result = lab.fails(mutation, mutation.tested(), test);
            let result =
                result.map(|fails| torture::Found { states: 0, violation: violation(fails) });
            return Outcome { mutation, result, took: begin.elapsed() };
        }
        let built = match is_of_documents {
            true => lab.build_program(mutation).map(|program| Played::Documents { program }),
            false => lab
                .build(mutation)
                .map(|component| Played::Component { program: program.clone(), component }),
        };
        let result = built.and_then(|played| {
            // A run goes on for a while when it has found something, so a short one comes first.
            match torture::run(&played, FEW_STATES.min(states))? {
                torture::Found { violation: None, .. } if states > FEW_STATES => {
                    torture::run(&played, states)
                }
                found => Ok(found),
            }
        });
        Outcome { mutation, result, took: begin.elapsed() }
    };
    let states = if are_all { STATES } else { FEW_STATES };
    let mut controls = Vec::new();
    if has_component {
        controls.push(attempt(&CONTROL, false, states));
    }
    if has(true) {
        controls.push(attempt(&CONTROL_OF_DOCUMENTS, true, states));
    }
    let passed = controls.iter().try_for_each(check_control);
    let passed = passed.and_then(|()| check_tests(&lab, &chosen));
    show(table.head())?;
    for control in &controls {
        show(table.row(&control.cells()))?;
    }
    let mut outcomes = Vec::new();
    if passed.is_ok() {
        for mutation in chosen {
            let outcome = attempt(mutation, mutation.is_of_documents(), STATES);
            show(table.row(&outcome.cells()))?;
            outcomes.push(outcome);
        }
    }
    let report = Report::new(&controls, &outcomes);
    if is_json {
        say(report.json()?)?;
    }
    passed?;
    show(format!("\n{}", report.sum()))?;
    Ok(u8::from(!report.are_all_caught()))
}

/// Nothing is to be found in the component as it is.
fn check_control(outcome: &Outcome) -> Result<(), String> {
    match &outcome.result {
        Ok(torture::Found { violation: None, .. }) => Ok(()),
        Ok(torture::Found { violation: Some(violation), .. }) => Err(format!(
            "the component breaks a promise without a mutation, so no mutant can be tried: \
             {violation}"
        )),
        Err(message) => Err(message.clone()),
    }
}

/// The tests that mutants name pass without a mutation.
fn check_tests(lab: &Lab, chosen: &[&Mutation]) -> Result<(), String> {
    let test_of = |mutation: &&Mutation| Some((mutation.tested(), mutation.test?));
    let tests: BTreeSet<_> = chosen.iter().filter_map(test_of).collect();
    for (package, test) in tests {
        if lab.fails(&CONTROL, package, test)? {
            return Err(format!(
                "a test fails without a mutation, so no mutant can be tried: {test}"
            ));
        }
    }
    Ok(())
}

fn parse(arguments: &[OsString]) -> Result<Arguments, Failure> {
    let mut given = Arguments {
        chosen: Vec::new(),
        are_all: false,
        is_json: false,
        is_list: false,
        is_help: false,
    };
    for argument in arguments {
        if argument == "--json" {
            given.is_json = true;
        } else if argument == "--list" {
            given.is_list = true;
        } else if argument == "--help" || argument == "-h" {
            given.is_help = true;
        } else if argument.as_encoded_bytes().starts_with(b"-") {
            crate::process::no_more(std::slice::from_ref(argument))?;
        } else if let Some(mutation) = all().find(|known| argument == known.name) {
            given.chosen.push(mutation);
        } else {
            let names: Vec<_> = all().map(|mutation| mutation.name).collect();
            return Err(Failure::usage(format!(
                "there is no mutant {}, but {}",
                argument.display(),
                names.join(", ")
            )));
        }
    }
    if given.chosen.is_empty() {
        given.are_all = true;
        given.chosen = all().collect();
    }
    Ok(given)
}

/// A line for people. Standard output is for the result.
fn note(line: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::sources::Sources;
    use super::*;

    #[test]
    fn every_mutation_applies_to_the_sources() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let sources = Sources::read(workspace).expect("the sources");
        let stale = all().filter_map(|mutation| mutation.apply(&sources).err());
        assert_eq!(stale.collect::<Vec<_>>(), [""; 0]);
        for mutation in all() {
            let is_change = |change: &mutation::Change| change.from != change.to;
            assert!(mutation.changes.iter().all(is_change), "{}", mutation.name);
            let is_there = |test: &str| {
                let name = test.rsplit("::").next().unwrap_or_default();
                sources.hold(&format!("fn {name}("))
            };
            assert!(mutation.test.is_none_or(is_there), "{}", mutation.name);
        }
    }

    #[test]
    fn what_a_native_test_finds_is_all_in_its_package() {
        let tested = all().filter(|mutation| mutation.test.is_some());
        for mutation in tested {
            let directory = match mutation.tested() {
                "tandem" => "src/",
                _ => "stores/documents/",
            };
            let is_in = |change: &mutation::Change| change.file.starts_with(directory);
            assert!(mutation.changes.iter().all(is_in), "{}", mutation.name);
        }
    }

    #[test]
    fn names_are_words_and_there_once() {
        let mut names: Vec<_> =
            all().chain([&CONTROL, &CONTROL_OF_DOCUMENTS]).map(|m| m.name).collect();
        for name in &names {
            assert!(name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase()), "{name}");
        }
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        for name in ["no-directory-sync", "rename-before-sync", "no-redirty"] {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn names_and_flags_choose() {
        let parsed = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
            parse(&arguments).ok()
        };
        let all = parsed(&["--json"]).expect("all");
        assert!(all.is_json && !all.is_list && !all.is_help);
        assert!(all.are_all && all.chosen.len() == super::all().count());
        let one = parsed(&["no-redirty"]).expect("one");
        assert!(!one.is_json && !one.are_all);
        assert!(one.chosen.len() == 1 && one.chosen[0].name == "no-redirty");
        assert!(parsed(&["no-redirty", "--help"]).is_some_and(|given| given.is_help));
        assert!(parsed(&["no-such-mutant"]).is_none());
        assert!(parsed(&["--all"]).is_none());
    }
}
