//! `wasi:io/poll`, `wasi:clocks` and `wasi:random` of WASI 0.2.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::{BoxFuture, MaybeDone, maybe_done};
use wasmtime::component::Resource;

use super::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use super::bindings::wasi::io::poll;
use super::bindings::wasi::random::random;
use super::stream::Writing;
use super::{Granted, Surroundings};
use tandem_host::disk::Disk;

/// What a guest can wait for.
pub enum Pollable {
    /// That the clock has come so far.
    Time(MaybeDone<BoxFuture<'static, ()>>),
    /// That a stream takes more, or has failed.
    Stream(Resource<Writing>),
}

impl<D: Disk, S: Surroundings> Granted<D, S> {
    fn is_ready(
        &mut self,
        pollable: &Resource<Pollable>,
        cx: &mut Context<'_>,
    ) -> wasmtime::Result<bool> {
        let stream = match self.table.get_mut(pollable)? {
            Pollable::Time(wait) => return Ok(wait.poll_unpin(cx).is_ready()),
            Pollable::Stream(stream) => Resource::<Writing>::new_borrow(stream.rep()),
        };
        Ok(self.table.get_mut(&stream)?.poll(cx).is_ready())
    }

    /// Asks each of them, and tells the places of those that are ready.
    fn ready(
        &mut self,
        pollables: &[Resource<Pollable>],
        cx: &mut Context<'_>,
    ) -> wasmtime::Result<Vec<u32>> {
        let mut ready = Vec::new();
        for (place, pollable) in (0..).zip(pollables) {
            if self.is_ready(pollable, cx)? {
                ready.push(place);
            }
        }
        Ok(ready)
    }

    fn wait_until(&mut self, when_ns: u64) -> wasmtime::Result<Resource<Pollable>> {
        let wait = maybe_done(self.surroundings.wait_until(when_ns));
        Ok(self.table.push(Pollable::Time(wait))?)
    }
}

impl<D: Disk, S: Surroundings> poll::Host for Granted<D, S> {
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

impl<D: Disk, S: Surroundings> poll::HostPollable for Granted<D, S> {
    fn ready(&mut self, pollable: Resource<Pollable>) -> wasmtime::Result<bool> {
        self.is_ready(&pollable, &mut Context::from_waker(Waker::noop()))
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

impl<D: Disk, S: Surroundings> monotonic_clock::Host for Granted<D, S> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.surroundings.now_ns())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when_ns: u64) -> wasmtime::Result<Resource<Pollable>> {
        self.wait_until(when_ns)
    }

    fn subscribe_duration(&mut self, duration_ns: u64) -> wasmtime::Result<Resource<Pollable>> {
        self.wait_until(self.surroundings.now_ns().saturating_add(duration_ns))
    }
}

impl<D: Disk, S: Surroundings> wall_clock::Host for Granted<D, S> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let now = self.surroundings.since_epoch();
        Ok(wall_clock::Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1 })
    }
}

impl<D: Disk, S: Surroundings> random::Host for Granted<D, S> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len)?];
        self.surroundings.fill(&mut bytes);
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        self.surroundings.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }
}
