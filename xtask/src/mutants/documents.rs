//! The mutations of the disk over documents, and of the store beneath it: each breaks one rule by
//! which hosts share a store. They are in the program, not in the component.

use super::mutation::{Change, Mutation};

const COMMIT: &str = "stores/documents/src/disk/commit.rs";
const DISK: &str = "stores/documents/src/disk/mod.rs";
const MOVED: &str = "stores/documents/src/disk/moved.rs";
const PUT: &str = "stores/documents/src/disk/put.rs";
const STORE: &str = "simulator/src/sim/store.rs";

pub static OF_DOCUMENTS: &[Mutation] = &[
    Mutation {
        name: "documents-no-condition",
        what: "a rename replaces whatever stands there",
        rule: "a rename follows the version that was read through its directory",
        test: None,
        changes: &[Change {
            file: PUT,
            from: "match to_dir.shown(to) {",
            to: "match to_dir.shown(to).filter(|_| to.starts_with('?')) {",
        }, Change {
            file: PUT,
            from: "if follows.is_claimed && !is_own {",
            to: "if false {",
        }],
    },
    Mutation {
        name: "documents-newest-condition",
        what: "a rename follows the version that stands there when it is made",
        rule: "a rename follows the version that was read, not a newer one",
        test: None,
        changes: &[Change {
            file: PUT,
            from: "let commit = Commit { key: to, body: Some(body.clone()), expect, level };",
            to: "let newest = self.store().get(to).await.ok().flatten();
                let expect = if expect == Expect::Absent { expect } else { Expect::of(newest.as_ref()) };
                let commit = Commit { key: to, body: Some(body.clone()), expect, level };",
        }],
    },
    Mutation {
        name: "documents-condition-of-another-directory",
        what: "a rename follows what was read last through any directory",
        rule: "a rename follows what was read through its own directory",
        test: None,
        changes: &[Change {
            file: PUT,
            from: "let committed = match to_dir.shown(to) {",
            to: "let other = self.store().list(\"\", None).await.ok();
        let other = other.and_then(|page| page.entries.into_iter().find(|it| it.key == to));
        let follows = |own: Standing| match &other {
            Some(other) => Standing { is: Expect::Is(other.version), ..own },
            None => own,
        };
        let committed = match to_dir.shown(to).map(follows) {",
        }],
    },
    Mutation {
        name: "documents-blind-retry",
        what: "a write whose answer is lost is made again over whatever is there",
        rule: "a write that is asked for again follows the same version",
        test: Some(
            "disk::tests::a_write_whose_answer_is_lost_is_not_made_again_over_anothers",
        ),
        changes: &[Change {
            file: COMMIT,
            from: "let made = store.replace(self.key, self.body.clone(), expect, self.level).await;",
            to: "if lost.is_some() && let Ok(found) = store.get(self.key).await {
                expect = Expect::of(found.as_ref());
            }
            let made = store.replace(self.key, self.body.clone(), expect, self.level).await;",
        }, Change {
            file: COMMIT,
            from: "if expect.holds(found.as_ref()) {",
            to: "if lost.is_some() || expect.holds(found.as_ref()) {",
        }],
    },
    Mutation {
        name: "documents-lost-is-failure",
        what: "a write whose answer is lost counts as one that was not made",
        rule: "a lost answer is looked for",
        test: None,
        changes: &[Change {
            file: COMMIT,
            from: "(Err(trouble), _) => lost = Some(trouble),",
            to: "(Err(_), _) => return Ok(Committed::Overtaken),",
        }],
    },
    Mutation {
        name: "documents-late-is-another",
        what: "an own write that comes late counts as another owner's",
        rule: "a late write of its own is known again",
        test: None,
        changes: &[Change {
            file: PUT,
            from: "            self.known().set_unsettled(key, expect, body);
",
            to: "            let _ = (key, expect, body);
",
        }],
    },
    Mutation {
        name: "documents-stale-read",
        what: "a read does not show the newest write of its key",
        rule: "reads are linearizable",
        test: None,
        changes: &[Change {
            file: STORE,
            from: "StoreOp::Get { key } => StoreAnswer::Document(self.get(key, tree)),",
            to: "StoreOp::Get { key } if self.of.get(key) == Some(&self.newest) => StoreAnswer::Document(None),
            StoreOp::Get { key } => StoreAnswer::Document(self.get(key, tree)),",
        }],
    },
    Mutation {
        name: "documents-unconditional-store",
        what: "the store ignores conditions",
        rule: "a write is made only if what it follows is there",
        test: None,
        changes: &[Change {
            file: STORE,
            from: "let is_made = self.holds(write, tree);",
            to: "let is_made = true;",
        }],
    },
    Mutation {
        name: "documents-moved-in-parts",
        what: "the documents of a directory are moved one after the other",
        rule: "a directory is moved whole",
        test: None,
        changes: &[Change {
            file: MOVED,
            from: "match self.store().replace_all(writes).await {
                Ok(true) =>",
            to: "let mut last = Ok(true);
            let writes: Vec<Write> = writes;
            for pair in writes.chunks(2) {
                last = self.store().replace_all(pair.to_vec()).await;
            }
            match last {
                Ok(true) =>",
        }],
    },
    Mutation {
        name: "documents-moved-at-now",
        what: "what is moved has the time of its move",
        rule: "what is moved keeps its time, which tells whether a run lives",
        test: None,
        changes: &[Change {
            file: MOVED,
            from: "modified: *modified",
            to: "modified: modified.filter(|_| false)",
        }],
    },
    Mutation {
        name: "documents-overtaken-write-fails",
        what: "to touch a lock that another has taken over is an error",
        rule: "a file without a name can be written",
        test: None,
        changes: &[Change {
            file: DISK,
            from: "Ok(Content::Temporary(Temporary::of(body.to_vec())))",
            to: "Err(ErrorCode::NoEntry)",
        }],
    },
    Mutation {
        name: "documents-mark-claimed-by-none",
        what: "who set a file aside does not know the mark that this left",
        rule: "a mark that a move leaves is this host's own",
        test: Some("disk::tests::who_sets_a_file_aside_claims_no_newer_one"),
        changes: &[Change {
            file: DISK,
            from: "if from_dir.holds(&from) && from_dir.shown(&from).is_some() {",
            to: "if false {",
        }],
    },
];
