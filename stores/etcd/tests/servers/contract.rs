//! What every store of documents must hold.

use futures::executor::block_on;
use tandem_documents::contract;
use tandem_tests::clusters;

use crate::stores::Stores as _;

#[test]
fn the_store_holds_what_every_store_must_on_one_server() {
    let store = clusters!().shared().store("contract");
    let broken = block_on(contract::check(&store, "contract/1"));
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_store_holds_what_every_store_must_on_three_nodes() {
    let cluster = clusters!().start(3, &[]);
    let store = cluster.store("contract");
    let broken = block_on(contract::check(&store, "contract/1"));
    assert!(broken.is_empty(), "{broken:#?}");
}
