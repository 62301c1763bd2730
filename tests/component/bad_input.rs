//! What callers and directories get wrong: a clear error, and nothing changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use futures::FutureExt;
use tandem_host::{Channel, Error, ErrorKind, Operation, RunOptions, Tandem};
use tempfile::TempDir;

use crate::support::{Files, Lab, directory, names_in, on_every_host, options, turn, within};

on_every_host!(
    ids_that_break_a_rule_are_refused,
    a_runs_root_that_could_leave_the_directory_is_refused,
    file_names_that_could_leave_the_directory_are_refused,
    a_link_out_of_the_directory_is_not_followed,
);

/// What the library refuses by itself.
mod refused_by_the_library {
    use super::*;

    crate::support::on_every_filesystem!(
        a_document_above_the_limit_is_refused_before_the_component_sees_it,
        documents_above_their_total_limit_are_refused,
    );
}

#[track_caller]
fn assert_refused(error: &Error, kind: ErrorKind) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!((error.operation(), error.code(), error.beside()), (None, None, None), "{error:?}");
    assert!(!error.retryable() && !error.message().is_empty(), "{error:?}");
}

/// Ids and a part of the message that tells the rule.
fn bad_ids() -> Vec<(String, String)> {
    let mut ids = Vec::new();
    let mut add = |id: &str, rule: &str| ids.push((id.to_owned(), rule.to_owned()));
    add("", "empty");
    for c in "<>:\"|?*/\\\0\n\t\u{1f}\u{7f}\u{80}\u{85}\u{9f}\u{feff}".chars() {
        add(&format!("a{c}b"), &format!("forbidden character {c:?}"));
    }
    for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202d}\u{202e}\u{2066}\u{2069}".chars() {
        add(&format!("a{c}b"), &format!("forbidden character {c:?}"));
    }
    for id in [".", "..", ".a", ".lock"] {
        add(id, "starts with a dot");
    }
    for id in ["a.", "a.."] {
        add(id, "ends with a dot");
    }
    for id in ["a ", " a", " ", "a\u{a0}", "\u{3000}a", "a\u{2003}"] {
        add(id, "starts or ends with a space");
    }
    for name in ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"] {
        add(name, "device");
    }
    for port in '1'..='9' {
        add(&format!("COM{port}"), "device");
        add(&format!("lpt{port}"), "device");
    }
    for name in ["con", "Nul.txt", "aux.a.b", "conin$.x"] {
        add(name, "device");
    }
    for name in ["cli", "CLI", "mcp", "Mcp", "local-mcp", "LOCAL-MCP", "a.lock", "a.LoCk"] {
        add(name, "layout");
    }
    for id in ["x".repeat(129), "ä".repeat(65)] {
        add(&id, "128 bytes");
    }
    ids
}

async fn ids_that_break_a_rule_are_refused(files: Files) {
    let bench = files.bench().await;
    for (id, rule) in bad_ids() {
        for (what, options) in [
            ("task id", RunOptions::new(id.as_str(), "run")),
            ("run id", RunOptions::new("task", id.as_str())),
        ] {
            let error = bench.tandem.open_run(options).await.expect_err(&id);
            assert_refused(&error, ErrorKind::InvalidId);
            let message = error.message();
            assert!(message.starts_with(what), "{message}");
            assert!(message.contains(&format!("{id:?}")) && message.contains(&rule), "{message}");
        }
    }
    assert_eq!(names_in(bench.dir.path()), [""; 0]);
}

const ROOTS: [&str; 12] =
    ["", ".", "..", "../a", "a/../b", "a/..", "/abs", "a//b", "a/", "./a", "a\\b", "a\0b"];

async fn a_runs_root_that_could_leave_the_directory_is_refused(files: Files) {
    let bench = files.bench().await;
    for root in ROOTS {
        let error = bench.tandem.open_run(options("a").runs_root(root)).await.expect_err(root);
        assert_refused(&error, ErrorKind::InvalidInput);
        assert!(error.message().contains("runs_root"), "{error}");
    }
    assert_eq!(names_in(bench.dir.path()), [""; 0]);
}

async fn file_names_that_could_leave_the_directory_are_refused(files: Files) {
    let bench = files.bench().await;
    for name in ["", ".", "..", "a/b", "../a", "/a", "a\\b", "a\0", "a.", "nul"] {
        for options in [options("a").manifest_name(name), options("a").heartbeat_name(name)] {
            let error = bench.tandem.open_run(options).await.expect_err(name);
            assert_refused(&error, ErrorKind::InvalidInput);
            assert!(error.message().contains("_name"), "{error}");
        }
    }
    let same = options("a").manifest_name("state").heartbeat_name("State");
    assert_refused(&bench.tandem.open_run(same).await.unwrap_err(), ErrorKind::InvalidInput);
    assert_eq!(names_in(bench.dir.path()), [""; 0]);
}

/// A directory outside, with a file in it, and a link to it at `path`.
fn link_outside(path: &Path) -> TempDir {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("manifest.json"), "corrupt").unwrap();
    symlink(outside.path(), path).unwrap();
    outside
}

fn assert_untouched(outside: &TempDir) {
    assert_eq!(names_in(outside.path()), ["manifest.json"]);
    let content = fs::read_to_string(outside.path().join("manifest.json")).unwrap();
    assert_eq!(content, "corrupt");
}

async fn a_link_out_of_the_directory_is_not_followed(files: Files) {
    for link in [".runs", ".runs/task", ".runs/task/cli", ".runs/task/cli/a"] {
        let bench = files.bench().await;
        let path = bench.dir.path().join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let outside = link_outside(&path);
        let error = bench.tandem.open_run(options("a")).await.expect_err(link);
        assert_eq!(error.kind(), ErrorKind::Storage, "{link}: {error:?}");
        assert_eq!(error.code(), Some("not-permitted"), "{link}: {error:?}");
        assert_eq!(error.path(), Some(directory("a").as_str()), "{link}");
        assert!(!error.retryable());
        assert_untouched(&outside);
    }
}

#[tokio::test]
async fn a_root_that_is_missing_or_a_file_is_told() {
    within(async {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("file"), "mine").unwrap();
        for files in [Files::InPlace, Files::Wasmtime] {
            for (name, code) in [("missing", "no-entry"), ("file", "not-directory")] {
                let path = dir.path().join(name);
                let error = files.builder(&path).build().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Storage);
                assert_eq!(error.operation(), Some(Operation::Open));
                assert_eq!((error.code(), error.path()), (Some(code), path.to_str()));
                assert!(error.message().contains(name), "{error}");
            }
        }
        assert_eq!(names_in(dir.path()), ["file"]);
    })
    .await;
}

async fn a_document_above_the_limit_is_refused_before_the_component_sees_it(files: Files) {
    let bench = files.bench_with(|starter| starter.limits(|of| of.max_document_bytes(1_000))).await;
    let run = bench.open_written("a").await;
    // It is no JSON either: its size is what counts.
    let long = "x".repeat(1_001);
    // An answer without a wait: nobody else had a turn.
    let set = run.set(long.as_str()).now_or_never().unwrap().unwrap_err();
    let merged = run.merge(long).now_or_never().unwrap().unwrap_err();
    for error in [set, merged] {
        assert_refused(&error, ErrorKind::TooLarge);
        assert_eq!(error.channel(), Some(Channel::Manifest));
        assert!(error.message().contains("1001") && error.message().contains("1000"), "{error}");
    }
    assert!(!run.stats().await.unwrap().manifest.dirty);

    let above = bench.tandem.open_run(options("b").max_document_bytes(1_001)).await;
    assert_refused(&above.unwrap_err(), ErrorKind::InvalidInput);
    let below = bench.tandem.open_run(options("b").max_document_bytes(10)).await.unwrap();
    let refused = below.set(r#"{"abcd":12}"#).now_or_never().unwrap();
    assert_refused(&refused.unwrap_err(), ErrorKind::TooLarge);
}

async fn documents_above_their_total_limit_are_refused(files: Files) {
    let limits = |of: tandem_host::Builder| {
        of.max_document_bytes(1_000_000).max_total_document_bytes(2_500_000)
    };
    let bench = files.bench_with(|starter| starter.limits(limits)).await;
    let document = format!(r#"{{"text":"{}"}}"#, "x".repeat(900_000));
    let runs = [bench.open("a").await, bench.open("b").await, bench.open("c").await];
    for run in &runs[..2] {
        run.set(document.as_str()).await.unwrap();
        // Replacing a document takes its place and no more.
        run.set(document.as_str()).await.unwrap();
        run.flush().await.unwrap();
    }
    let error = runs[2].set(document.as_str()).await.unwrap_err();
    assert_refused(&error, ErrorKind::TooLarge);
    let [first, _, third] = runs;
    drop(first);
    // The driver learns of it before the next call.
    third.set("{}").await.unwrap();
    bench.open("a").await.set("{}").await.unwrap();
    third.set(document).await.unwrap();
    third.close().await.unwrap();
}

#[tokio::test]
async fn a_refused_argument_makes_no_call_of_the_disk() {
    within(async {
        let lab = Lab::new().await;
        let run = lab.open_written("a").await;
        lab.record.take();
        run.set("{").await.unwrap_err();
        run.set("x".repeat(20_000_000)).await.unwrap_err();
        lab.tandem.open_run(RunOptions::new("..", "a")).await.unwrap_err();
        lab.tandem.open_run(options("b").runs_root("..")).await.unwrap_err();
        lab.tandem.open_run(options("a")).await.unwrap_err();
        turn(&run).await;
        assert_eq!(lab.record.started(), []);
    })
    .await;
}

#[tokio::test]
async fn a_tandem_without_a_directory_is_refused() {
    let error = Tandem::builder().build().await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput);
}
