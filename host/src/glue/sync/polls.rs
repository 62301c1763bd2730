//! `wasi:io/poll`, in which the component waits and does not compute.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::sync::io::poll;

use crate::engine::Watchdog;

/// Selects [`Polls`] in a store's data.
pub(super) struct Waiting;

impl HasData for Waiting {
    type Data<'a> = Polls<'a>;
}

/// wasmtime's own pollables. The watchdog, which counts for how long the component computes, starts
/// anew after each wait.
pub(super) struct Polls<'a> {
    pub table: &'a mut ResourceTable,
    pub watchdog: &'a Arc<Watchdog>,
}

impl poll::Host for Polls<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let ready = poll::Host::poll(self.table, pollables);
        self.watchdog.reset();
        ready
    }
}

impl poll::HostPollable for Polls<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        poll::HostPollable::ready(self.table, pollable)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        poll::HostPollable::block(self.table, pollable)?;
        self.watchdog.reset();
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        poll::HostPollable::drop(self.table, pollable)
    }
}
