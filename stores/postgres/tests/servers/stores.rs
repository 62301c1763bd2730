//! Stores on the servers of tests.

use tandem_postgres::{Options, PostgresDocuments};
use tandem_tests::postgres::Server;

/// Opens stores.
pub trait Stores {
    /// A store in a schema of its own, which is made.
    fn store(&self, schema: &str) -> PostgresDocuments;
}

impl Stores for Server<'_> {
    fn store(&self, schema: &str) -> PostgresDocuments {
        opened(Options::new(self.url(schema)))
    }
}

/// A store whose schema is made.
pub fn opened(options: Options) -> PostgresDocuments {
    let store = async {
        PostgresDocuments::migrate(options.clone()).await?;
        PostgresDocuments::open(options).await
    };
    futures::executor::block_on(store).unwrap()
}
