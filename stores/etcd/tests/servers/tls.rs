//! Encrypted connections, and what is checked of the server.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use futures::executor::block_on;
use tandem_etcd::{EtcdDocuments, OpenError, Options};
use tandem_tests::clusters;

use crate::stores::{body, create};

/// Makes an authority, and by it a certificate for `localhost` alone and one for a client; false
/// without openssl.
fn certificates(directory: &Path) -> bool {
    let openssl = |arguments: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args(arguments.split(' ')).current_dir(directory);
        openssl.stdout(Stdio::null()).stderr(Stdio::null());
        openssl.status().is_ok_and(|status| status.success())
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    fs::write(directory.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let signed = |name: &str| {
        openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"))
            && openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile names"
            ))
    };
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ours -days 2"))
        && openssl(&format!(
            "req -x509 {key} -keyout other.key -out other.pem -subj /CN=others -days 2"
        ))
        && signed("server")
        && signed("client")
}

#[test]
fn what_is_checked_of_a_server_is_what_the_address_says() {
    let installed = clusters!();
    let place = tempfile::tempdir().unwrap();
    if !certificates(place.path()) {
        eprintln!("ignored: there is no openssl to make certificates");
        return;
    }
    let at = |name: &str| place.path().join(name).display().to_string();
    let (certificate, key, roots) = (at("server.pem"), at("server.key"), at("ca.pem"));
    let encrypted = ["--cert-file", &certificate, "--key-file", &key];
    let server = installed.start_with(1, &encrypted, "https");
    let port = server.nodes[0].port;
    let open = |port: u16, host: &str, options: &str| {
        let url = format!("etcd://{host}:{port}?{options}");
        block_on(EtcdDocuments::open(Options::new(url)))
    };
    let full = format!("tls=verify-full&cacert={roots}");
    let store = open(port, "localhost", &full).unwrap();
    create(&store, "a", b"1");
    assert_eq!(body(&store, "a").as_deref(), Some(b"1".as_slice()));
    let (changed, _) = crate::kept::follow(&store, "", None);
    assert_eq!(changed.len(), 1);

    let is_refused = |opened: Result<_, OpenError>| match opened {
        Err(error @ OpenError::Tls { .. }) => crate::bad_input::is_sentence(&error),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is open"),
    };
    // Another name, another authority.
    is_refused(open(port, "127.0.0.1", &full));
    is_refused(open(port, "localhost", &format!("tls=verify-full&cacert={}", at("other.pem"))));
    // A server that cannot, where it must; and the other way around.
    let plain = installed.shared();
    is_refused(open(plain.nodes[0].port, "localhost", &full));
    assert!(open(port, "localhost", "tls=off").is_err());
    // A file without certificates.
    let error = open(port, "localhost", &format!("tls=verify-full&cacert={}", at("names")));
    let error = error.unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");

    // A server that wants to see who comes.
    let mut careful = encrypted.to_vec();
    careful.extend(["--client-cert-auth", "--trusted-ca-file", &roots]);
    let careful = installed.start_with(1, &careful, "https");
    let port = careful.nodes[0].port;
    assert!(open(port, "localhost", &full).is_err());
    let known = format!("{full}&cert={}&key={}", at("client.pem"), at("client.key"));
    create(&open(port, "localhost", &known).unwrap(), "a", b"1");
    let error = open(port, "localhost", &format!("{full}&cert={roots}&key={roots}")).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");
}
