//! Tests of the judge itself: what it must refuse, and what it must find out.

mod exceptions;
mod files;
mod format;
mod hosts;
mod players;

use std::fs;
use std::io::{BufRead, PipeWriter, Write};
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::case::Case;
use crate::host::{Calls, Host, Start};
use crate::play::{LIMIT, Played, Verdict, play};
use crate::players::{Lines, Play};
use crate::spelling::Spelling;

macro_rules! trials {
    ($($file:ident: $($name:ident),* $(,)?;)*) => {
        pub fn trials() -> Vec<Trial> {
            vec![$($(Trial::test(concat!("judge::", stringify!($name)), || {
                $file::$name();
                Ok(())
            })),*),*]
        }
    };
}

trials!(
    format:
        what_a_case_does_not_know_is_refused_and_the_file_is_named,
        patterns_match_what_the_format_says_and_nothing_else,
        every_case_names_an_item_of_the_interface;
    files:
        a_broken_expectation_is_found_and_its_place_is_told,
        a_stray_a_missing_and_a_doubly_named_file_are_found;
    players:
        a_hang_is_told_as_a_hang,
        a_player_that_ends_and_what_the_wit_does_not_know_match_nothing,
        a_player_that_lies_is_found_out,
        what_is_no_word_of_the_language_is_found_out,
        calls_of_one_tick_are_one_line_of_ascii,
        a_call_that_is_started_must_be_awaited,
        hosts_that_block_start_nothing_and_hosts_that_wait_are_not_called_again,
        a_process_that_ends_is_told_with_its_last_words,
        a_process_that_hangs_is_killed_with_what_it_started;
    hosts:
        a_host_has_a_player_and_says_how_it_calls,
        a_player_that_is_not_set_up_is_told_in_words,
        contributing_shows_a_player_as_it_is;
    exceptions:
        an_unexpected_failure_and_an_unexpected_pass_fail_the_run,
        a_listed_case_that_hangs_or_fails_in_another_way_fails_the_run,
        an_exception_says_why_and_what_it_looks_like,
        exceptions_name_hosts_and_cases_that_exist;
);

/// A player whose every answer is one of a function, which is given a line of calls.
fn answering(lines: Lines, mut to: PipeWriter, answers: impl Fn(&str, &[Value]) -> Vec<Value>) {
    let mut lines = lines.lines().map_while(Result::ok);
    lines.next();
    let _ = writeln!(to, "{}", json!({"versions": {"fake": "1"}}));
    for line in lines {
        let calls: Vec<Value> = serde_json::from_str(&line).expect("a line of calls");
        for answer in answers(&line, &calls) {
            let _ = writeln!(to, "{answer}");
        }
    }
}

/// What a fake answers to a call that succeeds.
fn ok(call: &Value) -> Value {
    json!({"id": call["id"], "ok": {"n": 1, "list": [1, 2]}})
}

/// A player that knows no rule: calls succeed with the same value, if they end.
fn fake(lines: Lines, to: PipeWriter) {
    answering(lines, to, |_, calls| {
        let answers = calls.iter().filter_map(|call| match call["do"].as_str()? {
            "flush" => None,
            // Without a word on standard error.
            "close" => std::panic::resume_unwind(Box::new(())),
            "stats" => Some(json!({"id": call["id"], "broken": "a trap"})),
            "merge" => Some(json!({"id": call["id"], "error": {"kind": "component-failed"}})),
            _ => Some(ok(call)),
        });
        answers.collect()
    });
}

fn waits(start: Start) -> Host {
    let name = String::from("fake");
    Host { name, calls: Calls::Wait, names: Spelling::Snake, start, store: None }
}

/// A case that is read from a file, as all are.
fn read(case: &Value) -> Result<Case, String> {
    let directory = TempDir::with_prefix("case").unwrap();
    let named = directory.path().join("a-case");
    fs::create_dir(&named).unwrap();
    fs::write(named.join("case.json"), case.to_string()).unwrap();
    Case::read(&named)
}

fn case_of(steps: &Value, after: &Value) -> Value {
    json!({"about": "a", "rule": "runs", "area": "a", "steps": steps, "after": after})
}

fn played_within(host: &Host, steps: &Value, after: &Value, limit: Duration) -> Played {
    play(host, tandem_tests::workspace(), &read(&case_of(steps, after)).unwrap(), limit)
}

fn played(player: Play, steps: Value) -> Played {
    played_within(&waits(Start::Thread(player)), &steps, &json!([]), LIMIT)
}

#[track_caller]
fn assert_fails(played: &Played, parts: &[&str]) {
    assert_eq!(played.verdict, Verdict::Fail, "{:?}", played.detail);
    let detail = played.detail.as_deref().unwrap();
    assert!(parts.iter().all(|part| detail.contains(part)), "{detail}");
}
