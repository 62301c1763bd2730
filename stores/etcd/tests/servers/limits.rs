//! What servers refuse, told as such: too large a body, no space.

use std::sync::Arc;
use std::thread;

use futures::executor::block_on;
use tandem_documents::{Documents, Expect, Trouble, Write};
use tandem_etcd::Options;
use tandem_host::disk::ErrorCode;
use tandem_tests::clusters;

use crate::stores::{Stores as _, body, create, noise, opened, put};

fn is_refused(trouble: &Trouble, code: ErrorCode) {
    assert!(trouble.is_refused(), "{trouble}");
    assert_eq!(trouble.code(), code);
}

#[test]
fn a_body_that_is_too_large_is_told_with_its_bytes() {
    let cluster = clusters!().shared();
    let store = cluster.store("large");
    let large = noise(1_500_000);
    create(&store, "a", &large);
    assert!(body(&store, "a").as_deref() == Some(&large[..]));

    // The store's own limit, then the server's, of which it says so itself or by gRPC.
    let trouble = put(&store, "b", &noise(1_572_865), Expect::Absent).unwrap_err();
    is_refused(&trouble, ErrorCode::FileTooLarge);
    assert_eq!(
        trouble.to_string(),
        "a document may have at most 1572864 bytes, and has 1572865: b"
    );
    let store = opened(Options::new(cluster.url("large")).body_bytes_max(16 << 20));
    for bytes in [1_572_864, 1_800_000, 5_000_000] {
        let trouble = put(&store, "b", &noise(bytes), Expect::Absent).unwrap_err();
        is_refused(&trouble, ErrorCode::FileTooLarge);
        let expected =
            format!("the server takes no request as large as for a document of {bytes} bytes: b");
        assert_eq!(trouble.to_string(), expected);
    }
    assert_eq!(body(&store, "b"), None);
    // Nothing was harmed.
    create(&store, "b", b"1");

    let half: Arc<[u8]> = noise(800_000).into();
    let write = |key: &str| Write {
        key: key.into(),
        body: Some(half.clone()),
        expect: Expect::Absent,
        modified: None,
    };
    let trouble = block_on(store.replace_all(vec![write("c"), write("d")])).unwrap_err();
    is_refused(&trouble, ErrorCode::FileTooLarge);
    assert!(trouble.to_string().ends_with(": 1600000"), "{trouble}");
    assert_eq!(body(&store, "c"), None);
}

#[test]
fn large_documents_are_listed_and_followed_in_parts() {
    let store = clusters!().shared().store("parts");
    let large = noise(1_400_000);
    let names: Vec<String> = (10..20).map(|n| format!("k/{n}")).collect();
    for name in &names {
        create(&store, name, &large);
    }
    let (mut keys, mut after, mut parts) = (Vec::new(), None, 0);
    loop {
        let page = block_on(store.list("k/", after.as_deref())).unwrap();
        parts += 1;
        keys.extend(page.entries.into_iter().map(|entry| entry.key));
        after = keys.last().cloned();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(keys, names);
    assert!(parts > 1);
    let (changed, cursor) = crate::kept::follow(&store, "k/", None);
    assert_eq!(changed.len(), names.len());
    // Behind it come more bytes than one answer of a watch has.
    for n in 0..8 {
        create(&store, &format!("k/new-{n}"), &large);
    }
    let mut told = 0;
    let mut cursor = cursor;
    while told < 8 {
        let changes = block_on(store.changes("k/", Some(&cursor))).unwrap();
        assert!(!changes.is_anew);
        for changed in &changes.changed {
            assert!(changed.document.body.as_deref() == Some(&large[..]), "{}", changed.key);
        }
        told += changes.changed.len();
        cursor = changes.next;
    }
}

#[test]
fn no_space_is_told_and_nothing_acknowledged_is_lost() {
    let cluster = clusters!().start(1, &["--quota-backend-bytes", "16777216"]);
    let store = cluster.store("tandem");
    let large = noise(400_000);
    // Several at once: a server that has let some in may find no space when it carries them out.
    let fill = |writer: usize| {
        let mut made = Vec::new();
        loop {
            let key = format!("{writer}/{}", made.len());
            match put(&store, &key, &large, Expect::Absent) {
                Ok(version) => assert!(version.is_some()),
                Err(trouble) => return (made, key, trouble),
            }
            made.push(key);
            assert!(made.len() < 100);
        }
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let fill = &fill;
        let writers: Vec<_> = (0..8).map(|writer| scope.spawn(move || fill(writer))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let mut made = 0;
    for (keys, last, trouble) in outcomes {
        is_refused(&trouble, ErrorCode::InsufficientSpace);
        assert_eq!(trouble.to_string(), "the server has no space left");
        for key in &keys {
            assert!(body(&store, key).as_deref() == Some(&large[..]), "{key}");
        }
        // What is refused was not made, though the server says the same of what it has made.
        assert_eq!(body(&store, &last), None, "{last}");
        made += keys.len();
    }
    eprintln!("{made} documents of 400 kB were made before there was no space");
    assert!(made > 5);
    // Who opens it now can read.
    let reader = cluster.store("tandem");
    assert!(body(&reader, "0/0").is_some());
    let trouble = put(&store, "small", b"1", Expect::Absent).unwrap_err();
    is_refused(&trouble, ErrorCode::InsufficientSpace);
}
