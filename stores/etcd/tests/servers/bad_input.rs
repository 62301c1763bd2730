//! What is wrong with an address or a server is told in one sentence, and breaks nothing.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use tandem_documents::{Cursor, Documents};
use tandem_etcd::{EtcdDocuments, OpenError, Options};
use tandem_tests::clusters;

use crate::stores::{Stores as _, body, create, opened};

pub fn refused(url: &str) -> OpenError {
    refused_with(Options::new(url))
}

fn refused_with(options: Options) -> OpenError {
    let error = block_on(EtcdDocuments::open(options)).unwrap_err();
    is_sentence(&error);
    error
}

/// One line in lower case, that shows no secret, with its causes.
pub fn is_sentence(error: &(dyn Error + 'static)) {
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

/// A server that answers each request with this, and the address of it.
fn answering(status: &'static str, text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            if !stream.read(&mut request).is_ok_and(|len| len > 0) {
                continue;
            }
            let length = text.len();
            let head =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}");
            drop(write!(stream, "{head}\r\n\r\n{text}"));
        }
    });
    format!("etcd://127.0.0.1:{port}")
}

#[test]
fn a_wrong_address_is_refused() {
    assert!(matches!(refused("http://h"), OpenError::Options { .. }));
    assert!(matches!(refused("etcd://u:hunter2@h/x"), OpenError::Options { .. }));
    let error = refused_with(Options::new("etcd://u:hunter2@h").connections(0));
    assert!(matches!(error, OpenError::Options { .. }), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let error = refused("etcd://u:hunter2@127.0.0.1:1,127.0.0.1:2");
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert_eq!(error.to_string(), "no server can be reached at 127.0.0.1:1, 127.0.0.1:2");
}

#[test]
fn a_server_that_says_nothing_carries_nothing_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("etcd://127.0.0.1:{port}");
    let error = refused_with(Options::new(url).patience(Duration::from_millis(300)));
    assert!(matches!(error, OpenError::NoQuorum { .. }), "{error}");
}

#[test]
fn an_old_server_is_refused() {
    let url = answering("200 OK", r#"{"etcdserver":"3.3.27","etcdcluster":"3.3.0"}"#);
    let error = refused(&url);
    assert_eq!(error.to_string(), "the server must be etcd 3.4 or newer, and is 3.3.27");
}

#[test]
fn an_answer_that_names_no_cluster_is_none() {
    let url = answering("200 OK", r#"{"etcdserver":"3.5.0"}"#);
    let error = refused_with(Options::new(url).patience(Duration::from_millis(300)));
    assert!(matches!(error, OpenError::NoQuorum { .. }), "{error}");
}

#[test]
fn what_is_no_etcd_is_refused() {
    let error = refused(&answering("404 Not Found", "Not Found"));
    assert!(matches!(error, OpenError::Server { .. }), "{error}");
    let url = answering("200 OK", "<html>");
    let error = refused_with(Options::new(url).patience(Duration::from_millis(300)));
    assert!(matches!(error, OpenError::NoQuorum { .. }), "{error}");
}

#[test]
fn a_dead_server_in_front_of_others_costs_nothing() {
    let cluster = clusters!().shared();
    let url = cluster.url("second").replace("etcd://", "etcd://127.0.0.1:1,");
    let store = opened(Options::new(url));
    create(&store, "a", b"1");
    assert_eq!(body(&store, "a").as_deref(), Some(b"1".as_slice()));
}

#[test]
fn a_cursor_of_another_kind_of_store_is_refused() {
    let store = clusters!().shared().store("cursors");
    let cursor = Cursor("7/00000001/5 1:1:".into());
    let trouble = block_on(store.changes("", Some(&cursor))).unwrap_err();
    assert!(trouble.is_refused(), "{trouble}");
    is_sentence(&trouble);
}

#[test]
fn what_no_store_wrote_is_told_with_its_key_and_hides_nothing_else() {
    let cluster = clusters!().shared();
    let store = cluster.store("foreign");
    create(&store, "b", b"1");
    cluster.etcdctl(&["put", "foreign/a", "{}"]);
    cluster.etcdctl(&["put", "foreign/\u{1}c", "{}"]);
    let trouble = block_on(store.get("a")).unwrap_err();
    assert_eq!(trouble.to_string(), "a key has what no store of runs wrote: a");
    let page = block_on(store.list("", None)).unwrap();
    assert_eq!(page.entries.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["b"]);
    let changes = block_on(store.changes("", None)).unwrap();
    assert_eq!(changes.changed.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["b"]);
    cluster.etcdctl(&["del", "foreign/a"]);
    assert_eq!(block_on(store.get("a")).unwrap(), None);
}

#[test]
fn a_key_that_is_too_long_is_refused() {
    let store = clusters!().shared().store("keys");
    let key = "k".repeat(4097);
    let trouble = crate::stores::put(&store, &key, b"1", tandem_documents::Expect::Absent);
    let trouble = trouble.unwrap_err();
    assert!(trouble.is_refused(), "{trouble}");
    assert_eq!(trouble.to_string(), "a key may have at most 4096 bytes, and has 4097");
}
