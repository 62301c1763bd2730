//! Users: who may not is told, and whose token is lost gets another one.

use futures::executor::block_on;
use tandem_documents::{Documents, Expect};
use tandem_etcd::{OpenError, Options};
use tandem_host::disk::ErrorCode;
use tandem_tests::clusters;

use crate::bad_input::refused;
use crate::stores::{body, create, opened, put};

const ROOT: [&str; 2] = ["--user", "root:hunter2"];

#[test]
fn users_can_do_what_they_were_granted() {
    let cluster = clusters!().start(1, &[]);
    let url = cluster.url("tandem");
    let at = |user: &str| url.replace("etcd://", &format!("etcd://{user}@"));
    // Nobody is checked yet: a user is as good as none.
    create(&opened(Options::new(at("anybody:hunter2"))), "before", b"1");

    for arguments in [
        "user add root:hunter2",
        "role add keeps",
        "role grant-permission keeps --prefix=true readwrite tandem/",
        "role add looks",
        "role grant-permission looks --prefix=true read tandem/",
        "role add elsewhere",
        "role grant-permission elsewhere --prefix=true readwrite other/",
        "user add keeper:hunter2",
        "user grant-role keeper keeps",
        "user add looker:hunter2",
        "user grant-role looker looks",
        "user add other:hunter2",
        "user grant-role other elsewhere",
        "user grant-role root root",
        "auth enable",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        // The role of the superuser is made with its user in some releases, and not in others.
        if arguments[..] == ["user", "grant-role", "root", "root"] {
            continue;
        }
        cluster.etcdctl(&arguments);
    }

    let store = opened(Options::new(at("keeper:hunter2")));
    assert_eq!(body(&store, "before").as_deref(), Some(b"1".as_slice()));
    let version = create(&store, "a", b"1");
    let promise = block_on(store.promise()).unwrap();
    assert!(!promise.because.is_empty());
    let (changed, cursor) = crate::kept::follow(&store, "", None);
    assert_eq!(changed.len(), 2);

    // No user, an unknown one, a wrong password.
    for user in ["nobody:hunter2@", "keeper:hunter22@", ""] {
        let error = refused(&url.replace("etcd://", &format!("etcd://{user}")));
        assert!(matches!(error, OpenError::Password { .. }), "{user}: {error}");
    }
    let error = refused(&at("looker:hunter2"));
    let expected = "the user lacks the privilege to write keys with prefix tandem/";
    assert_eq!(error.to_string(), expected);
    let error = refused(&at("other:hunter2"));
    let expected = "the user lacks the privilege to read keys with prefix tandem/";
    assert_eq!(error.to_string(), expected);

    // A server that was started anew knows no token of before.
    cluster.nodes[0].kill();
    cluster.start(0);
    assert_eq!(body(&store, "a").as_deref(), Some(b"1".as_slice()));
    let version = put(&store, "a", b"2", Expect::Is(version)).unwrap().unwrap();
    let changes = block_on(store.changes("", Some(&cursor))).unwrap();
    assert_eq!(changes.changed.len(), 1);

    // What was granted is taken back while the store is open.
    let revoke = ["role", "revoke-permission", "keeps", "--prefix=true", "tandem/"];
    cluster.etcdctl(&[&ROOT[..], &revoke].concat());
    let trouble = put(&store, "a", b"3", Expect::Is(version)).unwrap_err();
    assert!(trouble.is_refused(), "{trouble}");
    assert_eq!(trouble.code(), ErrorCode::Access);
    assert_eq!(trouble.to_string(), "the user of the store lacks a privilege");
}
