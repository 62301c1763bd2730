//! Which component is played, and all that differs between the two.

use wasmtime::component::Component;

use crate::guest::RUNS;
use crate::sim::Model;
use tandem_host::testing::DiskOperation;

/// A version of WASI, and with it a component, and what its files stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WasiWorld {
    /// WASI 0.3: calls of one instance are under way side by side, and so are their disk calls.
    Concurrent,
    /// WASI 0.2: one call at a time, and nothing goes on between calls. Only writes are under way
    /// side by side, each other disk call stops the instance.
    Blocking,
    /// WASI 0.3, with the documents of a store that hosts share in the place of files.
    Documents,
}

impl WasiWorld {
    /// This build's component.
    pub(super) fn component(self) -> &'static [u8] {
        match self {
            WasiWorld::Concurrent | WasiWorld::Documents => tandem_components::TANDEM,
            WasiWorld::Blocking => tandem_components::TANDEM_BLOCKING,
        }
    }

    /// Whether a caller can go away while its call is under way, and several calls of an instance
    /// can wait for the disk.
    pub(super) fn has_calls_at_once(self) -> bool {
        self != WasiWorld::Blocking
    }

    /// Whether its files are documents. There a lost answer is looked for, so which failure a call
    /// tells does not follow from one request that failed.
    pub(super) fn has_documents(self) -> bool {
        self == WasiWorld::Documents
    }

    /// What a power loss may leave: of a store everything that was answered.
    pub(super) fn models(self) -> Vec<Model> {
        match self {
            WasiWorld::Concurrent | WasiWorld::Blocking => Model::ALL.to_vec(),
            WasiWorld::Documents => vec![Model::STORE],
        }
    }

    /// The first disk call of a file's replacement that the component begins for both files before it
    /// waits for either.
    pub(super) fn begun_together(self) -> DiskOperation {
        match self {
            WasiWorld::Concurrent => DiskOperation::CreateFile,
            WasiWorld::Blocking => DiskOperation::Write,
            WasiWorld::Documents => DiskOperation::Rename,
        }
    }

    /// Whether a component may be played in this world.
    ///
    /// # Errors
    /// It is the one of the other world.
    pub(super) fn check(self, component: &Component) -> wasmtime::Result<()> {
        let other = match self {
            WasiWorld::Concurrent | WasiWorld::Documents => WasiWorld::Blocking,
            WasiWorld::Blocking => WasiWorld::Concurrent,
        };
        let exports = |world: WasiWorld| component.get_export_index(None, world.runs()).is_some();
        if exports(other) && !exports(self) {
            let (own, other) = (self.wasi(), other.wasi());
            let sentence = format!("it is the component for {other}, not the one for {own}");
            return Err(wasmtime::Error::msg(sentence));
        }
        Ok(())
    }

    /// The interface by which a component is known.
    fn runs(self) -> &'static str {
        match self {
            WasiWorld::Concurrent | WasiWorld::Documents => "tandem:persistence/runs@0.1.0",
            WasiWorld::Blocking => RUNS,
        }
    }

    fn wasi(self) -> &'static str {
        match self {
            WasiWorld::Concurrent | WasiWorld::Documents => "WASI 0.3",
            WasiWorld::Blocking => "WASI 0.2",
        }
    }
}
