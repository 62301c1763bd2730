//! What players may say, and when.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, PipeWriter, Write};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};

use super::{answering, assert_fails, fake, ok, played, played_within, waits};
use crate::host::{Calls, Command, Host, Start};
use crate::play::{LIMIT, Played, Verdict};
use crate::players::{Lines, Play};
use crate::spelling::Spelling;

/// What a case that hangs came to. A busy machine may need more time to come to where it hangs.
fn hung(host: &Host, steps: &Value, wanted: &str) -> Played {
    let limits = [300, 3000, 30_000].map(Duration::from_millis);
    let mut played = limits.into_iter().map(|limit| played_within(host, steps, &json!([]), limit));
    played
        .find(|played| played.detail.as_deref() == Some(wanted))
        .unwrap_or_else(|| panic!("no case ends with: {wanted}"))
}

fn history(expect: Value) -> Value {
    json!([{"do": "history", "options": {"task-id": "a"}, "expect": expect}])
}

fn set() -> Value {
    json!({"do": "set", "run": "a", "document": "{}"})
}

pub fn a_hang_is_told_as_a_hang() {
    let host = waits(Start::Thread(fake));
    let steps = json!([set(), {"do": "flush", "run": "a"}]);
    assert_eq!(hung(&host, &steps, "step 2 has not ended").verdict, Verdict::Hang);
    let never = json!([{"do": "wait-for", "files": [{"path": "a"}]}]);
    assert_eq!(hung(&host, &never, "step 1 has not ended").verdict, Verdict::Hang);
}

pub fn a_player_that_ends_and_what_the_wit_does_not_know_match_nothing() {
    for expect in [json!({"ok": {}}), json!({"error": {}}), json!({"ok": null})] {
        let stats = json!([{"do": "stats", "run": "a", "expect": expect}]);
        assert_fails(&played(fake, stats), &["step 1", "it broke: a trap"]);
        let merge = json!([{"do": "merge", "run": "a", "patch": "{}", "expect": expect}]);
        assert_fails(&played(fake, merge), &["step 1", "it broke", "component-failed"]);
    }
    let close = json!([{"do": "close", "run": "a"}]);
    assert_fails(&played(fake, close), &["step 1: the player ended"]);
    let waiting = json!([
        {"do": "start", "as": "x", "call": {"do": "close", "run": "a"}},
        {"do": "wait-for", "files": [{"path": "a"}]},
    ]);
    assert_fails(&played(fake, waiting), &["step 2: the player ended"]);
}

/// A player that answers what it should not.
macro_rules! liar {
    ($answers:expr) => {{
        fn liar(lines: Lines, to: PipeWriter) {
            let answers: fn(&Value) -> Vec<Value> = $answers;
            answering(lines, to, |_, calls| calls.iter().flat_map(answers).collect());
        }
        liar as Play
    }};
}

pub fn a_player_that_lies_is_found_out() {
    let twice = json!([set(), set()]);
    for (liar, part) in [
        (liar!(|_| vec![json!({"id": 7, "ok": null})]), "step 1: the player answers 7"),
        (liar!(|call| vec![ok(call), ok(call)]), "step 2: the player answers 1"),
        (liar!(|call| vec![json!({"id": call["id"]})]), "step 1: the player says what is no"),
        (liar!(|_| vec![json!("done")]), "step 1: the player says what is no outcome: \"done\""),
        (
            liar!(|call| vec![json!({"id": call["id"], "ok": null, "error": {}})]),
            "it has one of `ok`, `error` and `broken`",
        ),
        (liar!(|call| vec![json!({"id": call["id"], "ok": 1, "more": 1})]), "more"),
    ] {
        assert_fails(&played(liar, twice.clone()), &[part]);
    }
    // Nothing is written, whatever it says.
    let written = json!([{"path": "a", "content": "x"}]);
    let host = waits(Start::Thread(liar!(|call| vec![ok(call)])));
    assert_fails(&played_within(&host, &twice, &written, LIMIT), &["after: a: nothing stands"]);

    fn never_ready(lines: Lines, mut to: PipeWriter) {
        let _ = writeln!(to, "hello");
        lines.lines().for_each(drop);
    }
    assert_fails(&played(never_ready, twice), &["the start: the player does not say", "hello"]);
}

pub fn what_is_no_word_of_the_language_is_found_out() {
    let speaks = |names, player| {
        let host = Host { names, ..waits(Start::Thread(player)) };
        let steps = history(json!({"ok": {"in-ms": 1, "list": [{"is-it": true}]}}));
        played_within(&host, &steps, &json!([]), LIMIT)
    };
    let camel = liar!(|call| vec![
        json!({"id": call["id"], "ok": {"inMs": call["options"]["taskId"] == "a"}})
    ]);
    // It was asked in its language.
    assert_fails(&speaks(Spelling::Camel, camel), &["step 1: in-ms: expected 1, found true"]);
    assert_fails(&speaks(Spelling::Snake, camel), &["step 1: `inMs` is no name"]);
    let snake = liar!(|call| vec![
        json!({"id": call["id"], "ok": {"in_ms": 1, "list": [{"is_it": true}]}})
    ]);
    assert_eq!(speaks(Spelling::Snake, snake).verdict, Verdict::Pass);
    assert_fails(&speaks(Spelling::Camel, snake), &["step 1: `in_ms` is no name"]);
    let wit = liar!(|call| vec![json!({"id": call["id"], "ok": {"in-ms": 1}})]);
    assert_fails(&speaks(Spelling::Snake, wit), &["step 1: `in-ms` is no name"]);
}

pub fn calls_of_one_tick_are_one_line_of_ascii() {
    fn counts(lines: Lines, to: PipeWriter) {
        answering(lines, to, |line, calls| {
            let answer = |call: &Value| {
                json!({"id": call["id"], "ok": {
                    "calls": calls.len(),
                    "ascii": line.is_ascii(),
                    "document": call["document"],
                }})
            };
            calls.iter().map(answer).collect()
        });
    }
    let text = "\u{2028}ä😀\u{0}\r\n";
    let set = json!({"do": "set", "run": "a", "document": text});
    let told = |calls: u64| json!({"ok": {"calls": calls, "ascii": true, "document": text}});
    let (mut alone, mut of_two) = (set.clone(), set.clone());
    (alone["expect"], of_two["expect"]) = (told(1), told(2));
    let start = |name: &str| json!({"do": "start", "as": name, "call": set});
    let await_ = |name: &str, calls| json!({"do": "await", "call": name, "expect": told(calls)});
    let steps = json!([
        alone,
        start("x"), start("y"), await_("x", 2), await_("y", 2),
        start("x"), {"do": "check", "files": []}, start("y"), await_("y", 1), await_("x", 1),
        {"do": "together", "calls": [of_two, of_two]},
    ]);
    let played = played(counts, steps);
    assert_eq!((played.verdict, played.detail), (Verdict::Pass, None));
}

pub fn a_call_that_is_started_must_be_awaited() {
    let start = json!({"do": "start", "as": "x", "call": set()});
    let awaited = json!({"do": "await", "call": "x"});
    assert_fails(&played(fake, json!([start])), &["after: `x` was started, and nobody"]);
    assert_fails(&played(fake, json!([awaited])), &["step 1: no `x` was started"]);
    assert_fails(&played(fake, json!([start, start])), &["step 1: `x` was started already"]);
    assert_eq!(played(fake, json!([start, awaited])).verdict, Verdict::Pass);
}

/// What a host answers whose calls block.
fn asks_again(lines: Lines, to: PipeWriter) {
    answering(lines, to, |_, calls| {
        let again = |call: &Value| match call["run"].as_str() {
            Some("early") => json!({"receipt": {"n": 1}, "call_again_in_ms": 5}),
            Some("odd") => json!({"n": 1}),
            _ => json!({"receipt": {"n": 1}, "call_again_in_ms": null}),
        };
        calls.iter().map(|call| json!({"id": call["id"], "ok": again(call)})).collect()
    });
}

pub fn hosts_that_block_start_nothing_and_hosts_that_wait_are_not_called_again() {
    let blocks = Host { calls: Calls::Block, ..waits(Start::Thread(asks_again)) };
    let blocked = |steps: Value| -> Played { played_within(&blocks, &steps, &json!([]), LIMIT) };
    let schedule = |run: &str, expect: Value| json!({"do": "schedule", "run": run, "request": {}, "expect": expect});
    let plain = json!({"do": "schedule", "run": "early", "request": {}});
    for flight in [
        json!({"do": "start", "as": "x", "call": plain}),
        json!({"do": "together", "calls": [plain]}),
        json!({"do": "is-waiting", "calls": []}),
        json!({"do": "wait-for", "files": []}),
    ] {
        assert_fails(&blocked(json!([flight])), &["step 1: a call blocks here"]);
    }
    let again = schedule("early", json!({"again": {"in-ms": 5, "receipt": {"n": 1}}}));
    let written = schedule("late", json!({"ok": {"n": 1}}));
    assert_eq!(blocked(json!([again, written])).verdict, Verdict::Pass);
    assert_fails(&blocked(json!([plain])), &["step 1: expected success"]);
    assert_fails(&blocked(json!([schedule("odd", json!({"ok": {}}))])), &["answers no receipt"]);

    assert_fails(&played(fake, json!([again])), &["step 1", "waits here"]);
    let together = json!([{"do": "together", "calls": [plain, again]}]);
    assert_fails(&played(fake, together), &["step 1", "waits here"]);
    let ended =
        json!([{"do": "start", "as": "x", "call": plain}, {"do": "is-waiting", "calls": ["x"]}]);
    assert_fails(&played(fake, ended), &["step 2: `x` has ended"]);
    let mut wrong = plain.clone();
    wrong["expect"] = json!({"ok": {"n": 2}});
    let together = json!([{"do": "together", "calls": [plain, wrong]}]);
    assert_fails(&played(fake, together), &["step 1: call 2 of those together"]);
}

fn shell(script: &str) -> Host {
    let words = ["sh", "-c", script].map(String::from).to_vec();
    waits(Start::Process(Command { words, environment: BTreeMap::new() }))
}

pub fn a_process_that_ends_is_told_with_its_last_words() {
    let steps = json!([set()]);
    let ends = shell("echo it is broken >&2; exit 3");
    let played = played_within(&ends, &steps, &json!([]), LIMIT);
    assert_fails(&played, &["the start: the player ended: it is broken"]);
    let ready = r#"read line; echo '{"versions": {}}'; read line;"#;
    let answers = shell(&format!(r#"{ready} echo '{{"id": 1, "ok": null}}'; cat"#));
    assert_eq!(played_within(&answers, &steps, &json!([]), LIMIT).verdict, Verdict::Pass);
    let ends = shell(ready);
    assert_fails(&played_within(&ends, &steps, &json!([]), LIMIT), &["step 1: the player ended"]);
}

pub fn a_process_that_hangs_is_killed_with_what_it_started() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let shown = file.path().display();
    // The second one would hold the pipes open after the death of the first.
    let hangs = shell(&format!(
        r#"echo $$ >{shown}; read line; echo '{{"versions": {{}}}}'; sleep 1000 & wait"#
    ));
    hung(&hangs, &json!([set()]), "step 1 has not ended");
    let id: i32 = fs::read_to_string(file.path()).unwrap().trim().parse().unwrap();
    test_kill_process(Pid::from_raw(id).unwrap()).unwrap_err();
}
