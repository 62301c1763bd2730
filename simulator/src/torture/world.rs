//! Which component is played, and all that differs between the two.

use wasmtime::component::Component;

use crate::guest::PERSISTER;
use tandem_host::testing::DiskOperation;

/// A version of WASI, and with it a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// WASI 0.3: calls of one instance are under way side by side, and so are their disk calls.
    Concurrent,
    /// WASI 0.2: one call at a time, and nothing goes on between calls. Only writes are under way
    /// side by side, each other disk call stops the instance.
    Blocking,
}

impl World {
    /// This build's component.
    pub(super) fn component(self) -> &'static [u8] {
        match self {
            World::Concurrent => tandem_components::TANDEM,
            World::Blocking => tandem_components::TANDEM_SYNC,
        }
    }

    /// Whether a caller can go away while its call is under way, and several calls of an instance
    /// can wait for the disk.
    pub(super) fn has_calls_at_once(self) -> bool {
        self == World::Concurrent
    }

    /// The first disk call of a file's replacement that the component begins for both files before it
    /// waits for either.
    pub(super) fn begun_together(self) -> DiskOperation {
        match self {
            World::Concurrent => DiskOperation::CreateFile,
            World::Blocking => DiskOperation::Write,
        }
    }

    /// Whether a component may be played in this world.
    ///
    /// # Errors
    /// It is the one of the other world.
    pub(super) fn check(self, component: &Component) -> wasmtime::Result<()> {
        let other = match self {
            World::Concurrent => World::Blocking,
            World::Blocking => World::Concurrent,
        };
        let exports = |world: World| component.get_export_index(None, world.persister()).is_some();
        if exports(other) && !exports(self) {
            let (own, other) = (self.wasi(), other.wasi());
            let sentence = format!("it is the component for {other}, not the one for {own}");
            return Err(wasmtime::Error::msg(sentence));
        }
        Ok(())
    }

    /// The interface by which a component is known.
    fn persister(self) -> &'static str {
        match self {
            World::Concurrent => "tandem:persistence/persister@0.1.0",
            World::Blocking => PERSISTER,
        }
    }

    fn wasi(self) -> &'static str {
        match self {
            World::Concurrent => "WASI 0.3",
            World::Blocking => "WASI 0.2",
        }
    }
}
