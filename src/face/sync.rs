//! The world `tandem-sync`: exports that block until they are done, on WASI 0.2.

use super::Shared;
use crate::persister::Run as Core;
use crate::persister::schedule::Channels;
use crate::wasi::{Wasi, block_on};

/// What the imports of the world became, for `crate::wasi`.
pub use bindings::wasi;

#[allow(warnings, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "wit/sync", world: "tandem-sync", generate_all });
}

pub use bindings::exports::tandem::persistence_sync::{coordinator, persister, types};

struct Component;

bindings::export!(Component with_types_in bindings);

impl persister::Guest for Component {
    type Run = Run;
}

/// The resource `run`.
struct Run(Core<Wasi>);

impl coordinator::Guest for Component {
    fn record_run(
        summary: String,
        options: coordinator::RecordOptions,
    ) -> Result<coordinator::Recorded, types::Error> {
        let coordinator = Shared::get().coordinator;
        Ok(block_on(coordinator.record_run(&summary, options.into()))?.into())
    }

    fn history(
        options: coordinator::HistoryOptions,
    ) -> Result<coordinator::TaskHistory, types::Error> {
        Ok(block_on(Shared::get().coordinator.history(options.into()))?.into())
    }
}

impl persister::GuestRun for Run {
    fn open(
        options: persister::Options,
    ) -> Result<(persister::Run, persister::Recovery), types::Error> {
        let Shared { storage, registry, .. } = Shared::get();
        let (run, recovery) = block_on(Core::open(storage, &registry, options.into()))?;
        Ok((persister::Run::new(Run(run)), recovery.into()))
    }

    fn set_manifest(&self, document: String) -> Result<(), types::Error> {
        #[cfg(feature = "provoke-trap")]
        super::provoke_trap(&document);
        Ok(self.0.set_manifest(&document)?)
    }

    fn merge_manifest(&self, patch: String) -> Result<(), types::Error> {
        Ok(self.0.merge_manifest(&patch)?)
    }

    fn schedule(&self, request: persister::Request) -> Result<persister::Scheduled, types::Error> {
        let flags = Channels { manifest: request.manifest, heartbeat: request.heartbeat };
        let scheduled = block_on(self.0.schedule_now(flags, request.force))?;
        Ok(persister::Scheduled {
            receipt: scheduled.receipt.into(),
            call_again_in_ms: scheduled.call_again_in_ms,
        })
    }

    fn flush(&self) -> Result<types::Receipt, types::Error> {
        Ok(block_on(self.0.schedule_now(Channels::NONE, true))?.receipt.into())
    }

    fn close(&self) -> Result<types::Receipt, types::Error> {
        Ok(block_on(self.0.close())?.into())
    }

    fn stats(&self) -> persister::Stats {
        self.0.stats().into()
    }
}
