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

use std::sync::Arc;

use atomic_refcell::AtomicRefCell;

use crate::coordinator::Coordinator;
use crate::persister::Registry;
use crate::wasi::Wasi;

/// What all calls share.
#[derive(Clone)]
struct Shared {
    storage: Arc<Wasi>,
    registry: Registry,
    coordinator: Arc<Coordinator<Wasi>>,
}

/// Made by the first call. A static must be `Sync` even where there is one thread, and `core` has no
/// `thread_local!`: hence `Arc` and `AtomicRefCell` for what it reaches.
static SHARED: AtomicRefCell<Option<Shared>> = AtomicRefCell::new(None);

impl Shared {
    fn new() -> Self {
        let storage = Arc::new(Wasi::new());
        let coordinator = Arc::new(Coordinator::new(storage.clone()));
        Shared { storage, registry: Registry::default(), coordinator }
    }

    fn get() -> Self {
        SHARED.borrow_mut().get_or_insert_with(Shared::new).clone()
    }
}

/// For tests of what a host makes of it. `contains` would make the component too large.
#[cfg(feature = "provoke-trap")]
fn provoke_trap(document: &str) {
    if document.as_bytes().windows(12).any(|text| text == b"provoke-trap") {
        std::arch::wasm32::unreachable();
    }
}
