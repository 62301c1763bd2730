//! What a disk over documents holds when several hosts share a store, and when answers are lost.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use futures::FutureExt;
use tandem_disk::{Disk, ErrorCode, Kind, Mode, Purpose};

use super::{DocumentsDir, DocumentsDisk, DocumentsFile, lock};
use crate::{
    Changes, Cursor, Document, Documents, Expect, Level, MemoryDocuments, OpenError, Page, Promise,
    Survives, Trouble, Version, Write,
};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    /// It is made, and its answer is lost.
    Lost,
    /// It is not made, and nobody is told so.
    NotMade,
    /// The same, and another writes meanwhile.
    Overtaken,
    /// It is made when [`Unsure::land`] is called.
    Late,
    Refused,
    /// As if no condition had been told.
    Unconditional,
}

/// A store whose writes have the fates that a test tells, and are answered when there is none left.
#[derive(Clone)]
struct Unsure {
    store: MemoryDocuments,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    late: Arc<Mutex<Vec<Write>>>,
    late_moves: Arc<Mutex<Vec<Vec<Write>>>>,
    /// A document that another creates just before the next move is made.
    beside: Arc<Mutex<Option<(String, String)>>>,
    writes: Arc<Mutex<usize>>,
    promise: Arc<Mutex<Survives>>,
}

impl Unsure {
    fn new() -> Self {
        Unsure {
            store: MemoryDocuments::new(),
            fates: Arc::default(),
            late: Arc::default(),
            late_moves: Arc::default(),
            beside: Arc::default(),
            writes: Arc::default(),
            promise: Arc::new(Mutex::new(Survives::Machine)),
        }
    }

    fn then(&self, fates: &[Fate]) {
        lock(&self.fates).extend(fates);
    }

    /// Lets late writes arrive.
    fn land(&self) {
        for Write { key, body, expect, .. } in lock(&self.late).drain(..) {
            let _ = now(self.store.replace(&key, body, expect, Level::Durable));
        }
    }

    fn writes(&self) -> usize {
        *lock(&self.writes)
    }

    fn body(&self, key: &str) -> Option<Vec<u8>> {
        self.store.documents().get(key).map(|body| body.to_vec())
    }

    fn host(&self) -> Host {
        let disk = DocumentsDisk::untried(self.clone(), *lock(&self.promise));
        Host { disk }
    }
}

impl Documents for Unsure {
    async fn get(&self, key: &str) -> Result<Option<Document>, Trouble> {
        self.store.get(key).await
    }

    async fn replace(
        &self,
        key: &str,
        body: Option<Arc<[u8]>>,
        expect: Expect,
        level: Level,
    ) -> Result<Option<Version>, Trouble> {
        *lock(&self.writes) += 1;
        let fate = lock(&self.fates).pop_front().unwrap_or(Fate::Answered);
        let lost = || Err(Trouble::unknown("the answer is lost"));
        match fate {
            Fate::Answered => self.store.replace(key, body, expect, level).await,
            Fate::Lost => self.store.replace(key, body, expect, level).await.and_then(|_| lost()),
            Fate::NotMade => lost(),
            Fate::Overtaken => {
                let found = self.store.get(key).await?;
                let other = Some(Arc::from(b"other".as_slice()));
                self.store.replace(key, other, Expect::of(found.as_ref()), level).await?;
                lost()
            }
            Fate::Late => {
                lock(&self.late).push(Write { key: key.to_owned(), body, expect, modified: None });
                lost()
            }
            Fate::Refused => Err(Trouble::refused(ErrorCode::InsufficientSpace, "it is full")),
            Fate::Unconditional => {
                let found = self.store.get(key).await?;
                self.store.replace(key, body, Expect::of(found.as_ref()), level).await
            }
        }
    }

    async fn replace_all(&self, writes: Vec<Write>) -> Result<bool, Trouble> {
        let beside = lock(&self.beside).take();
        if let Some((key, body)) = beside {
            let body = Some(body.into_bytes().into());
            self.store.replace(&key, body, Expect::Absent, Level::Visible).await?;
        }
        let fate = lock(&self.fates).pop_front().unwrap_or(Fate::Answered);
        match fate {
            Fate::NotMade => Err(Trouble::unknown("the answer is lost")),
            // Before what is asked for next.
            Fate::Late => {
                lock(&self.late_moves).push(writes);
                Err(Trouble::unknown("the answer is lost"))
            }
            _ if !lock(&self.late_moves).is_empty() => {
                let late = std::mem::take(&mut *lock(&self.late_moves));
                for moved in late {
                    self.store.replace_all(moved).await?;
                }
                self.store.replace_all(writes).await
            }
            Fate::Lost => {
                self.store.replace_all(writes).await?;
                Err(Trouble::unknown("the answer is lost"))
            }
            _ => self.store.replace_all(writes).await,
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Page, Trouble> {
        self.store.list(prefix, after).await
    }

    async fn changes(&self, prefix: &str, since: Option<&Cursor>) -> Result<Changes, Trouble> {
        self.store.changes(prefix, since).await
    }

    async fn time(&self) -> Result<SystemTime, Trouble> {
        self.store.time().await
    }

    async fn promise(&self) -> Result<Promise, Trouble> {
        Ok(Promise::new(*lock(&self.promise), "a test says so"))
    }
}

/// A disk that does as the component does.
#[derive(Clone)]
struct Host {
    disk: DocumentsDisk<Unsure>,
}

impl Host {
    fn open(&self, path: &str) -> DocumentsDir {
        now(self.disk.open_dir(&self.disk.root(), path)).expect("a directory")
    }

    fn read(&self, dir: &DocumentsDir, name: &str) -> Result<Vec<u8>, ErrorCode> {
        let file = now(self.disk.open_file(dir, name))?;
        now(self.disk.read(&file, 0, usize::MAX))
    }

    /// A temporary file with a content, as it is before its rename.
    fn prepare(&self, dir: &DocumentsDir, name: &str, content: &str) -> DocumentsFile {
        let file = now(self.disk.create_file(dir, name, Purpose::Temporary)).expect("a file");
        now(self.disk.write(&file, 0, content.as_bytes())).expect("written");
        now(self.disk.sync_data(&file)).expect("synced");
        file
    }

    fn rename(&self, dir: &DocumentsDir, from: &str, to: &str) -> Result<(), ErrorCode> {
        now(self.disk.rename(dir, from, dir, to, Mode::Own))
    }

    /// Replaces a file, with its temporary file removed on an error.
    fn replace(&self, dir: &DocumentsDir, name: &str, content: &str) -> Result<(), ErrorCode> {
        self.prepare(dir, ".tmp", content);
        let renamed = self.rename(dir, ".tmp", name);
        let removed = now(self.disk.remove_file(dir, ".tmp"));
        assert!(renamed.is_err() || removed == Err(ErrorCode::NoEntry));
        renamed
    }

    fn create_lock(&self, dir: &DocumentsDir) -> Result<DocumentsFile, ErrorCode> {
        let file = now(self.disk.create_file(dir, "t.lock", Purpose::Named))?;
        now(self.disk.write(&file, 0, b"record"))?;
        Ok(file)
    }
}

/// What needs nothing to be waited for.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("an answer at once")
}

#[test]
fn a_rename_follows_what_was_read_through_its_directory() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    one.replace(&one.open("out"), "runs.json", "old").expect("written");
    let (first, second) = (one.open("out"), two.open("out"));
    assert_eq!(one.read(&first, "runs.json").as_deref(), Ok(b"old".as_slice()));
    assert_eq!(two.read(&second, "runs.json").as_deref(), Ok(b"old".as_slice()));
    one.replace(&first, "runs.json", "old, first").expect("written");
    assert_eq!(two.replace(&second, "runs.json", "old, second"), Err(ErrorCode::NoEntry));
    assert_eq!(store.body("out/runs.json").as_deref(), Some(b"old, first".as_slice()));
    // Read again, it goes on.
    assert_eq!(two.read(&second, "runs.json").as_deref(), Ok(b"old, first".as_slice()));
    two.replace(&second, "runs.json", "old, first, second").expect("written");
}

#[test]
fn a_look_after_a_read_changes_nothing_of_what_a_rename_follows() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    one.replace(&one.open("out"), "runs.json", "old").expect("written");
    let dir = one.open("out");
    one.read(&dir, "runs.json").expect("read");
    two.replace(&two.open("out"), "runs.json", "newer").expect("written");
    now(one.disk.stat(&dir, "runs.json")).expect("described");
    assert_eq!(one.replace(&dir, "runs.json", "lost update"), Err(ErrorCode::NoEntry));
}

#[test]
fn a_look_and_the_read_after_it_are_of_one_state() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    one.replace(&one.open("out"), "runs.json", "old").expect("written");
    let dir = one.open("out");
    now(one.disk.stat(&dir, "runs.json")).expect("described");
    two.replace(&two.open("out"), "runs.json", "newer").expect("written");
    assert_eq!(one.read(&dir, "runs.json").as_deref(), Ok(b"old".as_slice()));
    assert_eq!(one.replace(&dir, "runs.json", "lost update"), Err(ErrorCode::NoEntry));
    // Only that one: the next read asks.
    assert_eq!(one.read(&dir, "runs.json").as_deref(), Ok(b"newer".as_slice()));
    now(one.disk.stat(&dir, "runs.json")).expect("described");
    let _ = now(one.disk.read_dir(&dir)).expect("a list");
    two.replace(&two.open("out"), "runs.json", "newest").expect("written");
    assert_eq!(one.read(&dir, "runs.json").as_deref(), Ok(b"newest".as_slice()));
}

#[test]
fn who_saw_that_nothing_is_there_overwrites_nothing() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    let dir = one.open("out");
    assert_eq!(now(one.disk.stat(&dir, "runs.json")).err(), Some(ErrorCode::NoEntry));
    two.replace(&two.open("out"), "runs.json", "first").expect("written");
    assert_eq!(one.replace(&dir, "runs.json", "second"), Err(ErrorCode::NoEntry));
    assert_eq!(store.body("out/runs.json").as_deref(), Some(b"first".as_slice()));
}

#[test]
fn two_owners_of_a_run_find_out_until_it_is_opened_again() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    for host in [&one, &two] {
        assert_eq!(host.read(&host.open("run"), "manifest.json"), Err(ErrorCode::NoEntry));
    }
    one.replace(&one.open("run"), "manifest.json", "1").expect("written");
    one.replace(&one.open("run"), "manifest.json", "2").expect("written");
    for _ in 0..2 {
        let late = two.replace(&two.open("run"), "manifest.json", "other");
        assert_eq!(late, Err(ErrorCode::NoEntry));
    }
    two.read(&two.open("run"), "manifest.json").expect("read");
    two.replace(&two.open("run"), "manifest.json", "other").expect("written");
    assert_eq!(one.replace(&one.open("run"), "manifest.json", "3"), Err(ErrorCode::NoEntry));
}

#[test]
fn what_nobody_looked_at_is_written_over_whatever_is_there() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    for (host, content) in [(&one, "1"), (&two, "2"), (&one, "3"), (&two, "4")] {
        // Somebody who tidies looks from above, and claims nothing.
        let _ = now(host.disk.stat(&host.open("task"), "run/summary.json"));
        host.replace(&host.open("task/run"), "summary.json", content).expect("written");
        assert_eq!(store.body("task/run/summary.json").as_deref(), Some(content.as_bytes()));
    }
}

#[test]
fn a_lost_answer_is_looked_for_and_the_write_is_made_once() {
    for (fate, writes) in [(Fate::Lost, 2), (Fate::NotMade, 2)] {
        let store = Unsure::new();
        let host = store.host();
        store.then(&[fate]);
        host.replace(&host.open("run"), "manifest.json", "1").expect("written");
        assert_eq!(store.writes(), writes, "{fate:?}");
        assert_eq!(store.body("run/manifest.json").as_deref(), Some(b"1".as_slice()));
        host.replace(&host.open("run"), "manifest.json", "2").expect("written");
        assert_eq!(store.writes(), writes + 1, "{fate:?}");
    }
}

#[test]
fn a_write_whose_answer_is_lost_is_not_made_again_over_anothers() {
    let store = Unsure::new();
    let host = store.host();
    let _ = host.read(&host.open("run"), "manifest.json");
    host.replace(&host.open("run"), "manifest.json", "1").expect("written");
    store.then(&[Fate::Overtaken]);
    assert_eq!(host.replace(&host.open("run"), "manifest.json", "2"), Err(ErrorCode::NoEntry));
    assert_eq!(store.body("run/manifest.json").as_deref(), Some(b"other".as_slice()));
}

#[test]
fn a_late_write_of_its_own_is_no_other_owner() {
    let store = Unsure::new();
    let host = store.host();
    let _ = host.read(&host.open("run"), "manifest.json");
    host.replace(&host.open("run"), "manifest.json", "1").expect("written");
    store.then(&[Fate::Late, Fate::NotMade, Fate::NotMade]);
    assert_eq!(host.replace(&host.open("run"), "manifest.json", "2"), Err(ErrorCode::Io));
    store.land();
    assert_eq!(store.body("run/manifest.json").as_deref(), Some(b"2".as_slice()));
    host.replace(&host.open("run"), "manifest.json", "3").expect("written");
    assert_eq!(store.body("run/manifest.json").as_deref(), Some(b"3".as_slice()));
}

#[test]
fn a_write_that_comes_late_overwrites_nothing() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    let _ = one.read(&one.open("run"), "manifest.json");
    one.replace(&one.open("run"), "manifest.json", "1").expect("written");
    store.then(&[Fate::Late, Fate::NotMade, Fate::NotMade]);
    assert_eq!(one.replace(&one.open("run"), "manifest.json", "2"), Err(ErrorCode::Io));
    two.read(&two.open("run"), "manifest.json").expect("read");
    two.replace(&two.open("run"), "manifest.json", "other").expect("written");
    store.land();
    assert_eq!(store.body("run/manifest.json").as_deref(), Some(b"other".as_slice()));
    assert_eq!(one.replace(&one.open("run"), "manifest.json", "3"), Err(ErrorCode::NoEntry));
}

#[test]
fn a_durable_write_counts_as_made_when_one_is_answered() {
    let store = Unsure::new();
    let host = store.host();
    store.then(&[Fate::Lost]);
    host.replace(&host.open("run"), "manifest.json", "1").expect("written");
    // The first one was found, and nobody had said what it survives.
    assert_eq!(store.writes(), 2);
    store.then(&[Fate::Lost, Fate::Lost, Fate::Lost]);
    assert_eq!(host.replace(&host.open("run"), "manifest.json", "2"), Err(ErrorCode::Io));
    host.replace(&host.open("run"), "manifest.json", "3").expect("written");
    assert_eq!(store.body("run/manifest.json").as_deref(), Some(b"3".as_slice()));
}

#[test]
fn what_a_store_takes_back_is_no_other_owner() {
    let store = Unsure::new();
    let host = store.host();
    let _ = host.read(&host.open("run"), ".heartbeat");
    host.replace(&host.open("run"), ".heartbeat", "1").expect("written");
    let before = store.store.snapshot();
    for content in ["2", "3"] {
        host.replace(&host.open("run"), ".heartbeat", content).expect("written");
    }
    store.store.restore(&before);
    host.replace(&host.open("run"), ".heartbeat", "4").expect("written");
    store.store.restore(&MemoryDocuments::new().snapshot());
    host.replace(&host.open("run"), ".heartbeat", "5").expect("written");
    assert_eq!(store.body("run/.heartbeat").as_deref(), Some(b"5".as_slice()));
}

#[test]
fn a_lock_that_was_looked_at_is_not_created_over() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    one.create_lock(&one.open(".runs")).expect("created");
    for host in [&two, &one] {
        let dir = host.open(".runs");
        host.read(&dir, "t.lock").expect("read");
        assert_eq!(host.create_lock(&host.open(".runs")).err(), Some(ErrorCode::Exist));
    }
}

#[test]
fn a_touch_that_came_late_is_no_other_holder() {
    let store = Unsure::new();
    let host = store.host();
    let held = host.create_lock(&host.open(".runs")).expect("created");
    store.then(&[Fate::Late, Fate::NotMade, Fate::NotMade]);
    assert_eq!(now(host.disk.write(&held, 0, b"record")), Err(ErrorCode::Io));
    store.land();
    let dir = host.open(".runs");
    let before = now(host.disk.stat(&dir, "t.lock")).expect("described").modified;
    now(host.disk.write(&held, 0, b"record")).expect("touched");
    assert_ne!(now(host.disk.stat(&dir, "t.lock")).expect("described").modified, before);
}

#[test]
fn a_move_that_comes_late_is_told_as_made() {
    let store = Unsure::new();
    let host = store.host();
    host.replace(&host.open("task/cli/run"), "manifest.json", "1").expect("written");
    store.then(&[Fate::Late]);
    let task = host.open("task");
    now(host.disk.rename(&task, "cli/run", &task, ".run.tmp", Mode::Own)).expect("renamed");
    let keys: Vec<String> = store.store.documents().into_keys().collect();
    assert_eq!(keys, ["task/.run.tmp/manifest.json"]);
}

#[test]
fn who_sets_a_file_aside_claims_no_newer_one() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    one.replace(&one.open("run"), "manifest.json", "half").expect("written");
    let dir = one.open("run");
    one.read(&dir, "manifest.json").expect("read");
    one.rename(&dir, "manifest.json", "manifest.json.corrupt-1").expect("renamed");
    // Its own mark is no other owner's.
    one.replace(&one.open("run"), "manifest.json", "1").expect("written");
    let dir = one.open("run");
    one.read(&dir, "manifest.json").expect("read");
    two.read(&two.open("run"), "manifest.json").expect("read");
    two.replace(&two.open("run"), "manifest.json", "2").expect("written");
    assert_eq!(one.replace(&one.open("run"), "manifest.json", "3"), Err(ErrorCode::NoEntry));
}

#[test]
fn what_is_created_while_a_directory_is_moved_goes_with_it() {
    let store = Unsure::new();
    let (owner, other) = (store.host(), store.host());
    owner.replace(&owner.open("task/cli/run"), "manifest.json", "1").expect("written");
    *lock(&store.beside) = Some(("task/cli/run/.heartbeat".to_owned(), "late".to_owned()));
    let task = other.open("task");
    now(other.disk.rename(&task, "cli/run", &task, ".run.tmp", Mode::Own)).expect("renamed");
    let keys: Vec<String> = store.store.documents().into_keys().collect();
    assert_eq!(keys, ["task/.run.tmp/.heartbeat", "task/.run.tmp/manifest.json"]);
}

#[test]
fn a_refusal_is_told_by_its_code_and_asked_for_once() {
    let store = Unsure::new();
    let host = store.host();
    store.then(&[Fate::Refused]);
    let refused = host.replace(&host.open("run"), "manifest.json", "1");
    assert_eq!(refused, Err(ErrorCode::InsufficientSpace));
    assert_eq!(store.writes(), 1);
    assert_eq!(store.body("run/manifest.json"), None);
}

#[test]
fn of_several_that_create_a_lock_one_does() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    // Nobody knows which of the two was faster, but their own document tells.
    store.then(&[Fate::Lost]);
    let held = one.create_lock(&one.open(".runs")).expect("created");
    store.then(&[Fate::Lost]);
    assert_eq!(two.create_lock(&two.open(".runs")).err(), Some(ErrorCode::Exist));
    now(one.disk.write(&held, 0, b"record")).expect("touched");
    assert_eq!(store.body(".runs/t.lock").as_deref(), Some(b"record".as_slice()));
}

#[test]
fn a_lock_that_was_removed_is_created_again_by_any_host() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    for host in [&one, &two, &one, &one] {
        let dir = host.open(".runs");
        host.create_lock(&dir).expect("created");
        host.read(&dir, "t.lock").expect("read");
        now(host.disk.remove_file(&dir, "t.lock")).expect("removed");
        assert_eq!(store.body(".runs/t.lock"), None);
    }
}

#[test]
fn a_removal_takes_what_was_read_and_nothing_newer() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    let dir = one.open(".runs");
    let held = one.create_lock(&dir).expect("created");
    one.read(&dir, "t.lock").expect("read");
    // It stands still, and another takes the lock over.
    let other = two.open(".runs");
    two.read(&other, "t.lock").expect("read");
    two.replace(&other, "t.lock", "another's").expect("written");
    assert_eq!(now(one.disk.remove_file(&dir, "t.lock")), Err(ErrorCode::NoEntry));
    // Its file has no name any more.
    now(one.disk.write(&held, 0, b"record")).expect("written");
    assert_eq!(store.body(".runs/t.lock").as_deref(), Some(b"another's".as_slice()));
}

#[test]
fn a_file_that_was_renamed_over_a_lock_is_touched_there() {
    let store = Unsure::new();
    let host = store.host();
    let dir = host.open(".runs");
    let file = host.prepare(&dir, ".takeover/.t.tmp", "mine");
    now(host.disk.rename(&dir, ".takeover/.t.tmp", &dir, "t.lock", Mode::Own)).expect("renamed");
    let before = now(host.disk.stat(&dir, "t.lock")).expect("described").modified;
    now(host.disk.write(&file, 0, b"mine")).expect("touched");
    let after = now(host.disk.stat(&dir, "t.lock")).expect("described").modified;
    assert_ne!(before, after);
    assert_eq!(store.body(".runs/t.lock").as_deref(), Some(b"mine".as_slice()));
}

#[test]
fn a_temporary_file_is_this_hosts_alone() {
    let store = Unsure::new();
    let (one, two) = (store.host(), store.host());
    let dir = one.open("run");
    one.prepare(&dir, ".tmp", "1");
    assert_eq!(store.writes(), 0);
    let again = now(one.disk.create_file(&dir, ".tmp", Purpose::Temporary));
    assert_eq!(again.err(), Some(ErrorCode::Exist));
    let names = |host: &Host| now(host.disk.read_dir(&host.open("run"))).expect("a list").len();
    assert_eq!((names(&one), names(&two)), (1, 0));
    assert_eq!(now(one.disk.stat(&dir, ".tmp")).expect("described").size, 1);
    now(one.disk.remove_file(&dir, ".tmp")).expect("removed");
    assert_eq!(one.rename(&dir, ".tmp", "manifest.json"), Err(ErrorCode::NoEntry));
    assert_eq!(store.writes(), 0);
}

#[test]
fn a_directory_is_there_as_long_as_a_document_is() {
    let store = Unsure::new();
    let host = store.host();
    let root = host.disk.root();
    assert_eq!(now(host.disk.stat(&root, "task")).err(), Some(ErrorCode::NoEntry));
    host.replace(&host.open("task/run"), "manifest.json", "1").expect("written");
    assert_eq!(now(host.disk.stat(&root, "task")).expect("described").kind, Kind::Directory);
    assert_eq!(now(host.disk.remove_dir(&root, "task")), Err(ErrorCode::NotEmpty));
    let entries = now(host.disk.read_dir(&host.open("task"))).expect("a list");
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].name.as_str(), entries[0].kind), ("run", Kind::Directory));
    now(host.disk.remove_file(&root, "task/run/manifest.json")).expect("removed");
    assert_eq!(now(host.disk.remove_dir(&root, "task")), Err(ErrorCode::NoEntry));
}

#[test]
fn a_directory_is_moved_whole_and_its_owner_finds_out() {
    for fate in [Fate::Answered, Fate::Lost, Fate::NotMade] {
        let store = Unsure::new();
        let (owner, other) = (store.host(), store.host());
        let _ = owner.read(&owner.open("task/cli/run"), "manifest.json");
        for name in ["manifest.json", ".heartbeat"] {
            owner.replace(&owner.open("task/cli/run"), name, name).expect("written");
        }
        store.then(&[fate]);
        let task = other.open("task");
        let modified = |path| now(other.disk.stat(&task, path)).expect("described").modified;
        let was = modified("cli/run/.heartbeat");
        now(other.disk.rename(&task, "cli/run", &task, ".run.tmp", Mode::Own)).expect("renamed");
        assert_eq!(modified(".run.tmp/.heartbeat"), was);
        let keys: Vec<String> = store.store.documents().into_keys().collect();
        assert_eq!(keys, ["task/.run.tmp/.heartbeat", "task/.run.tmp/manifest.json"], "{fate:?}");
        let late = owner.replace(&owner.open("task/cli/run"), "manifest.json", "2");
        assert_eq!(late, Err(ErrorCode::NoEntry));
        // And back.
        now(other.disk.rename(&task, ".run.tmp", &task, "cli/run", Mode::Own)).expect("renamed");
        assert_eq!(
            store.body("task/cli/run/manifest.json").as_deref(),
            Some(b"manifest.json".as_slice())
        );
    }
}

#[test]
fn a_directory_is_not_moved_over_another() {
    let store = Unsure::new();
    let host = store.host();
    for run in ["a", "b"] {
        host.replace(&host.open(run), "manifest.json", run).expect("written");
    }
    let root = host.disk.root();
    let moved = now(host.disk.rename(&root, "a", &root, "b", Mode::Own));
    assert_eq!(moved, Err(ErrorCode::NotEmpty));
    let moved = now(host.disk.rename(&root, "c", &root, "d", Mode::Own));
    assert_eq!(moved, Err(ErrorCode::NoEntry));
    assert_eq!(store.body("b/manifest.json").as_deref(), Some(b"b".as_slice()));
}

#[test]
fn receipts_say_no_more_than_the_store_promises() {
    let store = Unsure::new();
    let host = store.host();
    let dir = host.open("run");
    let synced = |survives| {
        *lock(&store.promise) = survives;
        now(host.disk.sync_dir(&dir))
    };
    assert_eq!(synced(Survives::Machine), Ok(()));
    assert_eq!(synced(Survives::PowerLoss), Err(ErrorCode::Unsupported));
    for less in [Survives::Kill, Survives::Nothing] {
        assert_eq!(synced(less), Err(ErrorCode::Io));
        let file = now(host.disk.create_file(&dir, ".tmp", Purpose::Temporary)).expect("a file");
        assert_eq!(now(host.disk.sync_data(&file)), Err(ErrorCode::Unsupported));
        now(host.disk.remove_file(&dir, ".tmp")).expect("removed");
    }
    // It promises more again, and is asked.
    *lock(&store.promise) = Survives::Machine;
    host.prepare(&dir, ".tmp", "1");
}

#[test]
fn a_store_that_promises_too_little_is_refused() {
    for (survives, is_refused) in
        [(Survives::Kill, true), (Survives::PowerLoss, false), (Survives::Machine, false)]
    {
        let opened = now(DocumentsDisk::open(MemoryDocuments::promising(survives)));
        let is_told =
            matches!(&opened, Err(OpenError::PromisesTooLittle(it)) if it.survives == survives);
        assert_eq!(is_told, is_refused, "{survives:?}");
        assert_eq!(opened.is_err(), is_refused, "{survives:?}");
    }
    let store = MemoryDocuments::new();
    now(DocumentsDisk::open_at_least(store, Survives::Nothing)).expect("as it was asked for");
}

#[test]
fn a_store_that_ignores_conditions_is_refused() {
    // The write that is ignored is one of those that must not be made.
    for at in [1, 2] {
        let store = Unsure::new();
        let mut fates = vec![Fate::Answered; at];
        fates.push(Fate::Unconditional);
        store.then(&fates);
        let opened = now(DocumentsDisk::open(store));
        assert!(matches!(opened, Err(OpenError::IgnoresConditions(_))), "{at}: {opened:?}");
    }
    let store = Unsure::new();
    for _ in 0..3 {
        now(DocumentsDisk::open(store.clone())).expect("a store that keeps conditions");
    }
    assert!(store.store.documents().is_empty(), "a probe leaves a document");
}
