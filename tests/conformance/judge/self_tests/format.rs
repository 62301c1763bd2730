//! What a case may say, and what its patterns mean.

use std::fs;

use serde_json::{Value, json};

use super::{case_of, read};
use crate::case::Case;
use crate::pattern::Pattern;

pub fn what_a_case_does_not_know_is_refused_and_the_file_is_named() {
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
        (with("limits", json!({"max-documents": 1})), "max-documents"),
        (with("limits", json!({"max-document-bytes": "1"})), "max-document-bytes"),
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
        (
            with(
                "steps",
                json!([{"do": "start", "as": "x", "call": {"do": "remove", "path": "a"}}]),
            ),
            "remove",
        ),
        (
            with(
                "steps",
                json!([{"do": "start", "as": "x", "call": {"do": "flush", "run": "a", "expect": {}}}]),
            ),
            "expect",
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

pub fn patterns_match_what_the_format_says_and_nothing_else() {
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
        (json!({"$matches": "[0-9]{2}\\.(ä|b)+"}), json!("12.bä"), json!("123.b")),
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

pub fn every_case_names_an_item_of_the_interface() {
    let workspace = tandem_tests::workspace();
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
