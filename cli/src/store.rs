//! Stores that several hosts share: opened, and made.

use std::time::Duration;

use tandem_documents::{DocumentsDisk, Settings, Survives};
use tandem_postgres::{OpenError, Options, PostgresDocuments};

use super::access::Access;
use super::plain::sentence;

mod any;

pub use any::AnyDocuments;

/// How the address of a store in PostgreSQL begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// How that of one in etcd does.
#[cfg(feature = "etcd")]
const ETCD: &str = "etcd://";

/// What an address is to be.
#[cfg(feature = "etcd")]
const WANTED: &str = "postgres://... or etcd://...";
#[cfg(not(feature = "etcd"))]
const WANTED: &str = "postgres://...";

/// Opens a store.
///
/// # Errors
/// Why it cannot be used, in one sentence without the address, which may have a password.
pub async fn open(url: &str, access: Access) -> Result<AnyDocuments, String> {
    #[cfg(feature = "etcd")]
    if url.starts_with(ETCD) {
        let store = tandem_etcd::EtcdDocuments::open(tandem_etcd::Options::new(url)).await;
        return store.map(AnyDocuments::Etcd).map_err(|error| sentence(&error));
    }
    let options = match access {
        Access::Read => options(url)?.read_only(),
        Access::Write => options(url)?,
    };
    let store = PostgresDocuments::open(options).await;
    store.map(AnyDocuments::Postgres).map_err(|error| told(&error))
}

/// A disk over a store, which is tried whether it can keep runs.
///
/// # Errors
/// As [`open`].
pub async fn disk(store: AnyDocuments) -> Result<DocumentsDisk<AnyDocuments>, String> {
    DocumentsDisk::open(store).await.map_err(|error| sentence(&error))
}

/// What a store tells all who keep runs in it.
///
/// # Errors
/// As [`open`].
pub async fn settings(store: &AnyDocuments) -> Result<Settings, String> {
    Settings::read(store).await.map_err(|trouble| sentence(&trouble))
}

/// A disk over a store that is only read.
pub fn read(store: AnyDocuments) -> DocumentsDisk<AnyDocuments> {
    // Nothing is written, so what would survive does not count.
    DocumentsDisk::untried(store, Survives::Nothing)
}

/// Makes the tables of a store that has tables, or brings them to what this release needs, and tells
/// it settings.
///
/// # Errors
/// As [`open`].
pub async fn migrate(url: &str, heartbeat_interval: Option<Duration>) -> Result<(), String> {
    if SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        PostgresDocuments::migrate(options(url)?).await.map_err(|error| told(&error))?;
    }
    // That it can be used is to be told in any case.
    let store = open(url, Access::Write).await?;
    let Some(interval) = heartbeat_interval else { return Ok(()) };
    let settings = Settings::default().heartbeat_interval(interval);
    settings.write(&store).await.map_err(|trouble| sentence(&trouble))
}

fn options(url: &str) -> Result<Options, String> {
    if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        let scheme = url.split_once("://").map(|(scheme, _)| format!(", not as {scheme}://..."));
        return Err(format!("a store is told as {WANTED}{}", scheme.unwrap_or_default()));
    }
    Ok(Options::new(url))
}

fn told(error: &OpenError) -> String {
    match error {
        OpenError::NoSchema { schema } => format!(
            "the database has no tables of the store: run `tandem migrate --store URL` to make \
             them in schema {schema}"
        ),
        OpenError::SchemaOlder { schema, found, needed } => format!(
            "the tables of the store are of layout {found}, older than {needed}: run `tandem \
             migrate --store URL` for schema {schema}"
        ),
        error => sentence(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_scheme_is_told_and_nothing_else_of_the_address() {
        let told = options("mysql://me:secret@host/db").err();
        let expected = format!("a store is told as {WANTED}, not as mysql://...");
        assert_eq!(told, Some(expected));
        assert!(options("secret").is_err_and(|told| !told.contains("secret")));
    }
}
