//! Tests of the adapter itself: what it must refuse, and what it must find out.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use tandem_tests::blocking::Limits;
use tempfile::TempDir;

use crate::call::{Call, Outcome};
use crate::case::Case;
use crate::expected::Expected;
use crate::host::{Host, InFlight, Kind};
use crate::pattern::Pattern;
use crate::player::{LIMIT, Played, Verdict, play};

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        pub fn trials() -> Vec<Trial> {
            vec![$(Trial::test(concat!("adapter::", stringify!($name)), || {
                $name();
                Ok(())
            })),*]
        }
    };
}

trials!(
    what_a_case_does_not_know_is_refused_and_the_file_is_named,
    a_broken_expectation_is_found_and_its_place_is_told,
    a_stray_a_missing_and_a_doubly_named_file_are_found,
    patterns_match_what_the_format_says_and_nothing_else,
    a_hang_is_told_as_a_hang,
    a_panic_and_a_trap_match_nothing,
    hosts_that_block_start_nothing_and_hosts_that_wait_are_not_called_again,
    an_unexpected_failure_and_an_unexpected_pass_fail_the_run,
    a_listed_case_that_hangs_or_fails_in_another_way_fails_the_run,
    an_expected_failure_says_why_and_what_it_looks_like,
    expected_failures_name_cases_that_exist,
    every_case_names_an_item_of_the_interface,
);

/// A host that knows no rule: every call succeeds with the same value.
struct Fake {
    is_blocking: bool,
}

const FAKE: Kind =
    Kind { name: "fake", start: |_: &Path, _: Limits| Ok(Box::new(Fake { is_blocking: false })) };
const BLOCKING: Kind = Kind {
    name: "blocking",
    start: |_: &Path, _: Limits| Ok(Box::new(Fake { is_blocking: true })),
};

impl Host for Fake {
    fn call(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Flush { .. } => loop {
                std::thread::park();
            },
            Call::Close { .. } => {
                // Without a word on standard error.
                std::panic::resume_unwind(Box::new(()))
            }
            Call::Stats { .. } => Outcome::Broken(String::from("a trap")),
            Call::Schedule { .. } if self.is_blocking => Outcome::Again(json!({"in-ms": 5})),
            _ => Outcome::Ok(json!({"n": 1, "list": [1, 2]})),
        }
    }

    fn in_flight(&mut self) -> Option<&mut dyn InFlight> {
        if self.is_blocking { None } else { Some(self) }
    }
}

impl InFlight for Fake {
    fn start(&mut self, _: &str, _: &Call) -> Result<(), String> {
        Ok(())
    }

    fn is_waiting(&mut self, _: &str) -> Result<bool, String> {
        Ok(false)
    }

    fn go_on(&mut self) {}

    fn wait(&mut self, _: &str) -> Result<Outcome, String> {
        Ok(Outcome::Ok(Value::Null))
    }
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

fn played_within(kind: Kind, steps: Value, after: Value, limit: Duration) -> Played {
    play(kind, &Arc::new(read(&case_of(&steps, &after)).unwrap()), limit)
}

fn played(kind: Kind, steps: Value) -> Played {
    played_within(kind, steps, json!([]), LIMIT)
}

#[track_caller]
fn assert_fails(played: &Played, parts: &[&str]) {
    let (verdict, detail) = played;
    assert_eq!(*verdict, Verdict::Fail, "{detail:?}");
    let detail = detail.as_deref().unwrap();
    assert!(parts.iter().all(|part| detail.contains(part)), "{detail}");
}

fn what_a_case_does_not_know_is_refused_and_the_file_is_named() {
    let good = case_of(&json!([]), &json!([]));
    read(&good).unwrap();
    let with = |name: &str, value: Value| {
        let mut case = good.clone();
        case[name] = value;
        case
    };
    let open = |options: Value| json!([{"do": "open", "run": "a", "options": options}]);
    let flush = |expect: Value| json!([{"do": "flush", "run": "a", "expect": expect}]);
    for (case, part) in [
        (with("more", json!(1)), "more"),
        (with("about", json!("")), "about"),
        (with("before", json!([{"do": "flush", "run": "a"}])), "flush"),
        (with("steps", json!([{"do": "flsh", "run": "a"}])), "flsh"),
        (with("steps", json!([{"do": "flush"}])), "run"),
        (with("steps", json!([{"do": "flush", "run": "a", "force": true}])), "force"),
        (with("steps", open(json!({"task-id": "a", "run-id": "b", "interval": 1}))), "interval"),
        (with("steps", open(json!({"task": "a", "run-id": "b"}))), "task"),
        (with("steps", open(json!({"task_id": "a", "run-id": "b"}))), "task_id"),
        (with("steps", open(json!({"task-id": "a"}))), "run_id"),
        (with("steps", flush(json!({"okay": {}}))), "ok"),
        (with("steps", flush(json!({"ok": {}, "error": {}}))), "error"),
        (with("steps", flush(json!({"ok": {"n": {"$regex": "a"}}}))), "$regex"),
        (with("steps", flush(json!({"ok": {"$any": true, "n": 1}}))), "n"),
        (with("steps", flush(json!({"ok": {"$one-of": [1, 2]}}))), "why"),
        (with("steps", flush(json!({"ok": {"$matches": "("}}))), "("),
        (with("steps", flush(json!({"ok": {"$matches": "\\d"}}))), "engine"),
        (
            with(
                "steps",
                json!([{"do": "start", "as": "x", "call": {"do": "remove", "path": "a"}}]),
            ),
            "remove",
        ),
        (with("steps", json!([{"do": "remove", "path": "a", "expect": {"ok": {}}}])), "expect"),
        (with("steps", json!([{"do": "write-file", "path": "a", "content": {"hex": "f"}}])), "f"),
        (with("after", json!([{"path": "a", "size": 1}])), "size"),
        (with("after", json!([{"path": "a", "is": "absent", "content": ""}])), "absent"),
        (with("after", json!([{"path": "a", "path-matches": "b"}])), "path"),
        (with("after", json!([{"path": "a", "is": "socket"}])), "socket"),
    ] {
        let error = read(&case).expect_err(&case.to_string());
        assert!(error.contains("a-case/case.json") && error.contains(part), "{part}: {error}");
    }
}

fn a_broken_expectation_is_found_and_its_place_is_told() {
    let open = |expect: Value| {
        json!([
            {"do": "write-file", "path": "a", "content": "x"},
            {"do": "remove", "path": "a"},
            {"do": "history", "options": {"task-id": "a"}, "expect": expect},
        ])
    };
    assert_eq!(
        played(FAKE, open(json!({"ok": {"n": 1, "list": [1, 2], "none": null}}))).0,
        Verdict::Pass
    );
    assert_fails(&played(FAKE, open(json!({"ok": {"n": 2}}))), &["step 3: n: expected 2, found 1"]);
    assert_fails(&played(FAKE, open(json!({"ok": {"list": [1, 3]}}))), &["step 3: list.1: "]);
    assert_fails(&played(FAKE, open(json!({"error": {}}))), &["step 3: expected an error"]);
    let missing = json!([{"do": "remove", "path": "a"}]);
    assert_fails(&played(FAKE, missing), &["step 1: cannot"]);
    let check = json!([{"do": "check", "files": [{"path": "a"}]}]);
    assert_fails(&played(FAKE, check), &["step 1: a: nothing stands there"]);
}

fn a_stray_a_missing_and_a_doubly_named_file_are_found() {
    let steps = json!([
        {"do": "write-file", "path": "d/a", "content": "text"},
        {"do": "symlink", "path": "../out", "to": "granted"},
        {"do": "make-directory", "path": "e"},
    ]);
    let after = |after: Value| played_within(FAKE, steps.clone(), after, LIMIT);
    let link = json!({"path": "../out", "is": "symlink", "to": "granted"});
    let good = json!({"path": "d/a", "content": "text", "bytes": 4});
    assert_eq!(after(json!([good, link])), (Verdict::Pass, None));
    assert_eq!(after(json!([{"path-matches": "d/[a-z]"}, link])).0, Verdict::Pass);
    assert_eq!(
        after(json!([good, link, {"path": "e", "is": "directory"}, {"path": "f", "is": "absent"}]))
            .0,
        Verdict::Pass
    );
    for (entries, part) in [
        (json!([good]), "../out: nothing should"),
        (json!([link]), "d/a: nothing should"),
        (json!([good, good, link]), "d/a: two entries"),
        (json!([good, link, {"path": "b"}]), "b: nothing stands"),
        (json!([good, link, {"path-matches": "x.*"}]), "x.*: nothing stands"),
        (json!([{"path-matches": "(d/a|e)"}, link]), "(d/a|e): several"),
        (json!([good, link, {"path": "e"}]), "e: a Directory"),
        (json!([good, {"path": "../out"}]), "../out: a Symlink"),
        (json!([{"path": "d/a", "is": "absent"}, link]), "d/a: nothing should"),
        (json!([{"path": "d/a", "content": "texts"}, link]), "d/a: expected \"texts\""),
        (json!([{"path": "d/a", "content": {"hex": "00"}}, link]), "d/a: other bytes"),
        (json!([{"path": "d/a", "bytes": 5}, link]), "d/a: expected 5"),
        (json!([good, {"path": "../out", "is": "symlink", "to": "x"}]), "../out: expected"),
    ] {
        assert_fails(&after(entries), &[&format!("after: {part}")]);
    }
}

fn patterns_match_what_the_format_says_and_nothing_else() {
    let one_of = |patterns: Value| json!({"$one-of": patterns, "why": "for a test"});
    for (pattern, same, other) in [
        (json!(1), json!(1.0), json!("1")),
        (json!("a"), json!("a"), json!("ab")),
        (json!(null), json!(null), json!(false)),
        (json!({"a": null}), json!({"b": 1}), json!({"a": 0})),
        (json!({"a": {"b": 1}}), json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 2}})),
        (json!({}), json!({"a": 1}), json!([])),
        (json!([1, {"$any": true}]), json!([1, 2]), json!([1, null])),
        (json!([1]), json!([1]), json!([1, 1])),
        (json!({"$text": {"repeat": "ab", "times": 2}}), json!("abab"), json!("ab")),
        (
            json!({"$text": {"concat": ["a", {"repeat": "b", "times": 2}]}}),
            json!("abb"),
            json!("ab"),
        ),
        (json!({"$contains": "b"}), json!("abc"), json!("ac")),
        (json!({"$contains": ["a", "c"]}), json!("abc"), json!("ab")),
        (json!({"$matches": "a.c"}), json!("a\nc"), json!("abcd")),
        (json!({"$matches": "a|b"}), json!("b"), json!("ab")),
        (json!({"$matches": "a"}), json!("a"), json!("a\n")),
        (
            json!({"$json": {"a": 1, "b": [1]}}),
            json!(r#"{"b":[1.0],"a":1}"#),
            json!(r#"{"a":1,"b":[1],"c":2}"#),
        ),
        (json!({"$json": {}}), json!("{}"), json!({})),
        (json!({"$at-least": 1, "$at-most": 2}), json!(2), json!(3)),
        (json!({"$at-least": 1}), json!(1), json!(0)),
        (json!({"$at-most": 1}), json!(0), json!("0")),
        (one_of(json!(["a", null])), json!(null), json!("b")),
    ] {
        let read = Pattern::try_from(pattern.clone()).unwrap();
        assert_eq!(read.check(&same), Ok(()), "{pattern}");
        read.check(&other).expect_err(&pattern.to_string());
    }
}

fn a_hang_is_told_as_a_hang() {
    let steps = json!([{"do": "set", "run": "a", "document": "{}"}, {"do": "flush", "run": "a"}]);
    let hung = played_within(FAKE, steps, json!([]), Duration::from_millis(300));
    assert_eq!(hung, (Verdict::Hang, Some(String::from("step 2 has not ended"))));
}

fn a_panic_and_a_trap_match_nothing() {
    for expect in [json!({"ok": {}}), json!({"error": {}}), json!({"ok": null})] {
        let stats = json!([{"do": "stats", "run": "a", "expect": expect}]);
        assert_fails(&played(FAKE, stats), &["step 1", "it broke: a trap"]);
    }
    let close = json!([{"do": "close", "run": "a"}]);
    assert_fails(&played(FAKE, close), &["step 1 panicked"]);
}

fn hosts_that_block_start_nothing_and_hosts_that_wait_are_not_called_again() {
    let schedule = json!({"do": "schedule", "run": "a", "request": {}});
    for flight in [
        json!({"do": "start", "as": "x", "call": schedule}),
        json!({"do": "together", "calls": [schedule]}),
        json!({"do": "is-waiting", "calls": []}),
    ] {
        assert_fails(&played(BLOCKING, json!([flight])), &["step 1: a call blocks here"]);
    }
    let mut again = schedule.clone();
    again["expect"] = json!({"again": {}});
    assert_fails(&played(FAKE, json!([again])), &["step 1", "waits here"]);
    assert_eq!(played(BLOCKING, json!([again])), (Verdict::Pass, None));
    assert_fails(&played(BLOCKING, json!([schedule])), &["step 1: expected success"]);
    let ended =
        json!([{"do": "start", "as": "x", "call": schedule}, {"do": "is-waiting", "calls": ["x"]}]);
    assert_fails(&played(FAKE, ended), &["step 2: `x` has ended"]);
    let together = json!([{"do": "together", "calls": [schedule, again]}]);
    assert_fails(&played(FAKE, together), &["step 1: call 2 of those together"]);
}

/// A list of expected failures.
fn expected_of(list: &Value) -> Result<Expected, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), list.to_string()).unwrap();
    Expected::read(file.path())
}

/// A list of one expected failure.
fn expected(case: &str) -> Result<Expected, String> {
    let entry =
        json!({"case": case, "reason": "it is not done", "detail": "calls wait", "link": null});
    expected_of(&json!([entry]))
}

fn an_unexpected_failure_and_an_unexpected_pass_fail_the_run() {
    let expected = expected("known").unwrap();
    let told = |verdict| (verdict, Some(String::from("step 4: calls wait here")));
    assert_eq!(expected.judge("other", &(Verdict::Pass, None)), Ok(()));
    assert_eq!(expected.judge("known", &told(Verdict::Fail)), Ok(()));
    expected.judge("known", &(Verdict::Pass, None)).unwrap_err();
    expected.judge("other", &told(Verdict::Fail)).unwrap_err();
    expected.judge("other", &told(Verdict::Hang)).unwrap_err();
}

fn a_listed_case_that_hangs_or_fails_in_another_way_fails_the_run() {
    let expected = expected("known").unwrap();
    let told = |verdict, detail: &str| (verdict, Some(String::from(detail)));
    for played in [
        told(Verdict::Fail, "step 2: expected 1, found 2"),
        (Verdict::Fail, None),
        told(Verdict::Hang, "step 4: calls wait here"),
    ] {
        let error = expected.judge("known", &played).unwrap_err();
        assert!(error.contains("calls wait"), "{error}");
    }
}

fn an_expected_failure_says_why_and_what_it_looks_like() {
    let entry = json!({"case": "a", "reason": "a reason", "detail": "a text", "link": null});
    expected_of(&json!([entry])).unwrap();
    expected_of(&json!([entry, entry])).unwrap_err();
    for (field, value) in [("reason", json!("")), ("detail", json!("")), ("detail", Value::Null)] {
        let mut other = entry.clone();
        other[field] = value;
        expected_of(&json!([other])).expect_err(field);
    }
}

fn expected_failures_name_cases_that_exist() {
    let cases = [Arc::new(read(&case_of(&json!([]), &json!([]))).unwrap())];
    expected("a-case").unwrap().must_exist(&cases).unwrap();
    let error = expected("b-case").unwrap().must_exist(&cases).unwrap_err();
    assert!(error.contains("b-case"), "{error}");
}

fn every_case_names_an_item_of_the_interface() {
    let workspace = crate::workspace();
    let cases = Case::read_all(&workspace.join("tests/conformance/cases")).unwrap();
    for Case { name, rule, .. } in cases {
        let (interface, item) = rule.split_once('.').unwrap_or((&*rule, ""));
        let directory = if interface == "types" { "wit/records" } else { "wit" };
        let path = workspace.join(directory).join(interface).with_extension("wit");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        for part in item.split('.').filter(|part| !part.is_empty()) {
            let is_there = text.lines().map(str::trim).any(|line| {
                let kinds = ["record ", "resource ", "enum "];
                let line = kinds.iter().find_map(|kind| line.strip_prefix(kind)).unwrap_or(line);
                line.strip_prefix(part).is_some_and(|rest| rest.starts_with([':', ' ']))
            });
            assert!(is_there, "{name}: there is no {rule} in wit/");
        }
    }
}
