//! Writes that wait for each other, and rows that are written often.

use std::sync::Arc;

use futures::executor::block_on;
use futures::future::{join_all, try_join_all};
use tandem_documents::{Documents, Expect, Level};

use crate::stores::Stores as _;
use tandem_tests::postgres::wait_until;
use tandem_tests::servers;

#[test]
fn small_writes_go_together() {
    let server = servers!().start(&["log_statement=all"]);
    let store = server.store("tandem");
    let body: Arc<[u8]> = Arc::from(*b"{}");
    let create =
        (0..1000).map(|n| {
            let (store, body) = (&store, body.clone());
            async move {
                store.replace(&format!("{n}"), Some(body), Expect::Absent, Level::Durable).await
            }
        });
    let created: Vec<_> = block_on(try_join_all(create)).unwrap().into_iter().flatten().collect();
    assert_eq!(created.len(), 1000);
    let update = (0..1000).zip(&created).map(|(n, version)| {
        let (store, body) = (&store, body.clone());
        async move {
            let expect = Expect::Is(*version);
            store.replace(&format!("{n}"), Some(body), expect, Level::Visible).await
        }
    });
    let updated: Vec<_> = block_on(try_join_all(update)).unwrap().into_iter().flatten().collect();
    assert_eq!(updated.len(), 1000);

    let log = std::fs::read_to_string(server.directory.join("log")).unwrap();
    for (statement, name) in [
        ("insert into \"tandem\".documents as", "inserts"),
        ("update \"tandem\".documents document", "updates"),
    ] {
        let sent = log.matches(statement).count();
        eprintln!("1000 {name} in {sent} statements");
        assert!((1..=50).contains(&sent), "{sent} {name}");
    }
}

#[test]
fn one_that_fails_does_not_take_others_along() {
    let server = servers!().shared();
    let store = server.store("together");
    server.sql("alter table together.documents add check (head <> 'bad')");
    let create = ["a", "bad", "c", "d"]
        .map(|key| store.replace(key, Some(Arc::from(*b"1")), Expect::Absent, Level::Durable));
    let made = block_on(join_all(create));
    assert!(made[1].as_ref().unwrap_err().is_refused());
    for n in [0, 2, 3] {
        assert!(made[n].as_ref().unwrap().is_some());
    }
}

#[test]
fn heartbeats_touch_no_index() {
    let server = servers!().start(&[]);
    let store = server.store("tandem");
    let key = |run: usize| format!("task/run-{run}/.heartbeat");
    let beat = |turn: u8| -> Arc<[u8]> { Arc::from(vec![turn; 200]) };
    let create = (0..500).map(|run| {
        let store = &store;
        async move { store.replace(&key(run), Some(beat(0)), Expect::Absent, Level::Visible).await }
    });
    let mut versions: Vec<_> = block_on(try_join_all(create)).unwrap();
    for turn in 1..=20 {
        let beats = versions.iter().enumerate().map(|(run, version)| {
            let expect = Expect::Is(version.unwrap());
            let store = &store;
            async move { store.replace(&key(run), Some(beat(turn)), expect, Level::Visible).await }
        });
        versions = block_on(try_join_all(beats)).unwrap();
    }
    // Its sessions tell what they did when they end.
    drop(store);
    let count = |column: &str| {
        server
            .sql(&format!("select {column} from pg_stat_user_tables where relname = 'documents'"))
            .parse::<u32>()
            .unwrap()
    };
    wait_until("the sessions have told what they did", || count("n_tup_upd") >= 10_000);
    let (updates, hot) = (count("n_tup_upd"), count("n_tup_hot_upd"));
    eprintln!("{hot} of {updates} updates of heartbeats touched no index");
    assert!(hot * 10 >= updates * 9, "{hot} of {updates}");
}
