//! Servers that are killed, stand still, run full, or are told to give up waiting.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use tandem_documents::{Documents, Expect, Level, Version, Write};
use tandem_host::disk::ErrorCode;
use tandem_postgres::Options;

use crate::kept::{create, follow};
use crate::stores::Stores as _;
use tandem_tests::ledger::{End, Ledger};
use tandem_tests::postgres::wait_until;
use tandem_tests::servers;

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let mut server = servers!().start(&[]);
    let options = Options::new(server.url("tandem")).patience(Duration::from_secs(5));
    let store = crate::stores::opened(options);
    let ledger = Ledger::keep(&store, 8, |wait_for| {
        for _ in 0..3 {
            wait_for(200);
            server.kill();
            server.start();
        }
        wait_for(200);
    });
    ledger.check(&store, "server killed three times");
}

#[test]
fn what_is_written_together_is_there_together_when_the_server_is_killed() {
    let mut server = servers!().start(&[]);
    let options = Options::new(server.url("tandem")).patience(Duration::from_secs(5));
    let store = crate::stores::opened(options);
    let keys = ["pair/a", "pair/b"];
    let (is_over, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let found = || {
        keys.map(|key| {
            let found = loop {
                match block_on(store.get(key)) {
                    Ok(found) => break found,
                    Err(trouble) => assert!(!is_over.load(Ordering::SeqCst), "{trouble}"),
                }
            };
            let body = found.as_ref().and_then(|document| document.body.clone());
            (found.map_or(Expect::Absent, |document| Expect::Is(document.version)), body)
        })
    };
    thread::scope(|scope| {
        let write = || {
            let mut acknowledged = 0_u64;
            for turn in 1_u64.. {
                if is_over.load(Ordering::SeqCst) {
                    return acknowledged;
                }
                let body: Arc<[u8]> = Arc::from(turn.to_be_bytes());
                let pair = found();
                let writes = keys.iter().zip(&pair).map(|(key, (expect, _))| Write {
                    key: (*key).into(),
                    body: Some(body.clone()),
                    expect: *expect,
                    modified: None,
                });
                let outcome = block_on(store.replace_all(writes.collect()));
                if matches!(outcome, Ok(true)) {
                    acknowledged = turn;
                    written.fetch_add(1, Ordering::SeqCst);
                }
                let [(_, a), (_, b)] = found();
                assert_eq!(a, b);
            }
            acknowledged
        };
        let writer = scope.spawn(write);
        let end = End(&is_over);
        for _ in 0..3 {
            let goal = written.load(Ordering::SeqCst) + 20;
            wait_until("pairs are written", || {
                written.load(Ordering::SeqCst) >= goal || writer.is_finished()
            });
            server.kill();
            server.start();
        }
        drop(end);
        let acknowledged = writer.join().unwrap();
        let [(_, a), _] = found();
        let last = a.map_or(0, |body| u64::from_be_bytes(body[..].try_into().unwrap()));
        assert!(last >= acknowledged, "{last} found, {acknowledged} acknowledged");
    });
}

#[test]
fn no_version_comes_again_after_a_crash_that_took_visible_writes_back() {
    // What is not waited for stays in the server's memory for as long as it may.
    let mut server = servers!().start(&["wal_writer_delay=10s", "bgwriter_delay=10s"]);
    let store = server.store("tandem");
    create(&store, "run/.heartbeat", b"0", Level::Durable);
    let get = || block_on(store.get("run/.heartbeat")).unwrap().unwrap();
    let write = |version: Version, level: Level, body: &[u8]| {
        let expect = Expect::Is(version);
        let made = store.replace("run/.heartbeat", Some(Arc::from(body)), expect, level);
        block_on(made).unwrap().unwrap()
    };
    let mut cursor = follow(&store, "run/", None).1;
    let mut seen = vec![get().version];
    let mut lost = 0;
    for turn in 0..5_u8 {
        for _ in 0..40 {
            seen.push(write(*seen.last().unwrap(), Level::Visible, &[turn]));
        }
        cursor = follow(&store, "run/", cursor).1;
        // One process that dies has the server begin anew as well, without being started.
        if turn % 2 == 0 {
            server.kill();
            server.start();
        } else {
            server.kill_session();
        }
        let found = get().version;
        lost += seen.iter().filter(|version| **version > found).count();
        // The crash is told: what was followed has another state now.
        let (changed, next) = follow(&store, "run/", cursor);
        assert_eq!(changed.len(), 1);
        cursor = next;
        let next = write(found, Level::Durable, b"x");
        assert!(seen.iter().all(|version| *version < next), "{next:?}");
        seen.push(next);
        let (changed, next) = follow(&store, "run/", cursor);
        assert_eq!(changed.len(), 1);
        cursor = next;
    }
    eprintln!("{lost} versions were taken back by crashes, and none came again");
    assert!(lost > 0);
}

#[test]
fn a_server_that_stands_still_makes_a_write_unknown() {
    let server = servers!().start(&[]);
    let options = Options::new(server.url("tandem") + "&connect_timeout=1");
    let store = crate::stores::opened(options.patience(Duration::from_millis(500)));
    create(&store, "a", b"1", Level::Durable);
    let version = block_on(store.get("a")).unwrap().unwrap().version;
    // Once before, so that it has nothing to ask before it is sent.
    let body: Option<Arc<[u8]>> = Some(Arc::from(*b"1"));
    let again = store.replace("a", body, Expect::Is(version), Level::Durable);
    let version = block_on(again).unwrap().unwrap();
    server.freeze();
    let body: Option<Arc<[u8]>> = Some(Arc::from(*b"2"));
    let lost = block_on(store.replace("a", body.clone(), Expect::Is(version), Level::Durable));
    let lost = lost.unwrap_err();
    assert!(!lost.is_refused(), "{lost}");
    // Nothing takes a connection: this one is not carried out for certain.
    let refused = block_on(store.replace("b", body, Expect::Absent, Level::Durable)).unwrap_err();
    assert!(refused.is_refused(), "{refused}");
    server.thaw();
    // The first one was sent, and is made late.
    wait_until("the write is made late", || {
        block_on(store.get("a")).is_ok_and(|found| found.unwrap().body.as_deref() == Some(b"2"))
    });
    assert_eq!(block_on(store.get("b")).unwrap(), None);
}

#[test]
fn a_wait_for_a_standby_that_is_cancelled_is_no_acknowledgement() {
    let server = servers!().start(&["synchronous_standby_names=nobody"]);
    let url = server.url("tandem");
    // The tables are made without anybody's confirmation.
    let migration = Options::new(format!("{url}&options=-c%20synchronous_commit%3Dlocal"));
    let store = crate::stores::opened(migration);
    create(&store, "a", b"1", Level::Durable);
    drop(store);
    let store = block_on(tandem_postgres::PostgresDocuments::open(Options::new(&url))).unwrap();
    let version = block_on(store.get("a")).unwrap().unwrap().version;
    // What is to be visible only does not wait.
    create(&store, "b", b"1", Level::Visible);
    let write = {
        let store = store.clone();
        thread::spawn(move || {
            let body = Some(Arc::from(*b"2"));
            block_on(store.replace("a", body, Expect::Is(version), Level::Durable))
        })
    };
    let cancel =
        "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'";
    wait_until("the write waits for a standby", || server.sql(cancel) == "1");
    let trouble = write.join().unwrap().unwrap_err();
    assert!(!trouble.is_refused(), "{trouble}");
    // It was made all the same, on this server alone.
    assert_eq!(block_on(store.get("a")).unwrap().unwrap().body.as_deref(), Some(b"2".as_slice()));
    // A confirmed read does not come back with what nobody else has.
    let options = Options::new(&url).confirms_reads(true).patience(Duration::from_millis(500));
    let careful = block_on(tandem_postgres::PostgresDocuments::open(options)).unwrap();
    assert!(block_on(careful.get("a")).is_err());
}

/// A small file system, for root alone.
struct Small(PathBuf);

impl Small {
    fn new(path: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=24m", "none"]).arg(path);
        mount.output().is_ok_and(|output| output.status.success()).then(|| Small(path.into()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let installed = servers!();
    let place = installed.directory();
    let Some(small) = Small::new(&place) else {
        eprintln!("ignored: no small file system can be mounted, which needs root");
        return;
    };
    installed.own(&place);
    let server = installed.start(&[]);
    let store = server.store("tandem");
    server.sql(&format!("create tablespace small location '{}'", place.display()));
    server.sql("alter table tandem.documents set tablespace small");
    fs::write(place.join("ballast"), vec![0; 4 << 20]).unwrap();
    // It does not compress.
    let body: Arc<[u8]> = {
        let mut state = 1_u64;
        let mut byte = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(&mut byte).take(1 << 20).collect()
    };
    let mut made = 0;
    let trouble = loop {
        let key = format!("{made}");
        match block_on(store.replace(&key, Some(body.clone()), Expect::Absent, Level::Durable)) {
            Ok(version) => assert!(version.is_some()),
            Err(trouble) => break trouble,
        }
        made += 1;
        assert!(made < 100);
    };
    assert!(trouble.is_refused(), "{trouble}");
    assert_eq!(trouble.code(), ErrorCode::InsufficientSpace);
    assert_eq!(trouble.to_string(), "the server has no space left");
    eprintln!("{made} documents of 1 MiB were made before the disk was full");
    for n in 0..made {
        let found = block_on(store.get(&format!("{n}"))).unwrap().unwrap();
        assert!(found.body.as_deref() == Some(&*body), "{n}");
    }
    assert_eq!(block_on(store.get(&format!("{made}"))).unwrap(), None);
    fs::remove_file(place.join("ballast")).unwrap();
    create(&store, &format!("{made}"), &body, Level::Durable);
    drop(server);
    drop(small);
    drop(fs::remove_dir_all(place));
}
