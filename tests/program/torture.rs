//! `tandem torture`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tandem_components::{TANDEM, TANDEM_BLOCKING};
use tandem_simulator::sim::Model;
use tandem_simulator::torture::VIOLATIONS_MAX;

use crate::support::{
    Guarded, assert_one_line, kill, run_within, tandem, text, with_default_signals,
};

/// Enough for some units of each model: the smallest workloads in all their states, the first kinds
/// of faults, the first orders, and some workloads that are drawn. Longer runs try the others.
const BOUNDED_STATES: u64 = 3_000;
/// The same of the blocking component, which has fewer orders.
const BLOCKING_STATES: u64 = 2_000;
/// The same of documents, which have one model.
const DOCUMENTS_STATES: u64 = 1_000;
/// Enough for a unit of each model, and for faults in one of them.
const SHORT: &str = "150";
/// One unit. With more threads others would be begun beside it, which take much longer.
const SHORTEST: [&str; 4] = ["--states", "30", "--threads", "1"];
const KEYS: [&str; 13] = [
    "seed",
    "states",
    "faults",
    "orders",
    "units",
    "violations",
    "trace_hash",
    "component",
    "models",
    "elapsed_ms",
    "states_per_second",
    "first",
    "found",
];

/// A unit ends by itself. Before the first one the component is compiled for the simulation, which
/// takes an unoptimised compiler seconds, and all of them are computing: no machine that is slow
/// counts as one that hangs.
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs a command without input to its end.
fn run(command: &mut Command) -> Output {
    run_within(command, LIMIT)
}

fn torture(args: &[&str]) -> Command {
    let mut command = tandem(&["torture"]);
    command.args(args);
    command
}

/// What a run tells that finds no violation.
fn told(args: &[&str]) -> Value {
    let output = run(torture(args).arg("--json"));
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{stdout}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

fn count(told: &Value, name: &str) -> u64 {
    told[name].as_u64().unwrap()
}

/// Units take the models in turns.
#[track_caller]
fn has_tried_each_model(told: &Value) {
    assert!(count(told, "units") >= Model::ALL.len() as u64, "{told}");
}

/// What must be the same for the same seed.
fn trace(args: &[&str]) -> Value {
    let mut told = told(args);
    for time in ["elapsed_ms", "states_per_second"] {
        told.as_object_mut().unwrap().remove(time).unwrap();
    }
    told
}

#[test]
fn help_lists_every_option_and_every_model() {
    let help = text(&run(&mut torture(&["--help"])).stdout);
    let options = [
        "--seed",
        "--states",
        "--model",
        "--unit",
        "--blocking",
        "--documents",
        "--component",
        "--threads",
        "--json",
    ];
    for option in options {
        assert!(help.contains(option), "{option}: {help}");
    }
    for model in Model::ALL {
        assert!(help.contains(model.name) && help.contains(model.about), "{help}");
    }
    assert!(help.contains(&format!("{VIOLATIONS_MAX} violations")), "{help}");
    assert!(KEYS.iter().all(|key| help.contains(key)), "{help}");
}

#[test]
fn an_unknown_model_is_told_with_those_there_are() {
    let stderr = assert_one_line(&run(&mut torture(&["--model", "fat"])), 2);
    assert!(stderr.contains("fat"), "{stderr}");
    assert!(Model::ALL.iter().all(|model| stderr.contains(model.name)), "{stderr}");
}

#[test]
fn bad_numbers_are_usage_errors() {
    for args in [
        ["--seed", "-1"],
        ["--seed", "18446744073709551616"],
        ["--states", "0"],
        ["--states", "many"],
        ["--unit", "-1"],
        ["--threads", "0"],
        ["--threads", "1000000"],
    ] {
        let stderr = assert_one_line(&run(&mut torture(&args)), 2);
        assert!(stderr.contains("tandem torture --help"), "{stderr}");
    }
}

#[test]
fn a_unit_takes_no_number_of_states() {
    let stderr = assert_one_line(&run(&mut torture(&["--unit", "2", "--states", "5"])), 2);
    assert!(stderr.contains("--unit") && stderr.contains("--states"), "{stderr}");
}

#[test]
fn a_component_that_cannot_be_used_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing\u{1b}.wasm");
    let no_component = dir.path().join("no component.wasm");
    fs::write(&no_component, "no component").unwrap();
    let endless = Path::new("/dev/zero");
    for (file, start, problem) in [
        (&missing as &Path, "cannot read ", "No such file"),
        (dir.path(), "cannot read ", "directory"),
        (&no_component, "cannot use ", "as the component: failed to parse WebAssembly"),
        (endless, "cannot use ", "as the component: it is above 64 MiB"),
    ] {
        let args = ["--states", "1", "--component", file.to_str().unwrap()];
        let stderr = assert_one_line(&run(&mut torture(&args)), 125);
        assert!(stderr.starts_with(&format!("tandem torture: {start}")), "{stderr}");
        assert!(stderr.contains(problem), "{stderr}");
        let directory = file.parent().unwrap().to_str().unwrap();
        assert!(stderr.contains(directory), "{stderr}");
        assert!(!stderr.contains('\u{1b}'), "{stderr}");
    }
}

#[test]
fn a_bounded_run_finds_no_violation() {
    let states = BOUNDED_STATES.to_string();
    let told = told(&["--states", &states]);
    assert!(count(&told, "states") >= BOUNDED_STATES, "{told}");
    assert!(count(&told, "faults") > 0 && count(&told, "orders") > 0, "{told}");
    has_tried_each_model(&told);
    assert_eq!((&told["violations"], &told["first"]), (&json!(0), &Value::Null));
    assert_eq!(told["found"], json!([]));
}

#[test]
fn a_bounded_run_of_the_blocking_component_finds_no_violation() {
    let states = BLOCKING_STATES.to_string();
    let told = told(&["--blocking", "--states", &states]);
    assert!(count(&told, "states") >= BLOCKING_STATES, "{told}");
    assert!(count(&told, "faults") > 0 && count(&told, "orders") > 0, "{told}");
    has_tried_each_model(&told);
    assert_eq!((&told["violations"], &told["first"]), (&json!(0), &Value::Null));
    assert_eq!(told["component"], "tandem-blocking");
}

#[test]
fn a_bounded_run_of_documents_finds_no_violation() {
    let states = DOCUMENTS_STATES.to_string();
    let told = told(&["--documents", "--states", &states]);
    assert!(count(&told, "states") >= DOCUMENTS_STATES, "{told}");
    assert!(count(&told, "faults") > 0 && count(&told, "orders") > 0, "{told}");
    assert_eq!((&told["violations"], &told["first"]), (&json!(0), &Value::Null));
    assert_eq!((&told["component"], &told["models"]), (&json!("tandem"), &json!(["store"])));
}

#[test]
fn documents_have_one_component_and_one_model() {
    for other in [["--blocking"].as_slice(), &["--model", "xfs"]] {
        let stderr = assert_one_line(&run(torture(&["--documents"]).args(other)), 2);
        assert!(stderr.contains("--documents") && stderr.contains(other[0]), "{stderr}");
    }
}

#[test]
fn the_component_of_the_other_world_is_told() {
    let dir = tempfile::tempdir().unwrap();
    for (name, component, flag, problem) in [
        ("sync.wasm", TANDEM_BLOCKING, None, "it is the component for WASI 0.2, not the one for"),
        ("async.wasm", TANDEM, Some("--blocking"), "it is the component for WASI 0.3, not the"),
    ] {
        let file = dir.path().join(name);
        fs::write(&file, component).unwrap();
        let args = ["--states", "1", "--component", file.to_str().unwrap()];
        let stderr = assert_one_line(&run(torture(&args).args(flag)), 125);
        assert!(stderr.contains(name) && stderr.contains(problem), "{stderr}");
    }
}

/// A component that syncs no directory.
fn broken_component() -> PathBuf {
    tandem_tests::variant("provoke-loss", &["provoke-loss"])
}

/// The blocking one.
fn broken_blocking_component() -> PathBuf {
    tandem_tests::variant("provoke-loss-blocking", &["provoke-loss", "blocking"])
}

/// What a run tells that finds violations.
fn told_broken(command: &mut Command) -> Value {
    let output = run(command.arg("--json"));
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), &*stderr), (Some(1), ""), "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn a_broken_component_is_found_out_and_the_printed_command_finds_it_again() {
    is_found_out(&broken_component(), &[]);
}

#[test]
fn a_broken_blocking_component_is_found_out_too() {
    is_found_out(&broken_blocking_component(), &["--blocking"]);
}

fn is_found_out(component: &Path, flags: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    // A shell would make two words of it.
    let file = dir.path().join("broken build.wasm");
    fs::copy(component, &file).unwrap();
    let args = ["--states", SHORT, "--component", file.to_str().unwrap()];
    let args = [&args[..], flags].concat();
    let told = told_broken(&mut torture(&args));
    let found = told["found"].as_array().unwrap();
    assert!(count(&told, "violations") >= 1 && !found.is_empty(), "{told}");
    assert_eq!(told["first"], found[0]["sentence"]);
    let replay = found[0]["replay"].as_str().unwrap();

    let output = run(&mut torture(&args));
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.starts_with("violation 1 of "), "{shown}");
    assert!(shown.contains(&format!("  again with\n    {replay}\n")), "{shown}");

    let words = shlex::split(replay).unwrap();
    assert_eq!(words[..2], ["tandem", "torture"]);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let again = told_broken(&mut tandem(&words[1..]));
    let of_unit = |found: &Value| {
        let found = found.as_array().unwrap().iter();
        found.filter(|one| one["unit"] == told["found"][0]["unit"]).cloned().collect::<Vec<_>>()
    };
    assert_eq!(again["found"], json!(of_unit(&told["found"])));
}

#[test]
fn json_has_every_key_in_order() {
    let output = run(&mut torture(&[&SHORTEST[..], &["--seed", "3", "--json"]].concat()));
    let stdout = text(&output.stdout);
    let object: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(object.as_object().unwrap().len(), KEYS.len());
    let places = KEYS.map(|key| stdout.find(&format!("\"{key}\":")).unwrap());
    assert!(places.is_sorted(), "{stdout}");
    assert_eq!(object["seed"], 3);
    assert_eq!(object["models"], json!(Model::ALL.map(|model| model.name)));
    let hash = object["trace_hash"].as_str().unwrap();
    assert!(hash.len() == 16 && u64::from_str_radix(hash, 16).is_ok(), "{hash}");
}

#[test]
fn a_seed_is_the_whole_run() {
    let args = ["--states", SHORT, "--threads", "1", "--seed"];
    let of = |seed| trace(&[&args[..], &[seed]].concat());
    let first = of("11");
    has_tried_each_model(&first);
    assert_eq!(of("11"), first);
    assert_ne!(of("12")["trace_hash"], first["trace_hash"]);
}

#[test]
fn threads_change_nothing() {
    for flags in [&[][..], &["--blocking"], &["--documents"]] {
        let args = ["--states", SHORT, "--threads"];
        let of = |threads| trace(&[&args[..], &[threads], flags].concat());
        let one = of("1");
        if flags != ["--documents"] {
            has_tried_each_model(&one);
        }
        assert_eq!(of("3"), one);
    }
}

#[test]
fn the_same_component_from_a_file_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tandem.wasm");
    fs::write(&file, TANDEM).unwrap();
    let from_file = ["--component", file.to_str().unwrap()];
    assert_eq!(trace(&[&SHORTEST[..], &from_file].concat()), trace(&SHORTEST));
}

#[test]
fn each_model_can_be_tried_alone() {
    for model in Model::ALL {
        let told = told(&[&SHORTEST[..], &["--model", model.name]].concat());
        assert_eq!(told["models"], json!([model.name]));
        assert!(count(&told, "states") >= 30, "{told}");
    }
}

#[test]
fn a_unit_alone_is_one_unit() {
    let unit = told(&["--unit", "2"]);
    assert_eq!(unit["units"], 1, "{unit}");
}

#[test]
fn the_result_is_told_in_aligned_lines_and_no_file_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = torture(&[&SHORTEST[..], &["--seed", "9", "--model", "xfs"]].concat());
    let output = run(command.current_dir(&dir).env("TMPDIR", dir.path()));
    // No terminal, no bar.
    assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
    let stdout = text(&output.stdout);
    let lines: Vec<_> = stdout.lines().map(|line| line.split_at(12)).collect();
    let names: Vec<_> = lines.iter().map(|(name, _)| name.trim_end()).collect();
    assert_eq!(
        names,
        [
            "states",
            "faults",
            "orders",
            "violations",
            "seed",
            "component",
            "models",
            "trace hash",
            "took",
            "states/s"
        ],
        "{stdout}"
    );
    let value = |name: &str| lines.iter().find(|line| line.0.trim_end() == name).unwrap().1;
    assert!(value("states").parse::<u64>().unwrap() >= 30, "{stdout}");
    assert_eq!((value("violations"), value("seed"), value("models")), ("0", "9", "xfs"));
    assert_eq!(value("component"), "tandem");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

#[test]
fn a_result_that_nobody_reads_is_no_failure_and_one_that_cannot_be_told_is() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = torture(&["--states", "1"]);
    command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped());
    let stderr = assert_one_line(&Guarded::spawn(&mut command).output(), 125);
    assert!(stderr.contains("standard output"), "{stderr}");

    let mut command = torture(&["--states", "1"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Guarded::spawn(&mut command);
    drop(child.stdout.take());
    let output = child.output();
    assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
}

#[test]
fn an_interrupt_ends_it_at_once() {
    use std::os::unix::process::ExitStatusExt;

    with_default_signals();
    let mut command = torture(&["--states", "1000000000", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = Guarded::spawn(&mut command);
    kill(&child, Signal::INT);
    let output = child.output();
    assert_eq!(output.status.signal(), Some(Signal::INT.as_raw()));
    assert_eq!(text(&output.stdout), "");
}
