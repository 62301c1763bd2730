//! WASI 0.3 of a simulated world: its files by the host library's glue, its clocks and its randomness.

use std::future::poll_fn;

use wasmtime::component::{Accessor, HasData, Linker};
use wasmtime_wasi::p3::bindings::clocks::{monotonic_clock, system_clock, types};
use wasmtime_wasi::p3::bindings::random::random;

use super::clock::Timer;
use super::disk::SimDisk;
use super::state::SimState;
use tandem_host::disk::Disk;
use tandem_host::wasi::add_disk_to_linker;

/// The clock and the randomness of a world.
struct Time<'a>(&'a SimDisk);

impl HasData for Time<'static> {
    type Data<'a> = Time<'a>;
}

pub(super) fn link<D: Disk>(linker: &mut Linker<SimState<D>>) -> wasmtime::Result<()> {
    fn time<D: Disk>(state: &mut SimState<D>) -> Time<'_> {
        Time(state.disk())
    }
    add_disk_to_linker(linker)?;
    types::add_to_linker::<_, Time<'static>>(linker, time::<D>)?;
    monotonic_clock::add_to_linker::<_, Time<'static>>(linker, time::<D>)?;
    system_clock::add_to_linker::<_, Time<'static>>(linker, time::<D>)?;
    random::add_to_linker::<_, Time<'static>>(linker, time::<D>)
}

impl types::Host for Time<'_> {}

impl system_clock::Host for Time<'_> {
    fn now(&mut self) -> wasmtime::Result<system_clock::Instant> {
        let now = self.0.wall_clock();
        Ok(system_clock::Instant {
            seconds: i64::try_from(now.as_secs())?,
            nanoseconds: now.subsec_nanos(),
        })
    }

    fn get_resolution(&mut self) -> wasmtime::Result<types::Duration> {
        Ok(1)
    }
}

impl monotonic_clock::Host for Time<'_> {
    fn now(&mut self) -> wasmtime::Result<monotonic_clock::Mark> {
        Ok(self.0.now_ns())
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
        let timer = store.with(|mut view| Timer::new(view.get().0));
        poll_fn(|cx| timer.poll(when, cx)).await;
        Ok(())
    }

    async fn wait_for(
        store: &Accessor<U, Self>,
        duration: types::Duration,
    ) -> wasmtime::Result<()> {
        let when = store.with(|mut view| view.get().0.now_ns().saturating_add(duration));
        Self::wait_until(store, when).await
    }
}

impl random::Host for Time<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.0.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.0.world().random.u64(..))
    }
}
