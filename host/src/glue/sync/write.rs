//! An output stream into a file.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use tokio::task::JoinHandle;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::with_ambient_tokio_runtime;

use crate::disk::{Disk, ErrorCode};
use crate::glue::Shared;

/// What one write may have: above every document and every history.
const PIECE_BYTES_MAX: usize = 1 << 30;

/// Writes in the background, one disk call for each write of the guest.
pub(super) struct Writing<D: Disk> {
    disk: Shared<D>,
    file: D::Node,
    offset: u64,
    state: State,
}

enum State {
    Ready,
    /// A write of so many bytes is in flight.
    InFlight(JoinHandle<Result<usize, ErrorCode>>, usize),
    /// The guest has not been told yet.
    Failed(ErrorCode),
    Closed,
}

/// What a stream's error is to the guest that asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed(pub ErrorCode);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to the file: {}", self.0.name())
    }
}

impl std::error::Error for Failed {}

impl<D: Disk> Writing<D> {
    pub(super) fn new(disk: Shared<D>, file: D::Node, offset: u64) -> Self {
        Writing { disk, file, offset, state: State::Ready }
    }

    fn settle(&mut self, outcome: Result<usize, ErrorCode>, bytes: usize) {
        self.state = match outcome {
            Ok(written) if written == bytes => {
                self.offset = self.offset.saturating_add(written as u64);
                State::Ready
            }
            // Of a file that took less than all, the component would write the rest after it.
            Ok(_) => State::Failed(ErrorCode::Io),
            Err(code) => State::Failed(code),
        };
    }

    /// Tells a failure once.
    fn check(&mut self) -> StreamResult<()> {
        match self.state {
            State::Ready | State::InFlight(..) => Ok(()),
            State::Failed(code) => {
                self.state = State::Closed;
                Err(StreamError::LastOperationFailed(wasmtime::Error::new(Failed(code))))
            }
            State::Closed => Err(StreamError::Closed),
        }
    }
}

#[async_trait]
impl<D: Disk> Pollable for Writing<D> {
    async fn ready(&mut self) {
        let State::InFlight(write, bytes) = &mut self.state else { return };
        let bytes = *bytes;
        // Without an outcome it panicked, or the runtime is gone.
        let outcome = write.await.unwrap_or(Err(ErrorCode::Io));
        self.settle(outcome, bytes);
    }
}

#[async_trait]
impl<D: Disk> OutputStream for Writing<D> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let State::Ready = self.state else {
            return Err(StreamError::trap("a write was not permitted by check-write"));
        };
        let (file, offset, len) = (self.file.clone(), self.offset, bytes.len());
        let work = |disk: Arc<D>| async move { disk.write(&file, offset, bytes.into()).await };
        let mut write = self.disk.start(work);
        // It counts as begun from here, and a disk that answers at once is asked in place.
        with_ambient_tokio_runtime(|| match (&mut write).now_or_never() {
            Some(outcome) => self.settle(outcome, len),
            // A write that was begun is finished even if the guest gives it up.
            None => self.state = State::InFlight(tokio::spawn(write), len),
        });
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check()?;
        Ok(if let State::Ready = self.state { PIECE_BYTES_MAX } else { 0 })
    }
}
