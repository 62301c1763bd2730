//! What a caller learns when the summary, the history or both cannot be written, in whichever order
//! they end, and what is on the disk then.

use std::fs;
use std::time::Duration;

use tandem_host::disk::ErrorCode;
use tandem_host::testing::DiskOperation::{
    self, CreateDir, CreateFile, OpenDir, OpenFile, Read, ReadDir, RemoveFile, Rename, Stat,
    SyncData, SyncDir, Write,
};
use tandem_host::testing::{Call, Fault};
use tandem_host::{Channel, Error, ErrorKind, Failure, Operation, Reached, Recorded};

use crate::record_support::{
    HISTORY, HISTORY_PATH, LOCK, LOCK_PATH, SUMMARY, at, options, summary, summary_path,
};
use crate::support::{CODES, Lab, STEPS, within};

/// What an error is to tell of one file.
struct Told<'a> {
    channel: Channel,
    operation: Operation,
    path: &'a str,
    code: &'a str,
    is_retryable: bool,
}

impl Told<'_> {
    #[track_caller]
    fn first_of(&self, error: &Error, kind: ErrorKind) {
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(error.channel(), Some(self.channel), "{error:?}");
        assert_eq!(error.operation(), Some(self.operation), "{error:?}");
        assert_eq!(error.path(), Some(self.path), "{error:?}");
        assert_eq!(error.code(), Some(self.code), "{error:?}");
        assert_eq!(error.retryable(), self.is_retryable, "{error:?}");
        self.message(error.message());
        let says_written = error.message().contains("summary is written");
        assert_eq!(says_written, kind != ErrorKind::Storage, "{error:?}");
    }

    #[track_caller]
    fn beside(&self, error: &Error) {
        let Failure { channel, operation, path, code, retryable, message, .. } =
            error.beside().expect("both failed");
        assert_eq!(*channel, Some(self.channel), "{error:?}");
        assert_eq!(*operation, self.operation, "{error:?}");
        assert_eq!((&**path, &**code), (self.path, self.code), "{error:?}");
        assert_eq!(*retryable, self.is_retryable, "{error:?}");
        self.message(message);
    }

    #[track_caller]
    fn message(&self, message: &str) {
        let reason = if self.code == "locked" { "another holder" } else { self.code };
        assert!(message.contains(self.path) && message.contains(reason), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

/// A summary that cannot be written: the disk is full.
const FULL_SUMMARY: Told<'static> = Told {
    channel: Channel::Summary,
    operation: Operation::Write,
    path: ".runs/task/new/manifest.json",
    code: "insufficient-space",
    is_retryable: true,
};

/// A history that may not be replaced.
const REFUSED_HISTORY: Told<'static> = Told {
    channel: Channel::History,
    operation: Operation::Rename,
    path: HISTORY_PATH,
    code: "access",
    is_retryable: false,
};

/// A history whose lock another one has.
const LOCKED_HISTORY: Told<'static> = Told {
    channel: Channel::History,
    operation: Operation::Lock,
    path: LOCK_PATH,
    code: "locked",
    is_retryable: true,
};

fn fail(lab: &Lab, operation: DiskOperation, name: &'static str, code: ErrorCode) {
    lab.fail.add(Fault::new(code, move |call| call.is(operation, name)));
}

/// A lock that nobody touches, of an owner that was granted an hour.
fn hold_lock(lab: &Lab) -> String {
    let token = "0f".repeat(16);
    let owner = format!("{{\"version\":1,\"token\":\"{token}\",\"lease_ms\":3600000}}\n");
    lab.place(LOCK_PATH, &owner);
    owner
}

/// Which file's write ends last.
#[derive(Clone, Copy, Debug)]
enum Late {
    Summary,
    History,
}

const BOTH_ORDERS: [Late; 2] = [Late::Summary, Late::History];

/// The run `old` is recorded already, and files that are nobody's business stand beside.
async fn lab() -> Lab {
    let lab = Lab::new().await;
    lab.record("old", &at(1)).await;
    for path in [".runs/task/cli/new/manifest.json", ".runs/task/new/log", ".runs/other.lock"] {
        lab.place(path, "mine");
    }
    for path in ["out/task/state.json", "out/task/log", "out/other/runs.json"] {
        lab.place(path, "mine");
    }
    lab.record.take();
    lab
}

/// Files other than those of the run `new`, and what they hold.
fn others(lab: &Lab) -> Vec<(String, String)> {
    let written = [HISTORY_PATH.to_owned(), summary_path("new"), LOCK_PATH.to_owned()];
    let files = lab.files().into_iter().filter(|path| !written.contains(path));
    files.map(|path| (path.clone(), lab.text(&path))).collect()
}

/// Records the run `new` so that the write of one file begins only after that of the other has
/// ended. Nothing but the files of the run and the history changes, and none is left over.
async fn record_new(lab: &Lab, late: Late, lock_wait_ms: u64) -> Result<Recorded, Error> {
    let before = others(lab);
    let has_lock = lab.path(LOCK_PATH).exists();
    let first = match (late, has_lock) {
        (Late::Summary, _) => SUMMARY,
        (Late::History, false) => HISTORY,
        (Late::History, true) => LOCK,
    };
    let gate = lab.hold.before(move |call| call.is(CreateFile, first));
    let options = options().lock_wait(Duration::from_millis(lock_wait_ms));
    let recording = lab.tandem.record_run(summary("new", &at(2)), options);
    gate.reached(1).await;
    lab.settle(1).await;
    gate.release();
    let outcome = recording.await;
    assert_eq!(others(lab), before, "{late:?}");
    assert_eq!(lab.path(LOCK_PATH).exists(), has_lock, "{late:?}");
    outcome
}

#[track_caller]
fn assert_written(lab: &Lab, summary: bool, history: bool) {
    assert_eq!(lab.path(&summary_path("new")).exists(), summary);
    let runs: &[&str] = if history { &["old", "new"] } else { &["old"] };
    assert_eq!(lab.recorded(), runs);
}

#[tokio::test]
async fn both_are_written_and_the_receipt_tells_how() {
    within(async {
        for late in BOTH_ORDERS {
            let lab = lab().await;
            let recorded = record_new(&lab, late, 0).await.unwrap();
            assert_written(&lab, true, true);
            let bytes = |path: &str| fs::metadata(lab.path(path)).unwrap().len();
            assert_eq!(recorded.summary.bytes, bytes(&summary_path("new")));
            assert_eq!(recorded.history.bytes, bytes(HISTORY_PATH));
            let reached = [recorded.summary.reached, recorded.history.reached];
            assert_eq!(reached, [Reached::Durable; 2]);
            assert_eq!((recorded.runs, recorded.ahead.len()), (2, 0));
            assert_eq!((recorded.set_aside.len(), recorded.swept), (0, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn a_summary_that_is_not_written_is_the_error_and_the_history_is_written() {
    within(async {
        for late in BOTH_ORDERS {
            let lab = lab().await;
            fail(&lab, Write, SUMMARY, ErrorCode::InsufficientSpace);
            let error = record_new(&lab, late, 0).await.unwrap_err();
            FULL_SUMMARY.first_of(&error, ErrorKind::Storage);
            assert_eq!(error.beside(), None, "{late:?}");
            assert_written(&lab, false, true);
        }
    })
    .await;
}

#[tokio::test]
async fn a_history_that_is_not_written_is_the_error_and_the_summary_is_written() {
    within(async {
        for late in BOTH_ORDERS {
            let lab = lab().await;
            fail(&lab, Rename, HISTORY, ErrorCode::Access);
            let error = record_new(&lab, late, 0).await.unwrap_err();
            REFUSED_HISTORY.first_of(&error, ErrorKind::History);
            assert_eq!(error.beside(), None, "{late:?}");
            assert_written(&lab, true, false);
        }
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_is_not_had_is_an_error_of_its_own_and_the_summary_is_written() {
    within(async {
        for late in BOTH_ORDERS {
            let lab = lab().await;
            let owner = hold_lock(&lab);
            let error = record_new(&lab, late, 0).await.unwrap_err();
            LOCKED_HISTORY.first_of(&error, ErrorKind::Locked);
            assert_eq!(error.beside(), None, "{late:?}");
            assert_written(&lab, true, false);
            assert_eq!(lab.text(LOCK_PATH), owner, "it is another's");
        }
    })
    .await;
}

#[tokio::test]
async fn when_neither_is_written_the_summarys_failure_comes_first_and_the_historys_beside() {
    within(async {
        for late in BOTH_ORDERS {
            let lab = lab().await;
            fail(&lab, Write, SUMMARY, ErrorCode::InsufficientSpace);
            fail(&lab, Rename, HISTORY, ErrorCode::Access);
            let error = record_new(&lab, late, 0).await.unwrap_err();
            FULL_SUMMARY.first_of(&error, ErrorKind::Storage);
            REFUSED_HISTORY.beside(&error);
            assert_written(&lab, false, false);
        }
    })
    .await;
}

#[tokio::test]
async fn when_the_summary_is_not_written_a_lock_that_is_not_had_is_told_beside() {
    within(async {
        for late in BOTH_ORDERS {
            let lab = lab().await;
            hold_lock(&lab);
            fail(&lab, Write, SUMMARY, ErrorCode::InsufficientSpace);
            let error = record_new(&lab, late, 0).await.unwrap_err();
            FULL_SUMMARY.first_of(&error, ErrorKind::Storage);
            LOCKED_HISTORY.beside(&error);
            assert_written(&lab, false, false);
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_that_failed_can_be_recorded_again() {
    within(async {
        for (operation, name) in [(Write, SUMMARY), (Rename, HISTORY)] {
            let lab = lab().await;
            fail(&lab, operation, name, ErrorCode::Io);
            record_new(&lab, Late::History, 0).await.unwrap_err();
            let recorded = lab.record("new", &at(2)).await;
            assert_eq!(recorded.runs, 2);
            assert_written(&lab, true, true);
        }
    })
    .await;
}

const ONCE: &[bool] = &[false];
const ONCE_AND_FOR_GOOD: &[bool] = &[false, true];

/// One file fails at a step with every code.
async fn fail_at(
    step: impl Fn(&Call) -> bool + Send + std::marker::Sync + Clone + 'static,
    stickiness: &[bool],
    channel: Channel,
    operation: Operation,
    path: &str,
) {
    let lab = lab().await;
    let old = (lab.text(HISTORY_PATH), lab.files());
    for (number, (code, is_retryable)) in CODES.into_iter().enumerate() {
        for &is_sticky in stickiness {
            let fault = Fault::new(code, step.clone());
            lab.fail.add(if is_sticky { fault.sticky() } else { fault });
            let recording = lab.tandem.record_run(summary("new", &at(2 + number)), options());
            let error = recording.await.unwrap_err();
            assert!(lab.fail.injected() > 0);
            lab.fail.clear();
            let told = Told { channel, operation, path, code: code.name(), is_retryable };
            let is_summary = channel == Channel::Summary;
            told.first_of(&error, if is_summary { ErrorKind::Storage } else { ErrorKind::History });
            assert_eq!(error.beside(), None, "{error:?}");
            // Only a directory's sync fails after the file was replaced.
            let is_written = operation == Operation::SyncDirectory;
            assert_written(&lab, !is_summary || is_written, is_summary || is_written);
            // Nothing is left over, so taking the run back brings the old state.
            fs::remove_file(lab.path(&summary_path("new"))).ok();
            fs::write(lab.path(HISTORY_PATH), &old.0).unwrap();
            assert_eq!(lab.files(), old.1, "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_summary_that_fails_at_any_step_is_told() {
    within(async {
        let path = summary_path("new");
        for (operation, step) in STEPS {
            let is_step = move |call: &Call| call.is(operation, SUMMARY);
            fail_at(is_step, ONCE_AND_FOR_GOOD, Channel::Summary, step, &path).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_summarys_directory_that_fails_at_any_step_is_told() {
    within(async {
        let is_new = |call: &Call| call.path == ".runs/task/new";
        let summary = summary_path("new");
        let opening = move |call: &Call| call.operation == OpenDir && is_new(call);
        fail_at(opening, ONCE_AND_FOR_GOOD, Channel::Summary, Operation::Open, ".runs/task/new")
            .await;
        let syncing = move |call: &Call| call.operation == SyncDir && is_new(call);
        fail_at(syncing, ONCE_AND_FOR_GOOD, Channel::Summary, Operation::SyncDirectory, &summary)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_history_that_fails_at_any_step_is_told() {
    within(async {
        for (operation, step) in STEPS {
            let is_step = move |call: &Call| call.is(operation, HISTORY);
            fail_at(is_step, ONCE_AND_FOR_GOOD, Channel::History, step, HISTORY_PATH).await;
        }
        for (operation, step) in
            [(Stat, Operation::Stat), (OpenFile, Operation::Read), (Read, Operation::Read)]
        {
            let is_step = move |call: &Call| call.is(operation, HISTORY);
            fail_at(is_step, ONCE_AND_FOR_GOOD, Channel::History, step, HISTORY_PATH).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_historys_directory_that_fails_at_any_step_is_told() {
    within(async {
        let is_out = |call: &Call| call.path == "out/task";
        let opening = move |call: &Call| call.operation == OpenDir && is_out(call);
        fail_at(opening, ONCE_AND_FOR_GOOD, Channel::History, Operation::Open, "out/task").await;
        for (operation, step) in [(ReadDir, Operation::List), (SyncDir, Operation::SyncDirectory)] {
            let is_step = move |call: &Call| call.operation == operation && is_out(call);
            fail_at(is_step, ONCE_AND_FOR_GOOD, Channel::History, step, HISTORY_PATH).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_fails_at_any_step_is_told() {
    within(async {
        let steps = [
            (CreateFile, ONCE_AND_FOR_GOOD),
            (Write, ONCE_AND_FOR_GOOD),
            // One that can never be read cannot be known for one's own, and stays.
            (OpenFile, ONCE),
            (Read, ONCE),
        ];
        for (operation, stickiness) in steps {
            let is_step = move |call: &Call| call.is(operation, LOCK);
            fail_at(is_step, stickiness, Channel::History, Operation::Lock, LOCK_PATH).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_cannot_be_read_before_the_rename_is_told_and_nothing_is_replaced() {
    within(async {
        let lab = lab().await;
        let gate = lab.hold.before(|call| call.is(SyncData, HISTORY));
        let recording = lab.tandem.record_run(summary("new", &at(2)), options());
        gate.reached(1).await;
        fail(&lab, OpenFile, LOCK, ErrorCode::Io);
        gate.release();
        let error = recording.await.unwrap_err();
        let told = Told { path: HISTORY_PATH, code: "io", is_retryable: true, ..LOCKED_HISTORY };
        told.first_of(&error, ErrorKind::History);
        assert_written(&lab, true, false);
        assert!(!lab.path(LOCK_PATH).exists());
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_cannot_be_removed_stops_others_for_its_lease_only() {
    within(async {
        let lab = lab().await;
        fail(&lab, RemoveFile, LOCK, ErrorCode::Access);
        let options = options().lease(Duration::from_millis(50));
        let recorded = lab.tandem.record_run(summary("new", &at(2)), options.clone()).await;
        assert_eq!(recorded.unwrap().runs, 2);
        assert!(lab.path(LOCK_PATH).exists());
        let recorded = lab.tandem.record_run(summary("next", &at(3)), options).await.unwrap();
        assert_eq!(recorded.runs, 3);
        assert_eq!(lab.recorded(), ["old", "new", "next"]);
        assert!(!lab.path(LOCK_PATH).exists());
    })
    .await;
}

#[tokio::test]
async fn directories_that_cannot_be_made_are_told() {
    within(async {
        for (code, is_retryable) in CODES {
            for (directory, channel) in [
                (".runs/task", Channel::Summary),
                (".runs/task/new", Channel::Summary),
                ("out", Channel::History),
                ("out/task", Channel::History),
            ] {
                let lab = Lab::new().await;
                let is_it =
                    move |call: &Call| call.operation == CreateDir && call.path == directory;
                lab.fail.add(Fault::new(code, is_it).sticky());
                let error =
                    lab.tandem.record_run(summary("new", &at(1)), options()).await.unwrap_err();
                let (operation, path) = (Operation::CreateDirectory, directory);
                let told = Told { channel, operation, path, code: code.name(), is_retryable };
                let is_summary = channel == Channel::Summary;
                let kind = if is_summary { ErrorKind::Storage } else { ErrorKind::History };
                told.first_of(&error, kind);
                let written = if is_summary { HISTORY_PATH } else { &summary_path("new") };
                assert_eq!(lab.files(), [written], "{error:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_step_that_took_effect_and_failed_counts_as_failed() {
    within(async {
        for name in [SUMMARY, HISTORY] {
            for (operation, step) in &STEPS[1..] {
                let (operation, step) = (*operation, *step);
                let lab = lab().await;
                let is_step = move |call: &Call| call.is(operation, name);
                lab.fail.add(Fault::new(ErrorCode::Io, is_step).after_effect());
                let recording = lab.tandem.record_run(summary("new", &at(2)), options());
                let error = recording.await.unwrap_err();
                assert_eq!(error.operation(), Some(step), "{name}");
                assert!(lab.files().iter().all(|path| !path.ends_with(".tandem-tmp")), "{name}");
                assert!(!lab.path(LOCK_PATH).exists());
                lab.record("new", &at(2)).await;
                assert_written(&lab, true, true);
            }
        }
    })
    .await;
}
