//! What differs from a case in outcomes and on the disk.

use serde_json::{Value, json};

use super::{assert_fails, fake, played, played_within, waits};
use crate::host::Start;
use crate::play::{LIMIT, Verdict};

pub fn a_broken_expectation_is_found_and_its_place_is_told() {
    let open = |expect: Value| {
        json!([
            {"do": "write-file", "path": "a", "content": "x"},
            {"do": "remove", "path": "a"},
            {"do": "history", "options": {"task-id": "a"}, "expect": expect},
        ])
    };
    assert_eq!(
        played(fake, open(json!({"ok": {"n": 1, "list": [1, 2], "none": null}}))).verdict,
        Verdict::Pass
    );
    assert_fails(&played(fake, open(json!({"ok": {"n": 2}}))), &["step 3: n: expected 2, found 1"]);
    assert_fails(&played(fake, open(json!({"ok": {"list": [1, 3]}}))), &["step 3: list.1: "]);
    assert_fails(&played(fake, open(json!({"error": {}}))), &["step 3: expected an error"]);
    let missing = json!([{"do": "remove", "path": "a"}]);
    assert_fails(&played(fake, missing), &["step 1: cannot"]);
    let check = json!([{"do": "check", "files": [{"path": "a"}]}]);
    assert_fails(&played(fake, check), &["step 1: a: nothing stands there"]);
}

pub fn a_stray_a_missing_and_a_doubly_named_file_are_found() {
    let steps = json!([
        {"do": "write-file", "path": "d/a", "content": "text"},
        {"do": "symlink", "path": "../out", "to": "granted"},
        {"do": "make-directory", "path": "e"},
    ]);
    let after = |after: Value| played_within(&waits(Start::Thread(fake)), &steps, &after, LIMIT);
    let link = json!({"path": "../out", "is": "symlink", "to": "granted"});
    let good = json!({"path": "d/a", "content": "text", "bytes": 4});
    assert_eq!(after(json!([good, link])).verdict, Verdict::Pass);
    assert_eq!(after(json!([{"path-matches": "d/[a-z]"}, link])).verdict, Verdict::Pass);
    assert_eq!(
        after(json!([good, link, {"path": "e", "is": "directory"}, {"path": "f", "is": "absent"}]))
            .verdict,
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
