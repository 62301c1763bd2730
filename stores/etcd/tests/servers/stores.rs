//! Stores in the clusters of tests.

use std::sync::Arc;

use futures::executor::block_on;
use tandem_documents::{Documents, Expect, Level, Trouble, Version};
use tandem_etcd::{EtcdDocuments, Options};
use tandem_tests::etcd::Cluster;

/// Opens stores.
pub trait Stores {
    /// A store with a prefix of its own.
    fn store(&self, prefix: &str) -> EtcdDocuments;
}

impl Stores for Cluster {
    fn store(&self, prefix: &str) -> EtcdDocuments {
        opened(Options::new(self.url(prefix)))
    }
}

pub fn opened(options: Options) -> EtcdDocuments {
    block_on(EtcdDocuments::open(options)).unwrap()
}

/// Writes a body.
pub fn put(
    store: &EtcdDocuments,
    key: &str,
    body: &[u8],
    expect: Expect,
) -> Result<Option<Version>, Trouble> {
    block_on(store.replace(key, Some(Arc::from(body)), expect, Level::Durable))
}

/// Creates a document.
pub fn create(store: &EtcdDocuments, key: &str, body: &[u8]) -> Version {
    put(store, key, body, Expect::Absent).unwrap().unwrap()
}

/// The body at a key.
pub fn body(store: &EtcdDocuments, key: &str) -> Option<Arc<[u8]>> {
    block_on(store.get(key)).unwrap().and_then(|document| document.body)
}

/// Bytes that no compression makes less.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(&mut byte).take(len).collect()
}
