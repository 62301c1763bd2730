//! The component's exports, as its thread calls them.

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::Scheduled;
use super::instance::{Instance, Live};
use crate::driver::indented_len;
use crate::error::Error;
use crate::glue::linker::State;
use crate::glue::sync::bindings::{TandemSync, persister, tandem_types};
use crate::glue::sync::linker::SyncFilesystem;
use crate::options::{HistoryOptions, RecordOptions, Request, RunOptions};
use crate::report::{History, Receipt, Recorded, Recovery, Stats};

/// A run that one component holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// The component's number: a later one knows nothing of the run.
    pub generation: u64,
    /// The run's number.
    pub run: u64,
    pub resource: ResourceAny,
    pub document_bytes_max: u64,
}

/// What can be asked of the component; erases the type of the disk.
pub(super) trait Calls {
    fn open(&mut self, options: RunOptions) -> Result<(Held, Recovery), Error>;
    fn set_manifest(&mut self, held: Held, document: String) -> Result<(), Error>;
    fn merge_manifest(&mut self, held: Held, patch: String) -> Result<(), Error>;
    fn schedule(&mut self, held: Held, request: Request) -> Result<Scheduled, Error>;
    fn flush(&mut self, held: Held) -> Result<Receipt, Error>;
    fn close(&mut self, held: Held) -> Result<Receipt, Error>;
    fn stats(&mut self, held: Held) -> Result<Stats, Error>;
    /// Closes the run and forgets it; nobody is left to be told.
    fn drop_run(&mut self, held: Held);
    fn record_run(&mut self, options: RecordOptions, summary: String) -> Result<Recorded, Error>;
    fn history(&mut self, options: HistoryOptions) -> Result<History, Error>;
}

/// What a call came to: a trap outside, the component's own error inside.
type Called<T> = wasmtime::Result<Result<T, tandem_types::Error>>;

impl<F: SyncFilesystem> Instance<F> {
    /// Makes a call; a trap ends the component.
    fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Store<State<F>>, &TandemSync) -> Called<T>,
    ) -> Result<T, Error> {
        let Live { store, tandem } = self.live()?;
        match call(store, tandem) {
            Ok(result) => Ok(result?),
            Err(trap) => Err(self.failed(trap)),
        }
    }

    fn call_run<T>(
        &mut self,
        held: Held,
        call: impl FnOnce(&mut Store<State<F>>, persister::GuestRun<'_>, ResourceAny) -> Called<T>,
    ) -> Result<T, Error> {
        self.check(held)?;
        self.call(|store, tandem| {
            let guest = tandem.tandem_persistence_sync_persister();
            call(store, guest.run(), held.resource)
        })
    }

    /// What is known now of the size of the document.
    fn written(&mut self, held: Held, receipt: Receipt) -> Receipt {
        if let Some(manifest) = receipt.manifest {
            self.accounts.set(held.run, manifest.bytes);
        }
        receipt
    }
}

impl<F: SyncFilesystem> Calls for Instance<F> {
    fn open(&mut self, options: RunOptions) -> Result<(Held, Recovery), Error> {
        let bounds = self.bounds();
        let document_bytes_max = options.max_document_bytes.unwrap_or(bounds.document_bytes);
        // The document on the disk is known only when it is there.
        self.accounts.admit(self.next_run, document_bytes_max, bounds)?;
        let (resource, recovery) = self.call(|store, tandem| {
            let guest = tandem.tandem_persistence_sync_persister();
            guest.run().call_open(store, &options.into())
        })?;
        let recovery = Recovery::from(recovery);
        let held =
            Held { generation: self.generation, run: self.next_run, resource, document_bytes_max };
        self.next_run += 1;
        self.accounts.set(held.run, recovery.document.as_ref().map_or(0, |text| text.len() as u64));
        Ok((held, recovery))
    }

    fn set_manifest(&mut self, held: Held, document: String) -> Result<(), Error> {
        let bytes = indented_len(&document).min(held.document_bytes_max);
        self.accounts.admit(held.run, bytes, self.bounds())?;
        self.call_run(held, |store, run, resource| {
            run.call_set_manifest(store, resource, &document)
        })?;
        self.accounts.set(held.run, bytes);
        Ok(())
    }

    fn merge_manifest(&mut self, held: Held, patch: String) -> Result<(), Error> {
        let grown = self.accounts.of(held.run).saturating_add(indented_len(&patch));
        let bytes = grown.min(held.document_bytes_max);
        self.accounts.admit(held.run, bytes, self.bounds())?;
        self.call_run(held, |store, run, resource| {
            run.call_merge_manifest(store, resource, &patch)
        })?;
        self.accounts.set(held.run, bytes);
        Ok(())
    }

    fn schedule(&mut self, held: Held, request: Request) -> Result<Scheduled, Error> {
        let scheduled = self.call_run(held, |store, run, resource| {
            run.call_schedule(store, resource, request.into())
        })?;
        Ok(Scheduled {
            receipt: self.written(held, scheduled.receipt.into()),
            call_again_in_ms: scheduled.call_again_in_ms,
        })
    }

    fn flush(&mut self, held: Held) -> Result<Receipt, Error> {
        let receipt =
            self.call_run(held, |store, run, resource| run.call_flush(store, resource))?;
        Ok(self.written(held, receipt.into()))
    }

    fn close(&mut self, held: Held) -> Result<Receipt, Error> {
        let receipt =
            self.call_run(held, |store, run, resource| run.call_close(store, resource))?;
        Ok(self.written(held, receipt.into()))
    }

    fn stats(&mut self, held: Held) -> Result<Stats, Error> {
        let stats =
            self.call_run(held, |store, run, resource| Ok(Ok(run.call_stats(store, resource)?)))?;
        Ok(stats.into())
    }

    fn drop_run(&mut self, held: Held) {
        if self.check(held).is_err() {
            return;
        }
        let _ = self.close(held);
        let _ = self.call_run(held, |store, _, run| Ok(Ok(run.resource_drop(store)?)));
        self.accounts.remove(held.run);
    }

    fn record_run(&mut self, options: RecordOptions, summary: String) -> Result<Recorded, Error> {
        let recorded = self.call(|store, tandem| {
            let guest = tandem.tandem_persistence_sync_coordinator();
            guest.call_record_run(store, &summary, &options.into())
        })?;
        Ok(recorded.into())
    }

    fn history(&mut self, options: HistoryOptions) -> Result<History, Error> {
        let history = self.call(|store, tandem| {
            let guest = tandem.tandem_persistence_sync_coordinator();
            guest.call_history(store, &options.into())
        })?;
        Ok(history.into())
    }
}
