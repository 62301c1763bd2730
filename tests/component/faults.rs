//! A disk that fails at any operation: what callers learn, what is left, what is tried again.

use std::fs;

use tandem_host::disk::ErrorCode;
use tandem_host::testing::DiskOperation::{
    CreateDir, CreateFile, OpenDir, OpenFile, Read, ReadDir, RemoveFile, Rename, Stat, SyncData,
    SyncDir, Write,
};
use tandem_host::testing::{Call, Fault};
use tandem_host::{Channel, Durability, Error, ErrorKind, Operation, RecordOptions};

use crate::support::{ALL, CODES, Clock, STEPS, World, age, directory, on_both_worlds, options};

on_both_worlds!(
    a_heartbeat_that_fails_at_any_step_is_told_and_alone_written_again,
    a_manifest_that_fails_at_any_step_is_told_and_alone_written_again,
    a_step_that_took_effect_and_failed_counts_as_failed,
    a_directory_that_cannot_be_opened_fails_both_channels,
    a_directory_that_is_gone_and_cannot_be_made_fails_both_channels,
    a_directory_that_cannot_be_synced_fails_every_durable_channel_and_new_files_are_written,
    a_directory_that_cannot_be_synced_does_not_fail_a_visible_channel,
    the_directory_is_synced_for_the_channel_that_worked,
    a_temporary_file_that_cannot_be_removed_is_left_to_the_sweep,
    a_temporary_file_that_is_gone_is_a_conflict_and_nothing_is_lost,
    an_open_that_fails_tells_the_step_and_can_be_repeated,
    an_open_that_cannot_make_a_directory_tells_which,
    a_corrupt_file_that_cannot_be_set_aside_fails_the_open_and_is_left_alone,
    a_read_only_disk_opens_no_run,
    a_disk_that_becomes_read_only_loses_nothing,
);

/// As a disk over documents answers when another owner has written the run since.
async fn a_temporary_file_that_is_gone_is_a_conflict_and_nothing_is_lost(world: World) {
    let lab = world.lab().await;
    let run = lab.tandem.open_run(options("a")).await.unwrap();
    run.set("{}").await.unwrap();
    for (failing, channel) in [(NAMES[1], Channel::Manifest), (NAMES[0], Channel::Heartbeat)] {
        lab.fail.add(Fault::new(ErrorCode::NoEntry, move |call| call.is(Rename, failing)));
        let error = run.schedule(ALL).await.unwrap_err();
        assert_eq!((error.kind(), error.channel()), (ErrorKind::Conflict, Some(channel)));
        assert_eq!((error.operation(), error.code()), (Some(Operation::Rename), Some("no-entry")));
        assert!(!error.retryable() && error.message().contains("somebody else"), "{error:?}");
        run.flush().await.unwrap();
        assert_eq!(lab.names("a"), NAMES);
    }
    // The summary of a run that two hosts record is such a file too.
    lab.fail.add(Fault::new(ErrorCode::NoEntry, |call| {
        call.operation == Rename && call.path.starts_with(".runs/task/r/")
    }));
    let summary = r#"{"taskId":"task","runId":"r","timestamp":"2026-01-06T00:00:01Z"}"#;
    let error = lab.tandem.record_run(summary, RecordOptions::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.channel()), (ErrorKind::Conflict, Some(Channel::Summary)));
    lab.tandem.record_run(summary, RecordOptions::new()).await.unwrap();
}

const NAMES: [&str; 2] = [".heartbeat", "manifest.json"];

#[track_caller]
fn assert_error(
    error: &Error,
    channel: Option<Channel>,
    operation: Operation,
    path: &str,
    code: ErrorCode,
    is_retryable: bool,
) {
    assert_eq!(error.kind(), ErrorKind::Storage, "{error:?}");
    assert_eq!(error.channel(), channel, "{error:?}");
    assert_eq!(error.operation(), Some(operation), "{error:?}");
    assert_eq!(error.path(), Some(path), "{error:?}");
    assert_eq!(error.code(), Some(code.name()), "{error:?}");
    assert_eq!(error.retryable(), is_retryable, "{error:?}");
    let message = error.message();
    assert!(message.contains(path) && message.contains(code.name()), "{error:?}");
}

/// One channel fails at every step with every code, once and for good.
async fn fail_everywhere(
    world: World,
    channel: Channel,
    failing: &'static str,
    healthy: &'static str,
) {
    let wall = Clock::at_ms(1_000);
    let clock = wall.clone();
    let lab = world.lab_with(|builder| builder.wall_clock(clock)).await;
    let mut number = 0;
    for (operation, step) in STEPS {
        for (code, is_retryable) in CODES {
            for is_sticky in [false, true] {
                number += 1;
                let name = format!("run-{number}");
                let case = format!("{operation:?} {code} sticky: {is_sticky}");
                let options = options(&name).heartbeat_durability(Durability::Durable);
                let run = lab.tandem.open_run(options).await.unwrap();
                let read = |file: &str| fs::read_to_string(lab.run_dir(&name).join(file)).unwrap();
                wall.set_ms(1_000);
                run.set(r#"{"n":1}"#).await.unwrap();
                run.schedule(ALL).await.unwrap();
                let old = [read(failing), read(healthy)];

                wall.set_ms(2_000);
                run.set(r#"{"n":2}"#).await.unwrap();
                let fault = Fault::new(code, move |call| call.is(operation, failing));
                lab.fail.add(if is_sticky { fault.sticky() } else { fault });
                let error = run.schedule(ALL).await.unwrap_err();
                let path = format!("{}/{failing}", directory(&name));
                assert_error(&error, Some(channel), step, &path, code, is_retryable);
                assert_eq!(error.beside(), None, "{case}");
                assert_eq!(lab.names(&name), NAMES, "{case}: a temporary file is left");
                assert_eq!(read(failing), old[0], "{case}");
                assert_ne!(read(healthy), old[1], "{case}: the other channel is written");

                lab.record.take();
                if is_sticky {
                    assert_eq!(run.flush().await.unwrap_err(), error, "{case}");
                    assert_eq!(lab.names(&name), NAMES, "{case}: a temporary file is left");
                    lab.fail.clear();
                }
                let receipt = run.flush().await.unwrap();
                let is_manifest = channel == Channel::Manifest;
                assert_eq!(receipt.manifest.is_some(), is_manifest, "{case}");
                assert_eq!(receipt.heartbeat.is_some(), !is_manifest, "{case}");
                assert_eq!(lab.record.count(|call| call.is_for(healthy)), 0, "{case}");
                assert_ne!(read(failing), old[0], "{case}");

                let stats = run.stats().await.unwrap();
                let [failed, fine] = match channel {
                    Channel::Manifest => [stats.manifest, stats.heartbeat],
                    _ => [stats.heartbeat, stats.manifest],
                };
                let failures = 1 + u64::from(is_sticky);
                assert_eq!(
                    (failed.writes, failed.failures, failed.retries),
                    (2, failures, failures)
                );
                assert_eq!((fine.writes, fine.failures, fine.retries), (2, 0, 0), "{case}");
                assert_eq!(failed.bytes, 2 * read(failing).len() as u64, "{case}");
                let [cause] = failed.causes.as_slice() else { panic!("{case}") };
                assert!(cause.name.ends_with(&format!(": {code}")), "{case}: {cause:?}");
                assert_eq!(cause.count, failures, "{case}");
                assert_eq!(stats.failed_flushes, failures, "{case}");
                assert_eq!(stats.last_error, None, "{case}");
                lab.fail.clear();
            }
        }
    }
}

async fn a_manifest_that_fails_at_any_step_is_told_and_alone_written_again(world: World) {
    fail_everywhere(world, Channel::Manifest, "manifest.json", ".heartbeat").await;
}

async fn a_heartbeat_that_fails_at_any_step_is_told_and_alone_written_again(world: World) {
    fail_everywhere(world, Channel::Heartbeat, ".heartbeat", "manifest.json").await;
}

async fn a_step_that_took_effect_and_failed_counts_as_failed(world: World) {
    let lab = world.lab().await;
    let run = lab.open_written("a").await;
    for (operation, step) in STEPS {
        // A file that was created and whose handle is lost is nobody's: the sweep gets it.
        if operation == CreateFile {
            continue;
        }
        let is_manifest = move |call: &Call| call.is(operation, "manifest.json");
        lab.fail.add(Fault::new(ErrorCode::Io, is_manifest).after_effect());
        let error = run.schedule(ALL).await.unwrap_err();
        assert_eq!(error.operation(), Some(step));
        assert_eq!(lab.names("a"), NAMES, "{operation:?}");
        assert!(run.flush().await.unwrap().manifest.is_some());
    }
}

async fn a_directory_that_cannot_be_opened_fails_both_channels(world: World) {
    let lab = world.lab().await;
    for (number, (code, is_retryable)) in CODES.into_iter().enumerate() {
        let name = format!("run-{number}");
        let run = lab.open_written(&name).await;
        lab.fail.add(Fault::new(code, |call| call.operation == OpenDir));
        let error = run.schedule(ALL).await.unwrap_err();
        let path = directory(&name);
        let manifest = Some(Channel::Manifest);
        assert_error(&error, manifest, Operation::Open, &path, code, is_retryable);
        let beside = error.beside().unwrap();
        assert_eq!(beside.channel, Some(Channel::Heartbeat));
        assert_eq!((beside.operation, beside.code.as_str()), (Operation::Open, code.name()));
        let receipt = run.flush().await.unwrap();
        assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
    }
}

async fn a_directory_that_is_gone_and_cannot_be_made_fails_both_channels(world: World) {
    let lab = world.lab().await;
    let run = lab.open_written("a").await;
    fs::remove_dir_all(lab.run_dir("a")).unwrap();
    let code = ErrorCode::Quota;
    lab.fail.add(Fault::new(code, |call| call.is(CreateDir, "a")));
    let error = run.schedule(ALL).await.unwrap_err();
    let path = directory("a");
    let manifest = Some(Channel::Manifest);
    assert_error(&error, manifest, Operation::CreateDirectory, &path, code, true);
    assert_eq!(error.beside().unwrap().channel, Some(Channel::Heartbeat));
    run.flush().await.unwrap();
    assert_eq!(lab.names("a"), NAMES);
}

async fn a_directory_that_cannot_be_synced_fails_every_durable_channel_and_new_files_are_written(
    world: World,
) {
    let lab = world.lab().await;
    for (number, (code, is_retryable)) in CODES.into_iter().enumerate() {
        let name = format!("run-{number}");
        let options = options(&name).heartbeat_durability(Durability::Durable);
        let run = lab.tandem.open_run(options).await.unwrap();
        run.set("{}").await.unwrap();
        let is_run_dir = move |call: &Call| call.is(SyncDir, call.name()) && call.path.len() > 15;
        lab.fail.add(Fault::new(code, is_run_dir));
        let error = run.schedule(ALL).await.unwrap_err();
        let path = directory(&name) + "/manifest.json";
        let (manifest, step) = (Some(Channel::Manifest), Operation::SyncDirectory);
        assert_error(&error, manifest, step, &path, code, is_retryable);
        let beside = error.beside().unwrap();
        assert_eq!(beside.channel, Some(Channel::Heartbeat));
        assert_eq!(beside.operation, Operation::SyncDirectory);

        lab.record.take();
        let receipt = run.flush().await.unwrap();
        assert!(receipt.manifest.is_some() && receipt.heartbeat.is_some());
        for file in NAMES {
            assert_eq!(lab.count(CreateFile, file), 1, "{file} is written anew");
            assert_eq!(lab.count(SyncData, file), 1);
        }
        assert_eq!(lab.names(&name), NAMES);
    }
}

async fn a_directory_that_cannot_be_synced_does_not_fail_a_visible_channel(world: World) {
    let lab = world.lab().await;
    let run = lab.open_written("a").await;
    lab.fail.add(Fault::new(ErrorCode::Io, |call| call.operation == SyncDir));
    let error = run.schedule(ALL).await.unwrap_err();
    assert_eq!(error.channel(), Some(Channel::Manifest));
    assert_eq!(error.beside(), None);
    let receipt = run.flush().await.unwrap();
    assert!(receipt.manifest.is_some() && receipt.heartbeat.is_none());
}

async fn the_directory_is_synced_for_the_channel_that_worked(world: World) {
    let lab = world.lab().await;
    let options = options("a").heartbeat_durability(Durability::Durable);
    let run = lab.tandem.open_run(options).await.unwrap();
    run.set("{}").await.unwrap();
    run.schedule(ALL).await.unwrap();
    for failing in NAMES {
        lab.fail.add(Fault::new(ErrorCode::Io, move |call| call.is(Rename, failing)));
        lab.record.take();
        run.schedule(ALL).await.unwrap_err();
        assert_eq!(lab.count(SyncDir, "a"), 1, "{failing}");
        run.flush().await.unwrap();
    }
}

async fn a_temporary_file_that_cannot_be_removed_is_left_to_the_sweep(world: World) {
    let lab = world.lab().await;
    let run = lab.open_written("a").await;
    lab.fail.add(Fault::new(ErrorCode::Quota, |call| call.is(Write, "manifest.json")));
    lab.fail.add(Fault::new(ErrorCode::Access, |call| call.operation == RemoveFile));
    let error = run.schedule(ALL).await.unwrap_err();
    assert_eq!((error.code(), error.beside()), (Some("quota"), None));
    let names = lab.names("a");
    assert_eq!(names.len(), 3, "{names:?}");
    let left = names.iter().find(|name| name.ends_with(".tandem-tmp")).unwrap();
    age(&lab.run_dir("a").join(left), 7_200);
    run.close().await.unwrap();
    assert_eq!(lab.names("a"), NAMES);
}

async fn an_open_that_fails_tells_the_step_and_can_be_repeated(world: World) {
    let (manifest, heartbeat) = (Some(Channel::Manifest), Some(Channel::Heartbeat));
    let (run_dir, manifest_path, heartbeat_path) =
        (directory("a"), directory("a") + "/manifest.json", directory("a") + "/.heartbeat");
    let lab = world.lab().await;
    lab.open_written("a").await.close().await.unwrap();
    let steps = [
        (OpenDir, "a", None, Operation::Open, &run_dir),
        (CreateFile, "probe", None, Operation::Open, &run_dir),
        (Stat, "probe", None, Operation::Stat, &run_dir),
        (ReadDir, "a", None, Operation::List, &run_dir),
        (Stat, "manifest.json", manifest, Operation::Stat, &manifest_path),
        (OpenFile, "manifest.json", manifest, Operation::Read, &manifest_path),
        (Read, "manifest.json", manifest, Operation::Read, &manifest_path),
        (Stat, ".heartbeat", heartbeat, Operation::Stat, &heartbeat_path),
        (OpenFile, ".heartbeat", heartbeat, Operation::Read, &heartbeat_path),
        (Read, ".heartbeat", heartbeat, Operation::Read, &heartbeat_path),
    ];
    for (operation, name, channel, step, path) in steps {
        for (code, is_retryable) in CODES {
            lab.fail.add(Fault::new(code, move |call| call.is(operation, name)));
            let error = lab.tandem.open_run(options("a")).await.unwrap_err();
            assert_error(&error, channel, step, path, code, is_retryable);
            assert_eq!(lab.names("a"), NAMES, "{operation:?} {name}");
        }
    }
    lab.fail.clear();
    let run = lab.open("a").await;
    assert_eq!(run.recovered().document.as_deref(), Some("{}\n"));
}

async fn an_open_that_cannot_make_a_directory_tells_which(world: World) {
    let lab = world.lab().await;
    for (name, path) in [
        (".runs", ".runs".to_owned()),
        ("task", ".runs/task".to_owned()),
        ("cli", ".runs/task/cli".to_owned()),
        ("a", directory("a")),
    ] {
        for (code, is_retryable) in CODES {
            lab.fail.add(Fault::new(code, move |call| call.is(CreateDir, name)));
            let error = lab.tandem.open_run(options("a")).await.unwrap_err();
            let step = Operation::CreateDirectory;
            assert_error(&error, None, step, &path, code, is_retryable);
        }
    }
    lab.fail.clear();
    lab.open("a").await;
}

async fn a_corrupt_file_that_cannot_be_set_aside_fails_the_open_and_is_left_alone(world: World) {
    let lab = world.lab().await;
    lab.put("a", "manifest.json", "corrupt");
    lab.fail.add(Fault::new(ErrorCode::Access, |call| call.operation == Rename));
    let error = lab.tandem.open_run(options("a")).await.unwrap_err();
    let (channel, step) = (Some(Channel::Manifest), Operation::Rename);
    let path = directory("a") + "/manifest.json";
    assert_error(&error, channel, step, &path, ErrorCode::Access, false);
    assert_eq!(lab.names("a"), ["manifest.json"]);
    assert_eq!(lab.manifest("a"), "corrupt");
}

fn changes_the_disk(call: &Call) -> bool {
    matches!(call.operation, CreateDir | CreateFile | Write | Rename | RemoveFile)
}

async fn a_read_only_disk_opens_no_run(world: World) {
    let lab = world.lab().await;
    lab.open_written("a").await.close().await.unwrap();
    lab.fail.add(Fault::new(ErrorCode::ReadOnly, changes_the_disk).sticky());
    let known = lab.tandem.open_run(options("a")).await.unwrap_err();
    let (step, path) = (Operation::Open, directory("a"));
    assert_error(&known, None, step, &path, ErrorCode::ReadOnly, false);
    let new = lab.tandem.open_run(options("b")).await.unwrap_err();
    let step = Operation::CreateDirectory;
    assert_error(&new, None, step, ".runs", ErrorCode::ReadOnly, false);
    lab.fail.clear();
    lab.open("a").await;
    lab.open("b").await;
}

async fn a_disk_that_becomes_read_only_loses_nothing(world: World) {
    let lab = world.lab().await;
    let run = lab.open_written("a").await;
    lab.fail.add(Fault::new(ErrorCode::ReadOnly, changes_the_disk).sticky());
    run.set(r#"{"n":1}"#).await.unwrap();
    let error = run.schedule(ALL).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Some("read-only"), false));
    assert_eq!(error.beside().unwrap().code, "read-only");
    assert_eq!(run.stats().await.unwrap().last_error, Some(error));
    lab.fail.clear();
    run.close().await.unwrap();
    assert_eq!(lab.manifest("a"), "{\n  \"n\": 1\n}\n");
}
