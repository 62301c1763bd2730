//! What every store of documents must hold.

use futures::executor::block_on;
use tandem_documents::contract;
use tandem_postgres::Options;

use crate::stores::Stores as _;
use tandem_tests::servers;

#[test]
fn the_store_holds_what_every_store_must() {
    let server = servers!().shared();
    let store = server.store("contract");
    let broken = block_on(contract::check(&store, "contract/1"));
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn with_confirmed_reads_too() {
    let server = servers!().shared();
    let store = crate::stores::opened(Options::new(server.url("confirmed")).confirms_reads(true));
    let broken = block_on(contract::check(&store, "contract/1"));
    assert!(broken.is_empty(), "{broken:#?}");
}
