//! Who follows changes, what a promise is worth, and what a store is to the thread that uses it.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use tandem_documents::{Changed, Cursor, Documents, Expect, Level, Survives};
use tandem_postgres::{Options, PostgresDocuments};

use crate::stores::Stores as _;
use tandem_tests::postgres::Server;
use tandem_tests::servers;

/// Everything that changed since a cursor, or with none all that is there, and where to go on.
pub fn follow(
    store: &PostgresDocuments,
    prefix: &str,
    mut cursor: Option<Cursor>,
) -> (Vec<Changed>, Option<Cursor>) {
    let mut changed = Vec::new();
    loop {
        let changes = block_on(store.changes(prefix, cursor.as_ref())).unwrap();
        changed.extend(changes.changed);
        cursor = Some(changes.next);
        if !changes.has_more {
            return (changed, cursor);
        }
    }
}

pub fn create(store: &PostgresDocuments, key: &str, body: &[u8], level: Level) {
    let made = block_on(store.replace(key, Some(Arc::from(body)), Expect::Absent, level));
    assert!(made.unwrap().is_some(), "{key}");
}

#[test]
fn a_change_that_commits_late_is_not_missed() {
    let server = servers!().shared();
    let store = server.store("late");
    let cursor = follow(&store, "in/", None).1;

    // A session of somebody else writes, and does not commit yet.
    let psql = server.psql("");
    let mut late = server.installed.command("psql");
    late.args(psql.get_args().take_while(|argument| *argument != "-c"));
    late.arg("-f").arg("-");
    let mut late = late.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(late.stdout.take().unwrap()).lines();
    let mut say = late.stdin.take().unwrap();
    let insert = "begin; insert into late.documents
        values ('in/late', '', '', 7, 'x', clock_timestamp(), pg_current_xact_id()); select 'begun';\n";
    say.write_all(insert.as_bytes()).unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "begun");

    create(&store, "in/early", b"1", Level::Durable);
    let (changed, cursor) = follow(&store, "in/", cursor);
    assert_eq!(changed.iter().map(|c| c.key.as_str()).collect::<Vec<_>>(), ["in/early"]);
    say.write_all(b"commit; select 'committed';\n").unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "committed");
    let (changed, cursor) = follow(&store, "in/", cursor);
    assert_eq!(changed.iter().map(|c| c.key.as_str()).collect::<Vec<_>>(), ["in/late"]);
    assert_eq!(follow(&store, "in/", cursor).0, []);
    drop(say);
    assert!(late.wait().unwrap().success());
}

#[test]
fn many_changes_come_in_parts_and_none_twice() {
    let server = servers!().shared();
    let store = server.store("parts");
    let cursor = follow(&store, "k/", None).1;
    let body: Arc<[u8]> = Arc::from(vec![7; 10_000]);
    let writes = (0..2500).map(|n| {
        let (store, body) = (&store, body.clone());
        async move {
            store.replace(&format!("k/{n:04}"), Some(body), Expect::Absent, Level::Visible).await
        }
    });
    block_on(futures::future::try_join_all(writes)).unwrap();
    let first = block_on(store.changes("k/", cursor.as_ref())).unwrap();
    // By the bytes, not by the number of documents.
    assert!(first.has_more && (1..1000).contains(&first.changed.len()), "{}", first.changed.len());
    // What changes in the middle of a round is told once more.
    let again = block_on(store.get("k/0000")).unwrap().unwrap();
    let expect = Expect::Is(again.version);
    block_on(store.replace("k/0000", None, expect, Level::Durable)).unwrap().unwrap();
    let (rest, cursor) = follow(&store, "k/", Some(first.next));
    let keys: Vec<_> = first.changed.iter().chain(&rest).map(|c| c.key.clone()).collect();
    let mut once = keys.clone();
    once.sort();
    once.dedup();
    assert_eq!((keys.len(), once.len()), (2500, 2500));
    let (changed, _) = follow(&store, "k/", cursor);
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].document.body, None);
}

#[test]
fn a_list_is_in_parts_of_a_thousand() {
    let server = servers!().shared();
    let store = server.store("pages");
    let writes = (0..2001).map(|n| {
        let store = &store;
        async move {
            store
                .replace(
                    &format!("k/{n:04}"),
                    Some(Arc::from(*b"1")),
                    Expect::Absent,
                    Level::Visible,
                )
                .await
        }
    });
    block_on(futures::future::try_join_all(writes)).unwrap();
    let (mut after, mut parts, mut keys) = (None, Vec::new(), Vec::new());
    loop {
        let page = block_on(store.list("k/", after.as_deref())).unwrap();
        parts.push(page.entries.len());
        keys.extend(page.entries.into_iter().map(|entry| entry.key));
        after = keys.last().cloned();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(parts, [1000, 1000, 1]);
    assert!(keys.is_sorted() && keys.len() == 2001);
}

#[test]
fn a_promise_is_what_the_server_is_set_to() {
    let installed = servers!();
    let promise = |server: &Server<'_>, more: &str| {
        let store = crate::stores::opened(Options::new(server.url("tandem") + more));
        block_on(store.promise()).unwrap()
    };
    let server = installed.shared();
    let lonely = promise(server, "");
    assert_eq!(lonely.survives, Survives::PowerLoss, "{lonely}");
    let hasty = promise(server, "&options=-c%20synchronous_commit%3Doff");
    assert_eq!(hasty.survives, Survives::Nothing, "{hasty}");
    let careless = promise(&installed.start(&["fsync=off"]), "");
    assert_eq!(careless.survives, Survives::Kill, "{careless}");
}

#[test]
fn the_largest_body_is_kept_and_one_byte_more_is_not() {
    let server = servers!().shared();
    let store =
        crate::stores::opened(Options::new(server.url("large")).patience(Duration::from_secs(120)));
    let body: Arc<[u8]> =
        (0..64 << 20).map(|n: u32| (n.wrapping_mul(2654435761) >> 24) as u8).collect();
    create(&store, "a", &body, Level::Durable);
    let found = block_on(store.get("a")).unwrap().unwrap();
    assert!(found.body.as_deref() == Some(&*body));
    let more = Some(Arc::from(vec![0; (64 << 20) + 1]));
    let trouble = block_on(store.replace("b", more, Expect::Absent, Level::Durable)).unwrap_err();
    assert!(trouble.is_refused(), "{trouble}");
    assert_eq!(
        trouble.to_string(),
        "a document may have at most 67108864 bytes, and has 67108865: b"
    );
}

#[test]
fn versions_grow_against_the_clock_and_behind_a_mark_that_is_deleted() {
    let server = servers!().shared();
    let store = server.store("versions");
    create(&store, "a", b"1", Level::Durable);
    // From a clock that was far ahead.
    server.sql("update versions.documents set version = 4611686018427387904");
    let found = block_on(store.get("a")).unwrap().unwrap();
    let write = |body: Option<Arc<[u8]>>, expect| {
        block_on(store.replace("a", body, expect, Level::Durable)).unwrap()
    };
    let body: Option<Arc<[u8]>> = Some(Arc::from(*b"2"));
    let next = write(body.clone(), Expect::Is(found.version)).unwrap();
    assert!(next > found.version);
    server.sql("update versions.documents set version = 1");
    let mark = write(None, Expect::Is(tandem_documents::Version(1))).unwrap();
    assert_eq!(write(body.clone(), Expect::Absent), None);
    server.sql("delete from versions.documents where body is null");
    let anew = write(body, Expect::Absent).unwrap();
    assert!(anew > mark);
    assert!(anew < next);
}

#[test]
fn a_store_can_be_used_and_dropped_where_nothing_may_wait() {
    let server = servers!().shared();
    // It has no driver for sockets, nor for timers.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let options = Options::new(server.url("runtime"));
        PostgresDocuments::migrate(options.clone()).await.unwrap();
        let store = PostgresDocuments::open(options).await.unwrap();
        let body = Some(Arc::from(*b"1"));
        store.replace("a", body, Expect::Absent, Level::Durable).await.unwrap().unwrap();
        let clone = store.clone();
        drop(store);
        assert!(clone.get("a").await.unwrap().is_some());
    });
    tandem_tests::postgres::wait_until("its sessions have ended", || {
        server.sql("select count(*) from pg_stat_activity where query like '%runtime.documents%' and pid <> pg_backend_pid()") == "0"
    });
}
