//! The component's face: WIT exports to core calls, core errors to WIT errors.

#[cfg(not(feature = "sync"))]
mod concurrent;
mod convert;
#[cfg(feature = "sync")]
pub mod sync;

#[cfg(not(feature = "sync"))]
use concurrent as world;
#[cfg(feature = "sync")]
use sync as world;

use std::rc::Rc;

use crate::coordinator::Coordinator;
use crate::persister::Registry;
use crate::wasi::Wasi;

/// What all calls share.
#[derive(Clone)]
struct Shared {
    storage: Rc<Wasi>,
    registry: Registry,
    coordinator: Rc<Coordinator<Wasi>>,
}

thread_local! {
    /// Made by the first call.
    static SHARED: Shared = Shared::new();
}

impl Shared {
    fn new() -> Self {
        let storage = Rc::new(Wasi::new());
        let coordinator = Rc::new(Coordinator::new(storage.clone()));
        Shared { storage, registry: Registry::default(), coordinator }
    }

    fn get() -> Self {
        SHARED.with(Shared::clone)
    }
}

/// For tests of what a host makes of it.
#[cfg(feature = "provoke-trap")]
fn provoke_trap(document: &str) {
    if document.contains("provoke-trap") {
        std::arch::wasm32::unreachable();
    }
}
