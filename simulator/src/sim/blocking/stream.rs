//! `wasi:io/streams` of WASI 0.2: output streams into files.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use wasmtime::component::Resource;

use super::bindings::wasi::io::streams::StreamError;
use super::bindings::wasi::io::{error, streams};
use super::poll::Pollable;
use super::{Granted, Surroundings};
use tandem_host::disk::{Disk, ErrorCode};

/// What one write may have: above every document and every history.
const PIECE_BYTES_MAX: u64 = 1 << 30;

/// What a stream's error is to the guest that asks.
#[derive(Clone, Copy, Debug)]
pub struct Failed(pub ErrorCode);

/// No file is read by a stream.
pub enum NoInput {}

/// A write that is under way: of whatever was told to be written.
type Write = Pin<Box<dyn Future<Output = Result<(), ErrorCode>> + Send>>;

/// Begins a write at an offset, into a file and on a disk that it knows.
type Begin = dyn Fn(u64, &[u8]) -> Write + Send;

/// Writes in the background, one disk call for each write of the guest.
pub struct Writing {
    begin: Box<Begin>,
    offset: u64,
    state: WriteState,
}

enum WriteState {
    Ready,
    /// A write of so many bytes is in flight.
    InFlight(Write, u64),
    /// The guest has not been told yet.
    Failed(ErrorCode),
    Closed,
}

/// A stream's error outside of what the guest is told: only a bug makes one.
type StreamAnswer<T> = wasmtime::Result<Result<T, StreamError>>;

impl Writing {
    pub(super) fn new<D: Disk>(disk: Arc<D>, file: D::File, offset: u64) -> Self {
        let begin = Box::new(move |offset, bytes: &[u8]| -> Write {
            Box::pin(disk.write(&file, offset, bytes))
        });
        Writing { begin, offset, state: WriteState::Ready }
    }

    /// Ready once no write is in flight.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let WriteState::InFlight(write, bytes) = &mut self.state else { return Poll::Ready(()) };
        let outcome = ready!(write.as_mut().poll(cx));
        self.state = match outcome {
            Ok(()) => {
                self.offset = self.offset.saturating_add(*bytes);
                WriteState::Ready
            }
            Err(code) => WriteState::Failed(code),
        };
        Poll::Ready(())
    }

    /// Ends once no write is in flight.
    pub(super) async fn settled(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn write(&mut self, bytes: &[u8]) -> wasmtime::Result<()> {
        let WriteState::Ready = self.state else {
            return Err(wasmtime::Error::msg("a write was not permitted by check-write"));
        };
        self.state = WriteState::InFlight((self.begin)(self.offset, bytes), bytes.len() as u64);
        // It is begun from here on.
        let _ = self.poll(&mut Context::from_waker(Waker::noop()));
        Ok(())
    }

    /// Tells a failure once.
    fn check(&mut self) -> Result<(), Told> {
        match self.state {
            WriteState::Ready | WriteState::InFlight(..) => Ok(()),
            WriteState::Failed(code) => {
                self.state = WriteState::Closed;
                Err(Told::Failed(code))
            }
            WriteState::Closed => Err(Told::Closed),
        }
    }
}

/// Why a stream takes nothing more.
enum Told {
    Failed(ErrorCode),
    Closed,
}

impl<D: Disk, S: Surroundings> Granted<D, S> {
    fn told<T>(&mut self, told: Result<T, Told>) -> StreamAnswer<T> {
        Ok(match told {
            Ok(value) => Ok(value),
            Err(Told::Closed) => Err(StreamError::Closed),
            Err(Told::Failed(code)) => {
                Err(StreamError::LastOperationFailed(self.table.push(Failed(code))?))
            }
        })
    }

    /// Waits until all that a stream was given is written.
    async fn flushed(&mut self, stream: &Resource<Writing>) -> StreamAnswer<()> {
        let writing = self.table.get_mut(stream)?;
        writing.settled().await;
        let told = writing.check();
        self.told(told)
    }
}

impl<D: Disk, S: Surroundings> error::Host for Granted<D, S> {}

impl<D: Disk, S: Surroundings> error::HostError for Granted<D, S> {
    fn to_debug_string(&mut self, error: Resource<Failed>) -> wasmtime::Result<String> {
        let Failed(code) = self.table.get(&error)?;
        Ok(format!("cannot write to the file: {}", code.name()))
    }

    fn drop(&mut self, error: Resource<Failed>) -> wasmtime::Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}

impl<D: Disk, S: Surroundings> streams::Host for Granted<D, S> {}

impl<D: Disk, S: Surroundings> streams::HostOutputStream for Granted<D, S> {
    fn check_write(&mut self, stream: Resource<Writing>) -> StreamAnswer<u64> {
        let writing = self.table.get_mut(&stream)?;
        let told = writing.check().map(|()| match writing.state {
            WriteState::Ready => PIECE_BYTES_MAX,
            _ => 0,
        });
        self.told(told)
    }

    fn write(&mut self, stream: Resource<Writing>, bytes: Vec<u8>) -> StreamAnswer<()> {
        self.table.get_mut(&stream)?.write(&bytes).map(Ok)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<Writing>,
        bytes: Vec<u8>,
    ) -> StreamAnswer<()> {
        if let Err(error) = self.flushed(&stream).await? {
            return Ok(Err(error));
        }
        self.table.get_mut(&stream)?.write(&bytes)?;
        self.flushed(&stream).await
    }

    fn flush(&mut self, stream: Resource<Writing>) -> StreamAnswer<()> {
        let told = self.table.get_mut(&stream)?.check();
        self.told(told)
    }

    async fn blocking_flush(&mut self, stream: Resource<Writing>) -> StreamAnswer<()> {
        self.flushed(&stream).await
    }

    fn subscribe(&mut self, stream: Resource<Writing>) -> wasmtime::Result<Resource<Pollable>> {
        let pollable = Pollable::Stream(Resource::new_borrow(stream.rep()));
        Ok(self.table.push_child(pollable, &stream)?)
    }

    fn write_zeroes(&mut self, stream: Resource<Writing>, len: u64) -> StreamAnswer<()> {
        let zeros = vec![0; usize::try_from(len.min(PIECE_BYTES_MAX))?];
        self.table.get_mut(&stream)?.write(&zeros).map(Ok)
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<Writing>,
        len: u64,
    ) -> StreamAnswer<()> {
        let zeros = vec![0; usize::try_from(len.min(PIECE_BYTES_MAX))?];
        streams::HostOutputStream::blocking_write_and_flush(self, stream, zeros).await
    }

    fn splice(
        &mut self,
        _stream: Resource<Writing>,
        _from: Resource<NoInput>,
        _len: u64,
    ) -> StreamAnswer<u64> {
        no_input()
    }

    fn blocking_splice(
        &mut self,
        _stream: Resource<Writing>,
        _from: Resource<NoInput>,
        _len: u64,
    ) -> StreamAnswer<u64> {
        no_input()
    }

    async fn drop(&mut self, stream: Resource<Writing>) -> wasmtime::Result<()> {
        // A write that was begun is finished even if the guest gives it up.
        self.table.get_mut(&stream)?.settled().await;
        self.table.delete(stream)?;
        Ok(())
    }
}

/// Nobody can have a handle of an input stream.
fn no_input<T>() -> wasmtime::Result<T> {
    Err(wasmtime::Error::msg("there are no input streams"))
}

impl<D: Disk, S: Surroundings> streams::HostInputStream for Granted<D, S> {
    fn read(&mut self, _stream: Resource<NoInput>, _len: u64) -> StreamAnswer<Vec<u8>> {
        no_input()
    }

    fn blocking_read(&mut self, _stream: Resource<NoInput>, _len: u64) -> StreamAnswer<Vec<u8>> {
        no_input()
    }

    fn skip(&mut self, _stream: Resource<NoInput>, _len: u64) -> StreamAnswer<u64> {
        no_input()
    }

    fn blocking_skip(&mut self, _stream: Resource<NoInput>, _len: u64) -> StreamAnswer<u64> {
        no_input()
    }

    fn subscribe(&mut self, _stream: Resource<NoInput>) -> wasmtime::Result<Resource<Pollable>> {
        no_input()
    }

    fn drop(&mut self, _stream: Resource<NoInput>) -> wasmtime::Result<()> {
        no_input()
    }
}
