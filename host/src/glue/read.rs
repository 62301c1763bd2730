//! `read-via-stream`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use super::bindings::types;
use super::files::Shared;
use super::flight::Operation;
use crate::disk::{Disk, ErrorCode};

/// The most that one disk call reads.
const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Serves a file from an offset to its end.
pub(super) struct Reading<D: Disk> {
    disk: Shared<D>,
    file: D::Node,
    offset: u64,
    piece: Option<Operation<Result<Vec<u8>, ErrorCode>>>,
    tell: Option<oneshot::Sender<Result<(), types::ErrorCode>>>,
}

impl<D: Disk> Reading<D> {
    pub(super) fn new(
        disk: Shared<D>,
        file: D::Node,
        offset: u64,
        tell: oneshot::Sender<Result<(), types::ErrorCode>>,
    ) -> Self {
        Reading { disk, file, offset, piece: None, tell: Some(tell) }
    }

    fn end(&mut self, result: Result<(), ErrorCode>) -> StreamResult {
        if let Some(tell) = self.tell.take() {
            // A reader may not want to know.
            let _ = tell.send(result.map_err(Into::into));
        }
        StreamResult::Dropped
    }
}

// The node is not pinned: its clones are what operations hold.
impl<D: Disk> Unpin for Reading<D> {}

impl<D: Disk, T> StreamProducer<T> for Reading<D> {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, u8, VecBuffer<u8>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        let bytes_max = destination.remaining(store).unwrap_or(PIECE_BYTES_MAX);
        if bytes_max == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let (disk, file, offset) = (&this.disk, &this.file, this.offset);
        let piece = this.piece.get_or_insert_with(|| {
            let file = file.clone();
            let bytes_max = bytes_max.min(PIECE_BYTES_MAX);
            disk.start(|disk| async move { disk.read(&file, offset, bytes_max).await })
        });
        let result = match Pin::new(piece).poll(cx) {
            Poll::Pending if finish => {
                // The piece is read to its end and forgotten; the next read asks for it again.
                this.piece = None;
                return Poll::Ready(Ok(StreamResult::Cancelled));
            }
            polled => ready!(polled),
        };
        this.piece = None;
        Poll::Ready(Ok(match result {
            Ok(bytes) if bytes.is_empty() => this.end(Ok(())),
            Ok(bytes) => {
                this.offset = this.offset.saturating_add(bytes.len() as u64);
                destination.set_buffer(bytes.into());
                StreamResult::Completed
            }
            Err(code) => this.end(Err(code)),
        }))
    }
}

impl<D: Disk> Drop for Reading<D> {
    fn drop(&mut self) {
        // The reader has stopped early, which is no error.
        self.end(Ok(()));
    }
}
