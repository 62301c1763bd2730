//! Who follows changes, what a promise is worth, and what a store is to the thread that uses it.

use std::sync::Arc;

use futures::executor::block_on;
use futures::future::try_join_all;
use tandem_documents::{Changed, Cursor, Documents, Expect, Level, Survives};
use tandem_etcd::{EtcdDocuments, Options};
use tandem_tests::clusters;
use tandem_tests::etcd::Cluster;

use crate::stores::{Stores as _, create, put};

/// Everything that changed since a cursor, or with none all that is there, and where to go on.
pub fn follow(
    store: &EtcdDocuments,
    prefix: &str,
    mut cursor: Option<Cursor>,
) -> (Vec<Changed>, Cursor) {
    let mut changed = Vec::new();
    loop {
        let changes = block_on(store.changes(prefix, cursor.as_ref())).unwrap();
        changed.extend(changes.changed);
        if !changes.has_more {
            return (changed, changes.next);
        }
        cursor = Some(changes.next);
    }
}

fn keys(changed: &[Changed]) -> Vec<&str> {
    changed.iter().map(|changed| changed.key.as_str()).collect()
}

/// Creates so many documents below a key.
fn create_many(store: &EtcdDocuments, below: &str, documents: usize) {
    let creating = (0..documents).map(|n| async move {
        let key = format!("{below}/{n:04}");
        store.replace(&key, Some(Arc::from(*b"1")), Expect::Absent, Level::Durable).await
    });
    block_on(try_join_all(creating)).unwrap();
}

/// Forgets all revisions before the newest one.
fn compact(cluster: &Cluster) {
    let status = cluster.etcdctl(&["get", "nothing", "-w", "fields"]);
    let line = status.lines().find(|line| line.starts_with("\"Revision\"")).unwrap();
    cluster.etcdctl(&["compaction", line.rsplit(' ').next().unwrap()]);
}

#[test]
fn who_comes_back_behind_a_compaction_begins_anew() {
    let cluster = clusters!().start(1, &[]);
    let store = cluster.store("compacted");
    let old = create(&store, "in/a", b"1");
    create(&store, "in/b", b"1");
    let (changed, cursor) = follow(&store, "in/", None);
    assert_eq!(keys(&changed), ["in/a", "in/b"]);
    put(&store, "in/a", b"2", Expect::Is(old)).unwrap().unwrap();
    let removed = block_on(store.get("in/b")).unwrap().unwrap().version;
    let mark = store.replace("in/b", None, Expect::Is(removed), Level::Durable);
    block_on(mark).unwrap().unwrap();
    compact(&cluster);

    let changes = block_on(store.changes("in/", Some(&cursor))).unwrap();
    assert!(changes.is_anew);
    // What is gone is not told: it is nowhere in what begins anew.
    assert_eq!(keys(&changes.changed), ["in/a"]);
    assert_eq!(changes.changed[0].document.body.as_deref(), Some(b"2".as_slice()));
    create(&store, "in/c", b"1");
    let changes = block_on(store.changes("in/", Some(&changes.next))).unwrap();
    assert!(!changes.is_anew);
    assert_eq!(keys(&changes.changed), ["in/c"]);
}

#[test]
fn a_list_that_a_compaction_overtakes_begins_anew() {
    let cluster = clusters!().start(1, &[]);
    let store = cluster.store("overtaken");
    create_many(&store, "in", 1100);
    let first = block_on(store.changes("in/", None)).unwrap();
    assert!(first.is_anew && first.has_more);
    create(&store, "in/0000a", b"1");
    compact(&cluster);
    let changes = block_on(store.changes("in/", Some(&first.next))).unwrap();
    assert!(changes.is_anew);
    assert_eq!(keys(&changes.changed)[..3], ["in/0000", "in/0000a", "in/0001"]);
}

#[test]
fn who_follows_what_seldom_changes_is_not_told_anew() {
    let cluster = clusters!().start(1, &[]);
    let store = cluster.store("seldom");
    create(&store, "in/a", b"1");
    let (_, cursor) = follow(&store, "in/", None);
    create_many(&store, "out", 1100);
    // Nothing has changed, and what is known now need not be known later.
    let changes = block_on(store.changes("in/", Some(&cursor))).unwrap();
    assert!(!changes.is_anew && changes.changed.is_empty());
    compact(&cluster);
    create(&store, "in/b", b"1");
    let changes = block_on(store.changes("in/", Some(&changes.next))).unwrap();
    assert!(!changes.is_anew);
    assert_eq!(keys(&changes.changed), ["in/b"]);
}

#[test]
fn what_somebody_deletes_from_etcd_itself_is_told_to_who_is_far_behind() {
    let cluster = clusters!().start(1, &[]);
    let store = cluster.store("deleted");
    create(&store, "in/a", b"1");
    let (_, cursor) = follow(&store, "in/", None);
    cluster.etcdctl(&["del", "deleted/in/a"]);
    create_many(&store, "out", 1100);
    let changes = block_on(store.changes("in/", Some(&cursor))).unwrap();
    assert_eq!(keys(&changes.changed), ["in/a"]);
    assert_eq!(changes.changed[0].document.body, None);
}

#[test]
fn another_cluster_is_told_from_its_beginning() {
    let installed = clusters!();
    let store = installed.shared().store("clusters");
    create(&store, "a", b"1");
    let (_, cursor) = follow(&store, "", None);
    let cluster = installed.start(1, &["--initial-cluster-token", "another"]);
    let other = cluster.store("clusters");
    create(&other, "b", b"1");
    let changes = block_on(other.changes("", Some(&cursor))).unwrap();
    assert!(changes.is_anew);
    assert_eq!(keys(&changes.changed), ["b"]);
}

#[test]
fn who_waits_is_told_of_a_write_when_it_is_made() {
    let store = clusters!().shared().store("waiting");
    let (_, mut cursor) = follow(&store, "in/", None);
    let writer = store.clone();
    let writing = std::thread::spawn(move || {
        create(&writer, "out/a", b"1");
        create(&writer, "in/a", b"1");
    });
    loop {
        let changes = block_on(store.changes("in/", Some(&cursor))).unwrap();
        assert!(!changes.is_anew);
        if !changes.changed.is_empty() {
            assert_eq!(keys(&changes.changed), ["in/a"]);
            break;
        }
        cursor = changes.next;
    }
    writing.join().unwrap();
}

#[test]
fn what_is_deleted_from_etcd_itself_is_told_as_removed() {
    let cluster = clusters!().shared();
    let store = cluster.store("deleted");
    create(&store, "a", b"1");
    let (_, cursor) = follow(&store, "", None);
    cluster.etcdctl(&["del", "deleted/a"]);
    let changes = block_on(store.changes("", Some(&cursor))).unwrap();
    assert_eq!(keys(&changes.changed), ["a"]);
    assert_eq!(changes.changed[0].document.body, None);
    // A version that is given again is greater.
    let deleted = changes.changed[0].document.version;
    assert!(create(&store, "a", b"1") > deleted);
}

#[test]
fn a_promise_is_what_the_voters_hold() {
    let installed = clusters!();
    let lonely = block_on(installed.shared().store("promise").promise()).unwrap();
    assert_eq!(lonely.survives, Survives::PowerLoss);
    assert_eq!(lonely.because, "the only voter syncs its log: n1");
    let cluster = installed.start(3, &[]);
    let quorum = block_on(cluster.store("promise").promise()).unwrap();
    assert_eq!(quorum.survives, Survives::Machine);
    assert_eq!(quorum.because, "a majority syncs its log, of the voters n1, n2, n3");
    // A learner copies what they have, and is not waited for.
    let lonely = installed.start(1, &[]);
    lonely.etcdctl(&["member", "add", "l", "--learner", "--peer-urls=http://127.0.0.1:1"]);
    let promise = block_on(lonely.store("promise").promise()).unwrap();
    assert_eq!(promise.survives, Survives::PowerLoss, "{promise}");
    assert!(promise.because.contains("learners do not count"), "{promise}");
}

#[test]
fn a_store_can_be_used_and_dropped_where_nothing_may_wait() {
    let cluster = clusters!().shared();
    // It has no driver for sockets, nor for timers.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = EtcdDocuments::open(Options::new(cluster.url("runtime"))).await.unwrap();
        let body = Some(Arc::from(*b"1"));
        store.replace("a", body, Expect::Absent, Level::Durable).await.unwrap().unwrap();
        let clone = store.clone();
        drop(store);
        assert!(clone.get("a").await.unwrap().is_some());
    });
}

#[test]
fn a_write_that_nobody_waits_for_is_made_once_or_not_at_all() {
    let store = clusters!().shared().store("left");
    let mut version = create(&store, "a", b"0");
    for turn in 1..50_u8 {
        let body: Arc<[u8]> = Arc::from([turn]);
        let mut left =
            Box::pin(store.replace("a", Some(body.clone()), Expect::Is(version), Level::Durable));
        let waker = futures::task::noop_waker();
        drop(left.as_mut().poll(&mut std::task::Context::from_waker(&waker)));
        drop(left);
        // Whoever follows the same version makes it instead, or finds it made.
        let made = put(&store, "a", &[turn], Expect::Is(version)).unwrap();
        let found = block_on(store.get("a")).unwrap().unwrap();
        assert_eq!(found.body, Some(body));
        assert!(made.is_none_or(|made| made == found.version));
        version = found.version;
    }
    assert_eq!(block_on(store.get("a")).unwrap().unwrap().version, version);
}
