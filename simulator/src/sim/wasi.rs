//! `wasi:clocks` and `wasi:random` of a simulated world, and the data of a store on it.

use std::future::poll_fn;
use std::task::Poll;

use wasmtime::component::{Accessor, HasData, Linker, ResourceTable};
use wasmtime_wasi::p3::bindings::clocks::{monotonic_clock, system_clock, types};
use wasmtime_wasi::p3::bindings::random::random;

use super::disk::SimDisk;
use tandem_host::wasi::{DiskCtx, DiskCtxView, DiskView, add_disk_to_linker};

/// The data of a store on a simulated disk.
pub(crate) struct SimState {
    /// Handles that the component holds.
    pub table: ResourceTable,
    /// The disk and its operations in flight.
    pub files: DiskCtx<SimDisk>,
    /// The disk once more, for its clock and its randomness.
    pub disk: SimDisk,
}

impl SimState {
    pub(crate) fn new(disk: &SimDisk) -> Self {
        SimState {
            table: ResourceTable::new(),
            files: DiskCtx::new(disk.clone()),
            disk: disk.clone(),
        }
    }

    pub(crate) fn link(linker: &mut Linker<SimState>) -> wasmtime::Result<()> {
        fn time(state: &mut SimState) -> Time<'_> {
            Time(&state.disk)
        }
        add_disk_to_linker(linker)?;
        types::add_to_linker::<_, Time<'static>>(linker, time)?;
        monotonic_clock::add_to_linker::<_, Time<'static>>(linker, time)?;
        system_clock::add_to_linker::<_, Time<'static>>(linker, time)?;
        random::add_to_linker::<_, Time<'static>>(linker, time)
    }
}

impl DiskView for SimState {
    type Disk = SimDisk;

    fn disk(&mut self) -> DiskCtxView<'_, SimDisk> {
        DiskCtxView { ctx: &self.files, table: &mut self.table }
    }
}

/// The clock and the randomness of a world.
pub(crate) struct Time<'a>(&'a SimDisk);

impl HasData for Time<'static> {
    type Data<'a> = Time<'a>;
}

impl types::Host for Time<'_> {}

impl system_clock::Host for Time<'_> {
    fn now(&mut self) -> wasmtime::Result<system_clock::Instant> {
        let now_ns = self.0.world().wall_ns();
        Ok(system_clock::Instant {
            seconds: i64::try_from(now_ns / 1_000_000_000)?,
            nanoseconds: u32::try_from(now_ns % 1_000_000_000)?,
        })
    }

    fn get_resolution(&mut self) -> wasmtime::Result<types::Duration> {
        Ok(1)
    }
}

impl monotonic_clock::Host for Time<'_> {
    fn now(&mut self) -> wasmtime::Result<monotonic_clock::Mark> {
        Ok(self.0.world().now_ns)
    }

    fn get_resolution(&mut self) -> wasmtime::Result<types::Duration> {
        Ok(1)
    }
}

impl<U> monotonic_clock::HostWithStore<U> for Time<'static> {
    async fn wait_until(
        store: &Accessor<U, Self>,
        when: monotonic_clock::Mark,
    ) -> wasmtime::Result<()> {
        let disk = store.with(|mut view| view.get().0.clone());
        disk.sleep_until(when).await;
        Ok(())
    }

    async fn wait_for(
        store: &Accessor<U, Self>,
        duration: types::Duration,
    ) -> wasmtime::Result<()> {
        let disk = store.with(|mut view| view.get().0.clone());
        let when = disk.world().now_ns.saturating_add(duration);
        disk.sleep_until(when).await;
        Ok(())
    }
}

/// A timer that somebody waits for.
struct Timer<'a> {
    disk: &'a SimDisk,
    id: u64,
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.disk.world().timers.remove(&self.id);
    }
}

impl SimDisk {
    async fn sleep_until(&self, when_ns: u64) {
        let timer = Timer { disk: self, id: self.world().next_timer() };
        poll_fn(|cx| {
            let mut world = self.world();
            if world.now_ns >= when_ns {
                return Poll::Ready(());
            }
            world.timers.insert(timer.id, (when_ns, cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl random::Host for Time<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len)?];
        self.0.world().random.fill(&mut bytes);
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.0.world().random.u64(..))
    }
}
