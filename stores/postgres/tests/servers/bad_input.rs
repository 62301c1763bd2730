//! What is wrong with an address, a server or a request is told in one sentence, and breaks nothing.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use tandem_documents::{Cursor, Documents, Expect, Level, Trouble, Write};
use tandem_host::disk::ErrorCode;
use tandem_postgres::{OpenError, Options, PostgresDocuments};

use crate::stores::Stores as _;
use tandem_tests::postgres::{Server, free_port};
use tandem_tests::servers;

fn refused(url: &str) -> OpenError {
    let error = block_on(PostgresDocuments::open(Options::new(url))).expect_err(url);
    is_sentence(&error);
    error
}

/// One line in lower case, that shows no secret, with its causes.
fn is_sentence(error: &(dyn Error + 'static)) {
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
    assert!(text.starts_with(|c: char| c.is_ascii_lowercase()), "{text}");
    let mut cause = Some(error);
    while let Some(error) = cause {
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        cause = error.source();
    }
}

/// A user with a password, and the address that it has.
fn user(server: &Server<'_>, name: &str, schema: &str) -> String {
    server.sql(&format!("create role {name} login password 'hunter2'"));
    format!("postgres://{name}:hunter2@127.0.0.1:{}/postgres?schema={schema}", server.port)
}

#[test]
fn a_wrong_address_is_refused() {
    assert!(matches!(refused("mysql://h/d"), OpenError::Options { .. }));
    let options = Options::new("postgres://u:hunter2@h/d").connections(0);
    let error = block_on(PostgresDocuments::open(options)).unwrap_err();
    assert!(matches!(error, OpenError::Options { .. }), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let error = refused("postgres://u:hunter2@127.0.0.1:1,127.0.0.1:2/d");
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert_eq!(error.to_string(), "no server can be reached at 127.0.0.1:1, 127.0.0.1:2");
}

#[test]
fn a_server_that_says_nothing_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = refused(&format!("postgres://u:hunter2@127.0.0.1:{port}/d?connect_timeout=1"));
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
}

/// Passes one connection on, and leaves the others alone. Gives its ends, to be closed.
fn relay(listener: &TcpListener, server: SocketAddr) -> std::io::Result<[TcpStream; 2]> {
    let (near, far) = (listener.accept()?.0, TcpStream::connect(server)?);
    let ways = [(near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?)];
    for (mut from, mut to) in ways {
        thread::spawn(move || std::io::copy(&mut from, &mut to));
    }
    Ok([near, far])
}

#[test]
fn a_host_that_falls_silent_leaves_time_for_the_next_one() {
    let server = servers!().shared();
    drop(server.store("behind"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let first = listener.local_addr().unwrap();
    let second = SocketAddr::from(([127, 0, 0, 1], server.port));
    let url =
        format!("postgres://admin@{first},{second}/postgres?schema=behind&connect_timeout=600");
    let relayed = thread::spawn(move || (relay(&listener, second), listener));
    let options = Options::new(url).patience(Duration::from_secs(8));
    let store = block_on(PostgresDocuments::open(options)).unwrap();
    // From now on it takes connections, and says nothing.
    let (ends, _listener) = relayed.join().unwrap();
    for end in ends.unwrap() {
        end.shutdown(Shutdown::Both).unwrap();
    }
    assert!(block_on(store.get("a")).unwrap().is_none());
    assert!(put(&store, "a", b"1", Expect::Absent).is_ok());
}

/// Plays the beginning of a session of an old server.
fn be_old(mut client: TcpStream) -> std::io::Result<()> {
    let mut message = [0; 1024];
    // The question for encryption, which such a server denies; then the start.
    client.read_exact(&mut message[..8])?;
    client.write_all(b"N")?;
    let read = client.read(&mut message)?;
    assert!(read > 8);
    client.write_all(b"R\0\0\0\x08\0\0\0\0")?;
    client.write_all(b"S\0\0\0\x18server_version\x0014.9\0")?;
    client.write_all(b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I")?;
    drop(client.read(&mut message));
    Ok(())
}

#[test]
fn an_old_server_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || be_old(listener.accept().unwrap().0));
    let error = refused(&format!("postgres://u@127.0.0.1:{port}/d"));
    assert_eq!(error.to_string(), "the server must be postgresql 15 or newer, and is 14.9");
    server.join().unwrap().unwrap();
}

#[test]
fn a_wrong_password_is_refused() {
    let server = servers!().shared();
    let url = user(server, "secretive", "tandem");
    let wrong = url.replace("hunter2", "hunter22");
    assert!(matches!(refused(&wrong), OpenError::Password { .. }));
    assert!(matches!(refused(&url.replace(":hunter2", "")), OpenError::Password { .. }));
    assert!(matches!(
        refused(&url.replace("secretive", "nobody_at_all")),
        OpenError::Password { .. }
    ));
    // The right one gets further.
    assert!(matches!(refused(&url), OpenError::NoSchema { .. }));
}

#[test]
fn a_database_that_is_not_there_is_refused() {
    let server = servers!().shared();
    let url = format!("postgres://admin@127.0.0.1:{}/nothing_here", server.port);
    assert!(matches!(refused(&url), OpenError::Database { .. }));
}

#[test]
fn tables_that_are_not_there_are_to_be_made() {
    let server = servers!().shared();
    let error = refused(&server.url("unmade"));
    assert_eq!(
        error.to_string(),
        "the database has no tables of the store: \
         run `PostgresDocuments::migrate` to make them in schema unmade"
    );
    drop(server.store("unmade"));
    // Made a second time, nothing changes.
    drop(server.store("unmade"));
}

#[test]
fn a_schema_may_be_called_by_a_word_of_sql() {
    let server = servers!().shared();
    let store = server.store("user");
    assert!(put(&store, "a", b"1", Expect::Absent).is_ok());
    assert_eq!(block_on(store.list("", None)).unwrap().entries.len(), 1);
    assert_eq!(block_on(store.changes("", None)).unwrap().changed.len(), 1);
}

#[test]
fn several_may_migrate_at_once() {
    let server = servers!().shared();
    let migrate = || block_on(PostgresDocuments::migrate(Options::new(server.url("at_once"))));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(migrate)).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
    assert_eq!(server.sql("select version from at_once.layout"), "1");
}

#[test]
fn other_layouts_are_refused() {
    let server = servers!().shared();
    drop(server.store("other_layout"));
    server.sql("update other_layout.layout set version = 0");
    assert!(matches!(
        refused(&server.url("other_layout")),
        OpenError::SchemaOlder { found: 0, .. }
    ));
    server.sql("update other_layout.layout set version = 1000");
    let newer = refused(&server.url("other_layout"));
    assert!(matches!(newer, OpenError::SchemaNewer { found: 1000, known: 1, .. }), "{newer}");
    let options = Options::new(server.url("other_layout"));
    let error = block_on(PostgresDocuments::migrate(options)).unwrap_err();
    assert!(matches!(error, OpenError::SchemaNewer { .. }), "{error}");
}

#[test]
fn a_user_who_may_not_write_is_refused() {
    let server = servers!().shared();
    drop(server.store("guarded"));
    let url = user(server, "reader", "guarded");
    let missing = |error: OpenError| match error {
        OpenError::Privileges { missing } => missing,
        error => panic!("{error}"),
    };
    assert_eq!(missing(refused(&url)), "usage on schema guarded");
    server.sql("grant usage on schema guarded to reader; grant select on guarded.layout to reader");
    assert_eq!(missing(refused(&url)), "select on guarded.documents");
    server.sql("grant select on guarded.documents to reader");
    assert_eq!(missing(refused(&url)), "insert on guarded.documents");
    server.sql("grant insert, update on guarded.documents to reader");
    let store = block_on(PostgresDocuments::open(Options::new(&url))).unwrap();
    assert!(put(&store, "a", b"1", Expect::Absent).is_ok());

    // It may lose them again while the store is open.
    server.sql("revoke insert on guarded.documents from reader");
    let trouble = put(&store, "b", b"1", Expect::Absent).unwrap_err();
    is_sentence(&trouble);
    assert!(trouble.is_refused() && trouble.code() == ErrorCode::Access, "{trouble}");
    assert_eq!(block_on(store.get("b")).unwrap(), None);

    let migrate =
        block_on(PostgresDocuments::migrate(Options::new(url.replace("guarded", "no_way"))));
    is_sentence(&migrate.unwrap_err());
}

#[test]
fn read_only_sessions_are_for_who_only_reads() {
    let server = servers!().shared();
    let written = server.store("sleeping");
    assert!(put(&written, "a", b"1", Expect::Absent).is_ok());
    let url = user(server, "sleeper", "sleeping");
    server.sql("grant usage on schema sleeping to sleeper");
    server.sql("grant select on all tables in schema sleeping to sleeper");
    server.sql("alter role sleeper set default_transaction_read_only = on");
    assert!(matches!(refused(&url), OpenError::ReadOnlySessions { .. }));
    let store = block_on(PostgresDocuments::open(Options::new(&url).read_only())).unwrap();
    assert!(block_on(store.get("a")).unwrap().unwrap().body.is_some());
    let migrated = block_on(PostgresDocuments::migrate(Options::new(&url).read_only()));
    assert!(matches!(migrated, Err(OpenError::ReadOnlySessions { .. })), "{migrated:?}");
}

#[test]
fn a_store_that_is_opened_to_be_read_refuses_writes_that_its_user_may_make() {
    let server = servers!().shared();
    drop(server.store("read"));
    let options = Options::new(server.url("read")).read_only();
    let store = block_on(PostgresDocuments::open(options)).unwrap();
    let write = Write {
        key: "b".to_owned(),
        body: Some(Arc::from(b"1".as_slice())),
        expect: Expect::Absent,
        modified: None,
    };
    let one = put(&store, "a", b"1", Expect::Absent).unwrap_err();
    let several = block_on(store.replace_all(vec![write])).unwrap_err();
    for trouble in [one, several] {
        is_sentence(&trouble);
        assert!(trouble.is_refused() && trouble.code() == ErrorCode::ReadOnly, "{trouble}");
    }
    assert_eq!(server.sql("select count(*) from read.documents"), "0");
}

#[test]
fn who_only_reads_asks_a_host_that_takes_writes_before_one_that_does_not() {
    let installed = servers!();
    let (writable, fenced) = (installed.shared(), installed.start(&[]));
    for (server, content) in [(writable, b"new"), (&fenced, b"old")] {
        assert!(put(&server.store("both"), "a", content, Expect::Absent).is_ok());
    }
    fenced.sql("alter role admin set default_transaction_read_only = on");
    let read = |hosts: [u16; 2]| {
        let [one, two] = hosts;
        let url = format!("postgres://admin@127.0.0.1:{one},127.0.0.1:{two}/postgres?schema=both");
        let options = Options::new(url).read_only();
        let store = block_on(PostgresDocuments::open(options)).unwrap();
        block_on(store.get("a")).unwrap().unwrap().body.unwrap()
    };
    let (w, f) = (writable.port, fenced.port);
    assert_eq!([read([w, f]), read([f, w])].map(|body| body.to_vec()), [b"new", b"new"]);
    assert_eq!(*read([free_port(), f]), *b"old");
}

fn put(
    store: &PostgresDocuments,
    key: &str,
    body: &[u8],
    expect: Expect,
) -> Result<Option<tandem_documents::Version>, Trouble> {
    block_on(store.replace(key, Some(Arc::from(body)), expect, Level::Durable))
}

#[test]
fn what_the_server_could_not_hold_is_refused_at_once() {
    let server = servers!().shared();
    let store = crate::stores::opened(Options::new(server.url("limits")).body_bytes_max(10));
    let codes = |result: Result<Option<_>, Trouble>| {
        let trouble = result.unwrap_err();
        is_sentence(&trouble);
        assert!(trouble.is_refused(), "{trouble}");
        (trouble.code(), trouble.to_string())
    };
    let (code, text) = codes(put(&store, "a", &[0; 11], Expect::Absent));
    assert_eq!(code, ErrorCode::FileTooLarge);
    assert_eq!(text, "a document may have at most 10 bytes, and has 11: a");
    let long = "x".repeat(4097);
    assert_eq!(codes(put(&store, &long, b"", Expect::Absent)).0, ErrorCode::NameTooLong);
    let nul = codes(put(&store, "a\0b", b"", Expect::Absent)).0;
    assert_eq!(nul, ErrorCode::IllegalByteSequence);
    assert!(put(&store, "a", &[0; 10], Expect::Absent).unwrap().is_some());
    let foreign =
        block_on(store.changes("", Some(&Cursor("of another store".into())))).unwrap_err();
    is_sentence(&foreign);
    assert!(foreign.is_refused());
}

#[test]
fn the_longest_key_is_kept_whatever_it_has() {
    let server = servers!().shared();
    let store = server.store("long_keys");
    // Nothing compresses them; their heads are one.
    let random = |seed: u64| -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            char::from(b'0' + (state >> 58) as u8)
        };
        std::iter::repeat_with(&mut next).take(3000).collect()
    };
    let head = "\u{1f600}".repeat(270);
    let keys = [random(1), random(2), random(3)].map(|tail| format!("{head}{tail}"));
    for key in &keys {
        assert!(put(&store, key, key.as_bytes(), Expect::Absent).unwrap().is_some());
    }
    let mut sorted = keys.to_vec();
    sorted.sort();
    let listed = block_on(store.list(&head, None)).unwrap().entries;
    assert_eq!(
        listed.iter().map(|listed| &listed.key).collect::<Vec<_>>(),
        sorted.iter().collect::<Vec<_>>()
    );
    let behind = block_on(store.list(&head, Some(&sorted[0]))).unwrap().entries;
    assert_eq!(behind.len(), 2);
}

#[test]
fn nothing_is_sent_behind_the_end_of_patience() {
    let server = servers!().start(&[]);
    let options = Options::new(server.url("tandem")).patience(Duration::from_millis(300));
    let store = crate::stores::opened(options);
    assert!(put(&store, "a", b"1", Expect::Absent).unwrap().is_some());
    server.stop();
    let trouble = put(&store, "b", b"1", Expect::Absent).unwrap_err();
    is_sentence(&trouble);
    assert!(trouble.is_refused(), "{trouble}");
    assert!(trouble.to_string().contains("was not carried out"), "{trouble}");
    assert!(block_on(store.get("a")).unwrap_err().is_refused());
}
