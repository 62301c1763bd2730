//! Nodes that are killed, stand still, or are cut off.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use tandem_documents::{Documents, Expect, Level, Write};
use tandem_etcd::{EtcdDocuments, OpenError, Options};
use tandem_tests::clusters;
use tandem_tests::etcd::Cluster;
use tandem_tests::postgres::{HANG, wait_until};

use crate::bad_input::refused;
use crate::stores::{Stores, body, create, opened, put};
use tandem_tests::ledger::Ledger;

fn patient(cluster: &Cluster) -> EtcdDocuments {
    opened(Options::new(cluster.url("tandem")).patience(Duration::from_secs(5)))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_leader_is_killed() {
    let cluster = clusters!().start(3, &[]);
    let store = patient(&cluster);
    let ledger = Ledger::keep(&store, 8, |wait_for| {
        for _ in 0..3 {
            wait_for(100);
            let leader = cluster.leader();
            cluster.nodes[leader].kill();
            wait_for(100);
            cluster.start(leader);
        }
        wait_for(100);
    });
    ledger.check(&store, "leader killed three times");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_leader_stands_still_and_goes_on() {
    let cluster = clusters!().start(3, &[]);
    let store = patient(&cluster);
    let ledger = Ledger::keep(&store, 8, |wait_for| {
        for _ in 0..2 {
            wait_for(100);
            let leader = cluster.leader();
            cluster.nodes[leader].freeze();
            wait_for(100);
            cluster.nodes[leader].thaw();
            cluster.wait();
        }
        wait_for(100);
    });
    ledger.check(&store, "leader stood still two times");
}

#[test]
fn nothing_acknowledged_is_lost_when_a_follower_is_killed() {
    let cluster = clusters!().start(3, &[]);
    let store = patient(&cluster);
    let ledger = Ledger::keep(&store, 8, |wait_for| {
        for turn in 0..3 {
            wait_for(100);
            // Each in turn, so that it is also the one that is asked.
            let follower = (cluster.leader() + 1 + turn % 2) % 3;
            cluster.nodes[follower].kill();
            wait_for(100);
            cluster.start(follower);
        }
    });
    ledger.check(&store, "follower killed three times");
}

#[test]
fn nothing_acknowledged_is_lost_when_all_nodes_are_killed() {
    let cluster = clusters!().start(3, &[]);
    let store = patient(&cluster);
    let ledger = Ledger::keep(&store, 8, |wait_for| {
        for _ in 0..2 {
            wait_for(100);
            for node in &cluster.nodes {
                node.freeze();
            }
            for node in &cluster.nodes {
                node.kill();
            }
            for node in 1..3 {
                cluster.start_only(node);
            }
            cluster.start(0);
        }
        wait_for(100);
    });
    ledger.check(&store, "all nodes killed two times");
}

#[test]
fn without_a_majority_nothing_is_answered_and_nobody_waits_for_ever() {
    let cluster = clusters!().start(3, &[]);
    let patience = Duration::from_secs(2);
    let store = opened(Options::new(cluster.url("tandem")).patience(patience));
    create(&store, "a", b"1");
    let (_, cursor) = crate::kept::follow(&store, "", None);
    cluster.nodes[1].freeze();
    cluster.nodes[2].freeze();
    assert!(block_on(store.get("a")).is_err());
    let b: Option<Arc<[u8]>> = Some(Arc::from(*b"2"));
    assert!(block_on(store.replace("b", b, Expect::Absent, Level::Durable)).is_err());
    // Who follows the changes is not told that nothing happens.
    assert!(block_on(store.changes("", Some(&cursor))).is_err());
    let options = Options::new(cluster.url("tandem")).patience(patience);
    let error = block_on(EtcdDocuments::open(options)).unwrap_err();
    assert!(matches!(error, OpenError::NoQuorum { .. }), "{error}");
    crate::bad_input::is_sentence(&error);
    cluster.nodes[1].thaw();
    cluster.nodes[2].thaw();
    wait_until("the cluster answers again", || block_on(store.get("a")).is_ok());
    assert_eq!(body(&store, "a").as_deref(), Some(b"1".as_slice()));
}

#[test]
fn a_server_that_stands_still_makes_a_write_unknown() {
    let cluster = clusters!().start(1, &[]);
    let options = Options::new(cluster.url("tandem") + "&connect_timeout=1");
    let store = opened(options.patience(Duration::from_millis(500)));
    let version = create(&store, "a", b"1");
    cluster.nodes[0].freeze();
    let two: Option<Arc<[u8]>> = Some(Arc::from(*b"2"));
    let lost = block_on(store.replace("a", two, Expect::Is(version), Level::Durable)).unwrap_err();
    assert!(!lost.is_refused(), "{lost}");
    cluster.nodes[0].thaw();
    // It was sent, and may be made late: what follows the same version is made, or finds it made.
    let three: Option<Arc<[u8]>> = Some(Arc::from(*b"3"));
    let mut after = None;
    wait_until("the server answers again", || {
        let write = store.replace("a", three.clone(), Expect::Is(version), Level::Durable);
        after = block_on(write).ok();
        after.is_some()
    });
    let found = body(&store, "a").unwrap();
    assert!(found[..] == *b"2" || found[..] == *b"3", "{found:?}");
    assert!(after.flatten().is_none() || found[..] == *b"3", "{found:?}");
}

#[test]
fn what_is_written_together_is_there_together_when_the_leader_is_killed() {
    let cluster = clusters!().start(3, &[]);
    let store = patient(&cluster);
    let keys = ["pair/a", "pair/b"];
    let found = || {
        keys.map(|key| {
            let mut found = None;
            wait_until("the cluster answers", || {
                found = block_on(store.get(key)).ok();
                found.is_some()
            });
            let found = found.flatten();
            let body = found.as_ref().and_then(|document| document.body.clone());
            (found.map_or(Expect::Absent, |document| Expect::Is(document.version)), body)
        })
    };
    let mut acknowledged = 0;
    for turn in 1..=60_u64 {
        if turn % 20 == 0 {
            let leader = cluster.leader();
            cluster.nodes[leader].kill();
            cluster.start_only(leader);
        }
        let body: Arc<[u8]> = Arc::from(turn.to_be_bytes());
        let writes = keys.iter().zip(found()).map(|(key, (expect, _))| Write {
            key: (*key).into(),
            body: Some(body.clone()),
            expect,
            modified: None,
        });
        if matches!(block_on(store.replace_all(writes.collect())), Ok(true)) {
            acknowledged = turn;
        }
        let [(_, a), (_, b)] = found();
        assert_eq!(a, b);
    }
    let [(_, last), _] = found();
    let last = last.map_or(0, |body| u64::from_be_bytes(body[..].try_into().unwrap()));
    eprintln!("{acknowledged} acknowledged, {last} found");
    assert!(acknowledged > 0 && last >= acknowledged);
}

#[test]
fn servers_of_another_cluster_are_believed_nothing() {
    let [own, other] = [clusters!().start(1, &[]), clusters!().start(1, &[])];
    let store = over("", &own, &other, Duration::from_secs(3));
    let version = create(&store, "a", b"1");
    let (_, cursor) = crate::kept::follow(&store, "", None);
    own.nodes[0].kill();
    // The other one has no such documents, and would take them.
    assert!(block_on(store.get("a")).is_err());
    assert!(block_on(store.list("", None)).is_err());
    assert!(block_on(store.promise()).is_err());
    assert!(block_on(store.changes("", None)).is_err());
    assert!(block_on(store.changes("", Some(&cursor))).is_err());
    for (key, expect) in [("b", Expect::Absent), ("a", Expect::Is(version))] {
        let trouble = put(&store, key, b"2", expect).unwrap_err();
        assert!(trouble.to_string().contains("another cluster"), "{trouble}");
        assert!(trouble.is_refused());
    }
    // Nothing was sent where nobody has said of which cluster it is.
    other.nodes[0].freeze();
    let trouble = put(&store, "b", b"2", Expect::Absent).unwrap_err();
    assert!(trouble.is_refused(), "{trouble}");
    other.nodes[0].thaw();
    own.start(0);
    wait_until("the own cluster answers", || block_on(store.get("a")).is_ok());
    assert_eq!(body(&store, "a").as_deref(), Some(&b"1"[..]));
    assert!(put(&store, "a", b"2", Expect::Is(version)).unwrap().is_some());
    let changes = block_on(store.changes("", Some(&cursor))).unwrap();
    assert!(!changes.is_anew);
    assert_eq!((changes.changed.len(), &*changes.changed[0].key), (1, "a"));
    let listed = block_on(other.store("tandem").list("", None)).unwrap().entries;
    assert!(listed.is_empty(), "{listed:?}");
}

#[test]
fn a_server_of_another_cluster_that_refuses_the_user_is_passed_over() {
    let [own, other] = [clusters!().start(1, &[]), clusters!().start(1, &[])];
    has_users(&other);
    for user in ["", "root:hunter22@", "known:hunter2@"] {
        let store = over(user, &own, &other, Duration::from_secs(3));
        let version = create(&store, "a", b"1");
        own.nodes[0].kill();
        assert!(block_on(store.get("a")).is_err());
        assert!(block_on(store.promise()).is_err());
        own.start(0);
        wait_until("the own cluster answers", || block_on(store.get("a")).is_ok());
        assert_eq!(body(&store, "a").as_deref(), Some(&b"1"[..]));
        assert!(put(&store, "a", b"2", Expect::Is(version)).unwrap().is_some());
        own.etcdctl(&["del", "tandem/a"]);
    }
}

#[test]
fn the_own_cluster_is_waited_for_whatever_another_one_refuses() {
    let [own, other] = [clusters!().start(1, &[]), clusters!().start(1, &[])];
    has_users(&other);
    let store = over("", &own, &other, HANG);
    create(&store, "a", b"1");
    own.nodes[0].kill();
    let reader = store.clone();
    let reading = std::thread::spawn(move || body(&reader, "a"));
    own.start(0);
    assert_eq!(reading.join().unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn a_token_of_another_cluster_is_no_use_and_does_no_harm() {
    let [own, other] = [clusters!().start(1, &[]), clusters!().start(1, &[])];
    has_users(&own);
    has_users(&other);
    let store = over("root:hunter2@", &own, &other, Duration::from_secs(3));
    let version = create(&store, "a", b"1");
    own.nodes[0].kill();
    assert!(block_on(store.get("a")).is_err());
    own.start(0);
    wait_until("the own cluster answers", || block_on(store.get("a")).is_ok());
    assert!(put(&store, "a", b"2", Expect::Is(version)).unwrap().is_some());
}

#[test]
fn no_store_is_opened_in_another_cluster_because_its_own_refuses_the_user() {
    let [own, other] = [clusters!().start(1, &[]), clusters!().start(1, &[])];
    has_users(&own);
    for user in ["root:hunter22@", ""] {
        let error = refused(&url_of_both(user, &own, &other));
        assert!(matches!(error, OpenError::Password { .. }), "{error}");
    }
    let error = refused(&url_of_both("known:hunter2@", &own, &other));
    assert!(matches!(error, OpenError::Privileges { .. }), "{error}");
}

/// Gives a cluster a superuser, and one who may nothing.
fn has_users(cluster: &Cluster) {
    for arguments in [
        &["user", "add", "root:hunter2"][..],
        &["user", "add", "known:hunter2"],
        &["auth", "enable"],
    ] {
        cluster.etcdctl(arguments);
    }
}

/// An address of one server of each.
fn url_of_both(user: &str, own: &Cluster, other: &Cluster) -> String {
    let hosts = [own, other].map(|cluster| format!("127.0.0.1:{}", cluster.nodes[0].port));
    format!("etcd://{user}{}?prefix=tandem/", hosts.join(","))
}

/// A store in the first one of them.
fn over(user: &str, own: &Cluster, other: &Cluster, patience: Duration) -> EtcdDocuments {
    opened(Options::new(url_of_both(user, own, other)).patience(patience))
}

#[test]
fn who_follows_goes_on_at_another_server() {
    let cluster = clusters!().start(3, &[]);
    let store = patient(&cluster);
    let (_, mut cursor) = crate::kept::follow(&store, "in/", None);
    let mut told = 0_u8;
    for turn in 0..3_u8 {
        cluster.nodes[usize::from(turn)].kill();
        let key = format!("in/{turn}");
        wait_until("a document is created", || {
            let body = Some(Arc::from([turn]));
            let made = store.replace(&key, body, Expect::Absent, Level::Durable);
            block_on(made).is_ok()
        });
        wait_until("the document is told", || {
            let Ok(changes) = block_on(store.changes("in/", Some(&cursor))) else { return false };
            assert!(!changes.is_anew);
            told += changes.changed.len() as u8;
            cursor = changes.next;
            told > turn
        });
        cluster.start(usize::from(turn));
    }
    assert_eq!(told, 3);
}
