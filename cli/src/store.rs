//! Stores that several hosts share: opened, and made.

use std::error::Error;

use tandem_documents::{DocumentsDisk, Survives};
use tandem_postgres::{OpenError, Options, PostgresDocuments};

/// How the address of a store begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Opens a store, and tries whether it can keep runs.
///
/// # Errors
/// Why it cannot be used, in one sentence without the address, which may have a password.
pub async fn open(url: &str) -> Result<DocumentsDisk<PostgresDocuments>, String> {
    let store = PostgresDocuments::open(options(url)?).await.map_err(|error| told(&error))?;
    DocumentsDisk::open(store).await.map_err(|error| sentence(&error))
}

/// Opens a store that is only read.
///
/// # Errors
/// As [`open`].
pub async fn read(url: &str) -> Result<DocumentsDisk<PostgresDocuments>, String> {
    let store = PostgresDocuments::open(options(url)?).await.map_err(|error| told(&error))?;
    // Nothing is written, so what would survive does not count.
    Ok(DocumentsDisk::untried(store, Survives::Nothing))
}

/// Makes the tables of a store, or brings them to what this release needs.
///
/// # Errors
/// As [`open`].
pub async fn migrate(url: &str) -> Result<(), String> {
    PostgresDocuments::migrate(options(url)?).await.map_err(|error| told(&error))
}

fn options(url: &str) -> Result<Options, String> {
    if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        let scheme = url.split_once("://").map(|(scheme, _)| format!(", not as {scheme}://..."));
        return Err(format!("a store is told as postgres://...{}", scheme.unwrap_or_default()));
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

/// An error with all its causes.
fn sentence(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_scheme_is_told_and_nothing_else_of_the_address() {
        let told = options("mysql://me:secret@host/db").err();
        let expected = "a store is told as postgres://..., not as mysql://...";
        assert_eq!(told.as_deref(), Some(expected));
        assert!(options("secret").is_err_and(|told| !told.contains("secret")));
    }
}
