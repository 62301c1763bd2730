//! The world `tandem`: asynchronous exports, on WASI 0.3.

use super::Shared;
use crate::persister::schedule::Channels;
use crate::persister::{Outcome, Run as Core};
use crate::wasi::Wasi;

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "tandem",
        with: {
            "wasi:clocks/types@0.3.0": wasi::clocks::types,
            "wasi:clocks/monotonic-clock@0.3.0": wasi::clocks::monotonic_clock,
            "wasi:clocks/system-clock@0.3.0": wasi::clocks::system_clock,
            "wasi:filesystem/types@0.3.0": wasi::filesystem::types,
            "wasi:filesystem/preopens@0.3.0": wasi::filesystem::preopens,
            "wasi:random/random@0.3.0": wasi::random::random,
        },
    });
}

pub use bindings::exports::tandem::persistence::{coordinator, persister, types};

struct Component;

bindings::export!(Component with_types_in bindings);

impl persister::Guest for Component {
    type Run = Run;
}

/// The resource `run`.
struct Run(Core<Wasi>);

impl coordinator::Guest for Component {
    async fn record_run(
        summary: String,
        options: coordinator::RecordOptions,
    ) -> Result<coordinator::Recorded, types::Error> {
        Ok(Shared::get().coordinator.record_run(&summary, options.into()).await?.into())
    }

    async fn history(
        options: coordinator::HistoryOptions,
    ) -> Result<coordinator::TaskHistory, types::Error> {
        Ok(Shared::get().coordinator.history(options.into()).await?.into())
    }
}

impl persister::GuestRun for Run {
    async fn open(
        options: persister::Options,
    ) -> Result<(persister::Run, persister::Recovery), types::Error> {
        let Shared { storage, registry, .. } = Shared::get();
        let (run, recovery) = Core::open(storage, &registry, options.into()).await?;
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

    async fn schedule(&self, request: persister::Request) -> Result<types::Receipt, types::Error> {
        let flags = Channels { manifest: request.manifest, heartbeat: request.heartbeat };
        receipt(self.0.schedule(flags, request.force).await)
    }

    async fn flush(&self) -> Result<types::Receipt, types::Error> {
        receipt(self.0.flush().await)
    }

    async fn close(&self) -> Result<types::Receipt, types::Error> {
        receipt(self.0.close().await)
    }

    fn stats(&self) -> persister::Stats {
        self.0.stats().into()
    }
}

fn receipt(outcome: Outcome) -> Result<types::Receipt, types::Error> {
    Ok(outcome?.into())
}
