//! What hosts are known not to do.

use std::fs;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{case_of, fake, read, waits};
use crate::exceptions::Exceptions;
use crate::host::Start;
use crate::play::{Played, Verdict};

/// A list that is read from a file.
fn list_of(list: &Value) -> Result<Exceptions, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), list.to_string()).unwrap();
    Exceptions::read(file.path())
}

fn entry(hosts: &[&str], cases: &[&str]) -> Value {
    json!({
        "reason": "it is not done",
        "detail": "calls wait",
        "link": null,
        "hosts": hosts,
        "cases": cases,
    })
}

fn known() -> Exceptions {
    list_of(&json!([entry(&["host"], &["known"])])).unwrap()
}

fn told(verdict: Verdict, detail: Option<&str>) -> Played {
    Played { verdict, detail: detail.map(String::from), versions: Map::new() }
}

const WAITS: Option<&str> = Some("step 4: calls wait here");

pub fn an_unexpected_failure_and_an_unexpected_pass_fail_the_run() {
    let known = known();
    assert_eq!(known.judge("host", "other", &told(Verdict::Pass, None)), Ok(()));
    assert_eq!(known.judge("host", "known", &told(Verdict::Fail, WAITS)), Ok(()));
    assert_eq!(known.judge("another", "known", &told(Verdict::Pass, None)), Ok(()));
    known.judge("host", "known", &told(Verdict::Pass, None)).unwrap_err();
    known.judge("host", "other", &told(Verdict::Fail, WAITS)).unwrap_err();
    known.judge("host", "other", &told(Verdict::Hang, WAITS)).unwrap_err();
    known.judge("another", "known", &told(Verdict::Fail, WAITS)).unwrap_err();
}

pub fn a_listed_case_that_hangs_or_fails_in_another_way_fails_the_run() {
    for played in [
        told(Verdict::Fail, Some("step 2: expected 1, found 2")),
        told(Verdict::Fail, None),
        told(Verdict::Hang, WAITS),
    ] {
        let error = known().judge("host", "known", &played).unwrap_err();
        assert!(error.contains("calls wait"), "{error}");
    }
}

pub fn an_exception_says_why_and_what_it_looks_like() {
    let good = entry(&["a", "b"], &["c"]);
    list_of(&json!([good, entry(&["a"], &["d"])])).unwrap();
    let twice = list_of(&json!([good, entry(&["b"], &["c"])])).unwrap_err();
    assert!(twice.contains("c is listed twice for b"), "{twice}");
    let fields = [
        ("reason", json!("")),
        ("detail", json!("")),
        ("detail", Value::Null),
        ("hosts", Value::Null),
        ("more", json!(1)),
    ];
    for (field, value) in fields {
        let mut other = good.clone();
        other[field] = value;
        list_of(&json!([other])).expect_err(field);
    }
}

pub fn exceptions_name_hosts_and_cases_that_exist() {
    let cases = [Arc::new(read(&case_of(&json!([]), &json!([]))).unwrap())];
    let hosts = [waits(Start::Thread(fake))];
    let listed = |host, case| list_of(&json!([entry(&[host], &[case])])).unwrap();
    listed("fake", "a-case").must_exist(&hosts, &cases).unwrap();
    for (host, case, part) in [("fake", "b-case", "b-case"), ("fakes", "a-case", "fakes")] {
        let error = listed(host, case).must_exist(&hosts, &cases).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}
