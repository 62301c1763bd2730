//! `wasi:io/poll`, `wasi:clocks` and `wasi:random` of WASI 0.2.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use wasmtime::component::Resource;

use super::View;
use super::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use super::bindings::wasi::io::poll;
use super::bindings::wasi::random::random;
use super::stream::Writing;
use crate::sim::clock::Timer;

/// What a guest can wait for.
#[derive(Debug)]
pub enum Pollable {
    /// That the clock has come so far.
    Time { when_ns: u64, timer: Timer },
    /// That a stream takes more, or has failed.
    Stream(Resource<Writing>),
}

impl View<'_> {
    /// Asks each of them, and tells the places of those that are ready.
    fn ready(
        &mut self,
        pollables: &[Resource<Pollable>],
        cx: &mut Context<'_>,
    ) -> wasmtime::Result<Vec<u32>> {
        let mut ready = Vec::new();
        for (place, pollable) in (0..).zip(pollables) {
            let is_ready = match self.table.get(pollable)? {
                Pollable::Time { when_ns, timer } => timer.poll(*when_ns, cx).is_ready(),
                Pollable::Stream(stream) => {
                    let stream = Resource::<Writing>::new_borrow(stream.rep());
                    self.table.get_mut(&stream)?.poll(cx).is_ready()
                }
            };
            if is_ready {
                ready.push(place);
            }
        }
        Ok(ready)
    }

    fn wait_until(&mut self, when_ns: u64) -> wasmtime::Result<Resource<Pollable>> {
        let timer = Timer::new(self.disk);
        Ok(self.table.push(Pollable::Time { when_ns, timer })?)
    }
}

impl poll::Host for View<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> wasmtime::Result<Vec<u32>> {
        if pollables.is_empty() {
            return Err(wasmtime::Error::msg("nothing is polled"));
        }
        poll_fn(|cx| match self.ready(&pollables, cx) {
            Ok(ready) if ready.is_empty() => Poll::Pending,
            ready => Poll::Ready(ready),
        })
        .await
    }
}

impl poll::HostPollable for View<'_> {
    fn ready(&mut self, pollable: Resource<Pollable>) -> wasmtime::Result<bool> {
        let ready = View::ready(self, &[pollable], &mut Context::from_waker(Waker::noop()))?;
        Ok(!ready.is_empty())
    }

    async fn block(&mut self, pollable: Resource<Pollable>) -> wasmtime::Result<()> {
        poll::Host::poll(self, vec![pollable]).await?;
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<Pollable>) -> wasmtime::Result<()> {
        self.table.delete(pollable)?;
        Ok(())
    }
}

impl monotonic_clock::Host for View<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.disk.now_ns())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when_ns: u64) -> wasmtime::Result<Resource<Pollable>> {
        self.wait_until(when_ns)
    }

    fn subscribe_duration(&mut self, duration_ns: u64) -> wasmtime::Result<Resource<Pollable>> {
        self.wait_until(self.disk.now_ns().saturating_add(duration_ns))
    }
}

impl wall_clock::Host for View<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let now = self.disk.wall_clock();
        Ok(wall_clock::Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1 })
    }
}

impl random::Host for View<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.disk.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.disk.world().random.u64(..))
    }
}
