use std::sync::Arc;

use futures::FutureExt;
use wasmtime::component::Resource;

use super::bindings::wasi::filesystem::preopens::Host as _;
use super::bindings::wasi::filesystem::types::{
    DescriptorFlags, HostDescriptor, OpenFlags, PathFlags,
};
use super::bindings::wasi::io::streams::HostOutputStream;
use super::*;
use crate::sim::{Model, SimDisk};

#[test]
fn a_write_that_nobody_waits_for_is_waited_for_in_the_end() {
    let disk = SimDisk::new(Model::find("xfs").expect("a model"), 1);
    let mut granted = Granted::new(Arc::new(disk.clone()), disk.clone());
    let (root, _) = granted.get_directories().expect("a table").remove(0);
    let flags = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    let access = DescriptorFlags::WRITE;
    let opened = granted.open_at(root, PathFlags::empty(), "a".to_owned(), flags, access);
    let file = opened.now_or_never().expect("an answer").expect("a table").expect("a file");
    let stream = granted.write_via_stream(file, 0).expect("a table").expect("a stream");

    disk.hold();
    let stream = Resource::<Writing>::new_borrow(stream.rep());
    let written = HostOutputStream::write(&mut granted, stream, b"new".to_vec());
    written.expect("a permitted write").expect("a write that began");
    let mut settled = Box::pin(granted.settled());
    assert!((&mut settled).now_or_never().is_none());
    disk.complete(disk.waiting()[0].id, None);
    assert!((&mut settled).now_or_never().is_some());
    assert_eq!(disk.content("a"), Some(b"new".to_vec()));
}
