//! Three servers, of which one of two standbys confirms each durable write.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use tandem_documents::{Documents, Expect, Level, Survives};
use tandem_postgres::{OpenError, Options, PostgresDocuments};

use crate::kept::{create, follow};
use tandem_tests::ledger::Ledger;
use tandem_tests::postgres::{Installed, Server, wait_until};
use tandem_tests::servers;

/// Three servers, the primary first.
struct Quorum<'a> {
    servers: [Server<'a>; 3],
}

impl<'a> Quorum<'a> {
    fn new(installed: &'a Installed) -> Self {
        let primary = installed.start(&[]);
        let servers = [primary.standby("s2"), primary.standby("s3")];
        let [second, third] = servers;
        primary.sql("alter system set synchronous_standby_names = 'ANY 1 (s2,s3)'");
        primary.sql("select pg_reload_conf()");
        let count = "select count(*) from pg_stat_replication where sync_state = 'quorum'";
        wait_until("both standbys confirm", || primary.sql(count) == "2");
        Quorum { servers: [primary, second, third] }
    }

    /// The address of all three, in this order.
    fn url(&self, order: [usize; 3]) -> String {
        let hosts = order.map(|n| format!("127.0.0.1:{}", self.servers[n].port)).join(",");
        format!("postgres://admin@{hosts}/postgres?connect_timeout=2")
    }

    fn options(&self) -> Options {
        Options::new(self.url([0, 1, 2])).patience(Duration::from_secs(3))
    }

    fn store(&self) -> PostgresDocuments {
        crate::stores::opened(self.options())
    }

    /// Makes the standby that has more a primary, confirmed by the other one. Answers which it is.
    fn promote(&self) -> usize {
        let received = |n: usize| self.servers[n].sql("select pg_last_wal_receive_lsn() - '0/0'");
        let lsns = [1, 2].map(|n| received(n).parse::<u64>().unwrap());
        let (chosen, other) = if lsns[0] >= lsns[1] { (1, 2) } else { (2, 1) };
        let name = if other == 1 { "s2" } else { "s3" };
        let (next, follower) = (&self.servers[chosen], &self.servers[other]);
        // The other one no more confirms what the old primary writes, before there is a new one.
        let source = next.source(name);
        follower.sql(&format!("alter system set primary_conninfo = '{source}'"));
        follower.sql("select pg_reload_conf()");
        next.sql(&format!("alter system set synchronous_standby_names = 'ANY 1 ({name})'"));
        next.sql("select pg_reload_conf()");
        next.promote();
        chosen
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_primary_is_killed() {
    let quorum = Quorum::new(servers!());
    let store = quorum.store();
    let promise = block_on(store.promise()).unwrap();
    assert_eq!(promise.survives, Survives::Machine, "{promise}");
    assert!(promise.because.contains("confirmed by s2 quorum, s3 quorum"), "{promise}");
    create(&store, "followed/a", b"1", Level::Durable);
    let cursor = follow(&store, "followed/", None).1;

    let ledger = Ledger::keep(&store, 16, |wait_for| {
        wait_for(1000);
        quorum.servers[0].kill();
        quorum.promote();
        wait_for(1000);
    });
    ledger.check(&store, "primary killed, standby promoted");
    // Who followed on the old primary follows on the new one.
    create(&store, "followed/b", b"1", Level::Durable);
    let (changed, _) = follow(&store, "followed/", cursor);
    assert!(changed.iter().any(|change| change.key == "followed/b"));
}

#[test]
fn nothing_acknowledged_is_lost_when_the_primary_stands_still() {
    let quorum = Quorum::new(servers!());
    let store = quorum.store();
    let mut chosen = 0;
    let ledger = Ledger::keep(&store, 16, |wait_for| {
        wait_for(500);
        quorum.servers[0].freeze();
        chosen = quorum.promote();
        wait_for(500);
        // It does not know that it was replaced, and comes first in the address.
        quorum.servers[0].thaw();
        wait_for(500);
    });
    ledger.check(&store, "primary stopped, standby promoted, primary continued");

    // A store that has never seen the new primary may believe the old one, which is behind and
    // acknowledges nothing.
    create(&store, "newer", b"1", Level::Durable);
    let alone = format!("postgres://admin@127.0.0.1:{}/postgres", quorum.servers[0].port);
    let believer = Options::new(&alone).patience(Duration::from_millis(500));
    let believer = block_on(PostgresDocuments::open(believer)).unwrap();
    assert_eq!(block_on(believer.get("newer")).unwrap(), None);
    let body = Some(Arc::from(*b"2"));
    let late =
        block_on(believer.replace("newer", body, Expect::Absent, Level::Durable)).unwrap_err();
    assert!(!late.is_refused(), "{late}");
    let careful = Options::new(&alone).patience(Duration::from_millis(500)).confirms_reads(true);
    let careful = block_on(PostgresDocuments::open(careful)).unwrap();
    assert!(block_on(careful.get("newer")).is_err());

    // One that has seen the new primary does not go back when that is away.
    let options =
        Options::new(quorum.url([chosen, 0, 3 - chosen]).replace("_timeout=2", "_timeout=1"));
    let knowing =
        block_on(PostgresDocuments::open(options.patience(Duration::from_secs(2)))).unwrap();
    assert!(block_on(knowing.get("newer")).unwrap().is_some());
    quorum.servers[chosen].stop();
    let error = block_on(knowing.get("newer")).unwrap_err();
    assert!(error.is_refused(), "{error}");
}

#[test]
fn one_standby_is_enough_and_none_is_not() {
    let mut quorum = Quorum::new(servers!());
    let store = quorum.store();
    let ledger = Ledger::keep(&store, 8, |wait_for| {
        wait_for(300);
        quorum.servers[1].kill();
        wait_for(300);
    });
    assert_eq!(ledger.unknown, 0);
    ledger.check(&store, "one standby killed");

    quorum.servers[2].kill();
    let body: Option<Arc<[u8]>> = Some(Arc::from(*b"1"));
    let write = block_on(store.replace("a", body.clone(), Expect::Absent, Level::Durable));
    assert!(!write.unwrap_err().is_refused());
    // What waits for nobody goes on.
    create(&store, "b", b"1", Level::Visible);

    quorum.servers[1].start();
    wait_until("writes are acknowledged again", || {
        block_on(store.replace("c", body.clone(), Expect::Absent, Level::Durable)).is_ok()
    });
    // The one that nobody acknowledged was made when somebody could confirm it.
    assert!(block_on(store.get("a")).unwrap().is_some());
}

#[test]
fn a_replica_is_never_used() {
    let quorum = Quorum::new(servers!());
    drop(quorum.store());
    let [_, second, third] = &quorum.servers;
    let replicas =
        format!("postgres://admin@127.0.0.1:{},127.0.0.1:{}/postgres", second.port, third.port);
    let error = block_on(PostgresDocuments::open(Options::new(&replicas))).unwrap_err();
    assert!(matches!(error, OpenError::OnlyReplicas { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "no server that takes writes can be reached, only a replica, at 127.0.0.1:{}, 127.0.0.1:{}",
            second.port, third.port
        )
    );
    // Among others it is passed by, wherever it stands in the address.
    let options = Options::new(quorum.url([2, 1, 0]));
    let store = block_on(PostgresDocuments::open(options)).unwrap();
    create(&store, "a", b"1", Level::Durable);
}

#[test]
fn writes_of_several_hosts_meet_on_one_document() {
    let quorum = Quorum::new(servers!());
    let store = quorum.store();
    create(&store, "counter", b"0", Level::Durable);
    let count = || {
        let store = block_on(PostgresDocuments::open(quorum.options())).unwrap();
        let mut made = 0;
        while made < 50 {
            let found = block_on(store.get("counter")).unwrap().unwrap();
            let number: u32 = std::str::from_utf8(&found.body.unwrap()).unwrap().parse().unwrap();
            let body = Some(Arc::from((number + 1).to_string().into_bytes()));
            let expect = Expect::Is(found.version);
            made += u32::from(
                block_on(store.replace("counter", body, expect, Level::Durable)).unwrap().is_some(),
            );
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(count);
        }
    });
    let found = block_on(store.get("counter")).unwrap().unwrap();
    assert_eq!(found.body.as_deref(), Some(b"200".as_slice()));
}
