//! The component's face: WIT exports to core calls. What they take and answer are the records of
//! `wit/records`, which the core knows as [`crate::records`].

#[cfg(feature = "blocking")]
mod blocking;
#[cfg(not(feature = "blocking"))]
mod concurrent;

use std::cell::RefCell;
use std::rc::Rc;

use crate::error::Error;
use crate::histories::Histories;
use crate::limits::{Documents, Limits};
use crate::records as wit;
use crate::runs::Registry;
use crate::runs::schedule::RunChannels;
use crate::wasi::Wasi;

/// What all calls share.
#[derive(Clone)]
struct Store {
    limits: Limits,
    storage: Rc<Wasi>,
    registry: Registry,
    documents: Rc<Documents>,
    histories: Rc<Histories<Wasi>>,
}

thread_local! {
    /// Made by the first call.
    static STORE: RefCell<Option<Store>> = const { RefCell::new(None) };
}

impl Store {
    fn new(limits: Limits) -> Self {
        let storage = Rc::new(Wasi::new());
        let documents = Documents::new(limits.total_document_bytes);
        let summaries = Documents::new(limits.summaries_bytes());
        let histories = Rc::new(Histories::new(storage.clone(), summaries));
        Store { limits, storage, registry: Registry::default(), documents, histories }
    }

    fn get() -> Self {
        STORE.with_borrow_mut(|store| {
            store.get_or_insert_with(|| Store::new(Limits::default())).clone()
        })
    }

    /// Makes the store with other limits than the defaults.
    fn set_limits(limits: wit::Limits) -> Result<(), Error> {
        let limits = Limits::new(limits)?;
        STORE.with_borrow_mut(|store| {
            if store.is_some() {
                return Err(Error::invalid_input("limits are set after another call"));
            }
            *store = Some(Store::new(limits));
            Ok(())
        })
    }
}

/// The channels that a request names.
fn channels(request: wit::Request) -> RunChannels {
    RunChannels { manifest: request.manifest, heartbeat: request.heartbeat }
}

/// For tests of what a host makes of it.
#[cfg(feature = "provoke-trap")]
fn provoke_trap(document: &str) {
    if document.contains("provoke-trap") {
        std::arch::wasm32::unreachable();
    }
}
