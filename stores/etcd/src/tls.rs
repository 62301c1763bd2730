//! Encrypted connections, and what is checked of the server.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::OpenError;

/// What makes encrypted connections.
pub(crate) type Connector = TlsConnector;

/// The files of PEM that an address names.
pub(crate) struct Files<'a> {
    /// The certificates that the server's must come from.
    pub roots: &'a str,
    /// A certificate of one's own, and its key.
    pub own: Option<(&'a str, &'a str)>,
}

type Wrong = Box<dyn Error + Send + Sync>;

/// What makes connections to servers whose certificates come from the roots and name the host.
pub(crate) fn connector(files: &Files<'_>) -> Result<Connector, OpenError> {
    let of = |what: &'static str, path: &str| {
        let path = path.to_owned();
        move |source: Wrong| OpenError::File { what, path, source }
    };
    let roots =
        roots(Path::new(files.roots)).map_err(of("file of root certificates", files.roots))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Options { rule: error.to_string() })?
        .with_root_certificates(roots);
    let mut config = match files.own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(Path::new(certificate))
                .map_err(of("file of the own certificate", certificate))?;
            let of_key = of("file of the own key", key);
            match PrivateKeyDer::from_pem_file(key) {
                Ok(own) => {
                    config.with_client_auth_cert(chain, own).map_err(|e| of_key(e.into()))?
                }
                Err(error) => return Err(of_key(error.into())),
            }
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a file, one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let certificates = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    match certificates.is_empty() {
        true => Err("it has no certificate in PEM".into()),
        false => Ok(certificates),
    }
}

fn roots(path: &Path) -> Result<RootCertStore, Wrong> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}
