//! Encrypted connections, and what is checked of the server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use futures::executor::block_on;
use tandem_postgres::{OpenError, Options, PostgresDocuments};

use crate::stores::Stores as _;
use tandem_tests::servers;

/// Makes an authority, and by it a certificate for `localhost` alone; false without openssl.
fn certificates(directory: &Path) -> bool {
    let openssl = |arguments: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args(arguments.split(' ')).current_dir(directory);
        openssl
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    fs::write(directory.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ours -days 2"))
        && openssl(&format!(
            "req -x509 {key} -keyout other.key -out other.pem -subj /CN=others -days 2"
        ))
        && openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"))
        && openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
        )
}

#[test]
fn what_is_checked_of_a_server_is_what_the_mode_says() {
    let installed = servers!();
    let plain = installed.shared();
    let directory = installed.directory();
    if !certificates(&directory) {
        eprintln!("ignored: there is no openssl to make certificates");
        return;
    }
    installed.own(&directory.join("server.key"));
    fs::set_permissions(directory.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let at = |name: &str| directory.join(name).display().to_string();
    let (certificate, key) = (at("server.pem"), at("server.key"));
    let settings =
        [format!("ssl_cert_file={certificate}"), format!("ssl_key_file={key}"), "ssl=on".into()];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let server = installed.start(&settings);
    server.sql("create role careful superuser login password 'secret'");
    drop(server.store("tandem"));

    let open = |host: &str, options: &str| {
        let port = server.port;
        let url = format!(
            "postgres://careful:secret@{host}:{port}/postgres?hostaddr=127.0.0.1&{options}"
        );
        block_on(PostgresDocuments::open(Options::new(url)))
    };
    let full = format!("sslmode=verify-full&sslrootcert={}", at("ca.pem"));
    let encrypted = "select string_agg(distinct ssl::text, ',') from pg_stat_ssl
        join pg_stat_activity using (pid) where usename = 'careful'";
    for (options, is_encrypted) in [
        ("sslmode=disable", "false"),
        ("sslmode=prefer", "true"),
        ("sslmode=require", "true"),
        (full.as_str(), "true"),
    ] {
        let store = open("localhost", options).unwrap();
        assert_eq!(server.sql(encrypted), is_encrypted, "{options}");
        drop(store);
        tandem_tests::postgres::wait_until("its sessions have ended", || {
            server.sql(encrypted).is_empty()
        });
    }
    let is_refused = |opened: Result<_, OpenError>| match opened {
        Err(OpenError::Tls { .. }) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is open"),
    };
    // Another name, another authority.
    is_refused(open("elsewhere", &full));
    is_refused(open("localhost", &format!("sslmode=verify-full&sslrootcert={}", at("other.pem"))));
    // Nothing of both is checked without.
    assert!(open("elsewhere", "sslmode=require").is_ok());
    // A server that cannot, where it must.
    let url = format!(
        "postgres://admin@localhost:{}/postgres?hostaddr=127.0.0.1&sslmode=require",
        plain.port
    );
    is_refused(block_on(PostgresDocuments::open(Options::new(url))));
    // A file without certificates.
    let error =
        open("localhost", &format!("sslmode=verify-full&sslrootcert={}", at("names"))).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");
    drop(fs::remove_dir_all(&directory));
}
