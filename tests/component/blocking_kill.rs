//! A process that keeps a run through the blocking component, and is killed in the middle of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tandem_host::RecordOptions;
use tandem_tests::blocking::{Builder, load_component};
use tempfile::TempDir;

use crate::record_support::{HISTORY_PATH, at, recorded_in, summary};
use crate::support::{ALL, in_time, names_in, options};

/// Holds the path of the granted directory, in the process that is killed.
const ROOT: &str = "TANDEM_TEST_KEEPER";
const TEST: &str = "blocking_kill::a_process_that_keeps_a_run";
/// Stands before the number of what is acknowledged; whatever else the harness prints has none.
const KEPT: &str = "kept: ";
/// Told when the component is compiled.
const READY: &str = "ready";

/// So large that a write of it can be caught half done.
fn document(number: u64) -> String {
    format!("{{\"number\": {number}, \"text\": \"{}\"}}", "x".repeat(500_000))
}

#[test]
#[ignore = "another test starts it as a process of its own"]
fn a_process_that_keeps_a_run() {
    let root = std::env::var_os(ROOT).expect("it is started by another test");
    load_component();
    writeln!(std::io::stdout(), "\n{READY}").unwrap();
    let tandem = Builder::dir(root).build().unwrap();
    let run = tandem.open_run(options("a")).unwrap();
    for number in 0.. {
        run.set(document(number)).unwrap();
        run.schedule(ALL).unwrap();
        let (id, timestamp) = (format!("run-{number}"), at(number as usize));
        tandem.record_run(summary(&id, &timestamp), RecordOptions::new()).unwrap();
        writeln!(std::io::stdout(), "{KEPT}{number}").unwrap();
    }
}

/// Starts the process and waits until the component is compiled.
fn start(root: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROOT, root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut lines = told.by_ref().lines().map_while(Result::ok);
    assert!(lines.any(|line| line == READY), "it starts");
    (child, told)
}

/// Kills the process when it has kept so much, and tells what it acknowledged last.
fn kill_after((mut child, told): (Child, BufReader<ChildStdout>), count: usize) -> u64 {
    let mut kept = told.lines().map_while(Result::ok).filter_map(|line| {
        let at = line.find(KEPT)?;
        line[at + KEPT.len()..].parse().ok()
    });
    let mut last = kept.by_ref().take(count).last().expect("it keeps something");
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had told before it died.
    last = kept.last().unwrap_or(last);
    last
}

#[test]
fn a_process_that_is_killed_leaves_whole_files_and_all_that_it_acknowledged() {
    for count in [1, 2, 3, 5, 8, 13] {
        let dir = TempDir::new().unwrap();
        let keeper = start(dir.path());
        in_time(move || async move {
            let acknowledged = kill_after(keeper, count);
            let path = dir.path().join(".runs/task/cli/a/manifest.json");
            let manifest: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            assert!(manifest["number"].as_u64() >= Some(acknowledged), "{acknowledged}");
            assert_eq!(manifest["text"].as_str().map(str::len), Some(500_000));
            let recorded = recorded_in(&dir.path().join(HISTORY_PATH));
            assert!(recorded.len() as u64 > acknowledged, "{acknowledged}: {recorded:?}");

            // The next one finds it whole.
            let tandem = Builder::dir(dir.path()).build().unwrap();
            let run = tandem.open_run(options("a").sweep_after(Duration::ZERO)).unwrap();
            assert_eq!(run.recovered().set_aside, [""; 0]);
            run.close().unwrap();
            let names = names_in(&dir.path().join(".runs/task/cli/a"));
            let kept = names.iter().filter(|name| !name.ends_with(".tandem-tmp"));
            assert_eq!(kept.collect::<Vec<_>>(), [".heartbeat", "manifest.json"]);
        });
    }
}
