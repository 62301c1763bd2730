//! Faults at every step of both channels.

use super::*;

const STEPS: [(&str, Operation); 4] = [
    ("create-file", Operation::Open),
    ("write", Operation::Write),
    ("sync-data", Operation::Sync),
    ("rename", Operation::Rename),
];
const CODES: [&str; 5] = ["insufficient-space", "access", "io", "quota", "read-only"];

/// Fails one step of one channel of a run that has written both files before.
fn fault(channel: RunChannel, (step, operation): (&str, Operation), code: Code, is_sticky: bool) {
    let (temp, other_temp) = match channel {
        RunChannel::Manifest => (MANIFEST_TEMP, HEARTBEAT_TEMP),
        RunChannel::Heartbeat => (HEARTBEAT_TEMP, MANIFEST_TEMP),
    };
    let failed = RunChannels::filter(|c| c == channel);
    let place = Place::durable();
    place.force(BOTH).expect("write");
    place.disk.wall_ms.set(0);
    place.set(1);
    place.disk.fail(&format!("{step} {temp}"), code, is_sticky);

    let error = Error::Storage { first: failure(channel.into(), operation, code), beside: None };
    assert_eq!(place.force(BOTH), Err(error.clone()));
    assert_eq!(place.disk.paths(), [HEARTBEAT_FILE, MANIFEST_FILE], "no temp file is left");
    assert_eq!(place.n() == 1, channel == RunChannel::Heartbeat, "one new file, one old and whole");
    let is_new = place.heartbeat().expect("a heartbeat").starts_with("1970");
    assert_eq!(is_new, channel == RunChannel::Manifest, "one new file, one old and whole");
    assert_eq!(place.dirty(), failed);

    place.disk.take_calls();
    if is_sticky {
        assert_eq!(place.flush(), Err(error));
        place.disk.heal();
    }
    assert_eq!(written(&place.flush().expect("flush")), failed);
    assert_eq!(count(&place.disk.take_calls(), &format!("create-file {other_temp}")), 0);
    assert_eq!((place.n(), place.dirty(), place.temp_files()), (1, NONE, 0));
}

fn every_fault(channel: RunChannel, is_sticky: bool) {
    for step in STEPS {
        for code in CODES {
            fault(channel, step, Code(code), is_sticky);
        }
    }
}

#[test]
fn after_a_fault_of_the_manifest_only_the_manifest_is_written_again() {
    every_fault(RunChannel::Manifest, false);
}

#[test]
fn after_a_fault_of_the_heartbeat_only_the_heartbeat_is_written_again() {
    every_fault(RunChannel::Heartbeat, false);
}

#[test]
fn a_manifest_that_fails_for_good_harms_no_heartbeat() {
    every_fault(RunChannel::Manifest, true);
}

#[test]
fn a_heartbeat_that_fails_for_good_harms_no_manifest() {
    every_fault(RunChannel::Heartbeat, true);
}

#[test]
fn both_channels_can_fail_at_once_at_every_step() {
    for (step, operation) in STEPS {
        let place = Place::durable();
        place.disk.fail(step, IO, true);
        let told = |channel| failure(channel, operation, IO);
        let (first, beside) = (told(Channel::Manifest), Some(told(Channel::Heartbeat)));
        assert_eq!(place.force(BOTH), Err(Error::Storage { first, beside }));
        assert!(place.disk.paths().is_empty());
        assert_eq!(place.dirty(), BOTH);
    }
}

#[test]
fn an_error_tells_whether_a_retry_can_help() {
    let helps = CODES.map(|code| Code(code).is_retryable());
    assert_eq!(helps, [true, false, true, true, false]);
}

#[test]
fn an_error_says_what_failed_where_and_why() {
    let failed = failure(Channel::Heartbeat, Operation::Rename, Code("access"));
    assert_eq!(
        Error::from(failed).to_string(),
        "cannot replace .runs/task/cli/run/.heartbeat: access"
    );
}

#[test]
fn a_new_file_that_is_gone_when_it_is_to_be_renamed_is_a_conflict() {
    let place = Place::new();
    place.disk.fail(&format!("rename {MANIFEST_TEMP}"), Code::NO_ENTRY, false);
    let first = failure(Channel::Manifest, Operation::Rename, Code::NO_ENTRY);
    let error = place.force(BOTH).expect_err("somebody else writes it");
    assert_eq!(error, Error::Conflict { first, beside: None });
    let told = crate::records::Error::from(error);
    assert_eq!((told.kind, told.retryable), (crate::error::ErrorKind::Conflict, false));
    assert!(told.message.ends_with(": no-entry: somebody else writes it"), "{}", told.message);
    assert_eq!(place.dirty(), MANIFEST);
}
