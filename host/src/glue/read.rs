//! `read-via-stream`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use super::bindings::types;
use super::flight::PendingOperation;
use super::shared::Shared;
use crate::disk::{Disk, ErrorCode};
use crate::events::DiskCall;

/// The most that one disk call reads: all of most files.
const PIECE_BYTES_MAX: usize = 1024 * 1024;

/// Serves a file from an offset to its end.
pub(super) struct Reading<D: Disk> {
    disk: Shared<D>,
    path: Arc<str>,
    file: D::File,
    /// Where the next piece begins; none after the last one.
    offset: Option<u64>,
    piece: Option<PendingOperation<Result<Vec<u8>, ErrorCode>>>,
    /// What was read, and how much of it was served.
    read: Vec<u8>,
    served: usize,
    tell: Option<oneshot::Sender<Result<(), types::ErrorCode>>>,
}

impl<D: Disk> Reading<D> {
    pub(super) fn new(
        disk: Shared<D>,
        path: Arc<str>,
        file: D::File,
        offset: u64,
        tell: oneshot::Sender<Result<(), types::ErrorCode>>,
    ) -> Self {
        Reading {
            disk,
            path,
            file,
            offset: Some(offset),
            piece: None,
            read: Vec::new(),
            served: 0,
            tell: Some(tell),
        }
    }

    /// Reads the next piece. None at the end of the file.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<()>, ErrorCode>> {
        let Some(offset) = self.offset else { return Poll::Ready(Ok(None)) };
        let piece = self.piece.get_or_insert_with(|| {
            let file = self.file.clone();
            let call = DiskCall::new("read", self.path.clone());
            let read =
                |disk: Arc<D>| async move { disk.read(&file, offset, PIECE_BYTES_MAX).await };
            self.disk.start(call, read)
        });
        let result = ready!(Pin::new(piece).poll(cx));
        self.piece = None;
        Poll::Ready(result.map(|bytes| {
            let is_last = bytes.len() < PIECE_BYTES_MAX;
            self.offset = offset.checked_add(bytes.len() as u64).filter(|_| !is_last);
            (self.read, self.served) = (bytes, 0);
            (!self.read.is_empty()).then_some(())
        }))
    }

    fn end(&mut self, result: Result<(), ErrorCode>) -> StreamResult {
        if let Some(tell) = self.tell.take() {
            // A reader may not want to know.
            let _ = tell.send(result.map_err(Into::into));
        }
        StreamResult::Dropped
    }
}

// The file is not pinned: its clones are what operations hold.
impl<D: Disk> Unpin for Reading<D> {}

impl<D: Disk, T> StreamProducer<T> for Reading<D> {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        destination: Destination<'a, u8, VecBuffer<u8>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        if this.served == this.read.len() {
            match this.poll_piece(cx) {
                Poll::Pending if finish => {
                    // The piece is read to its end and forgotten; the next read asks for it again.
                    this.piece = None;
                    return Poll::Ready(Ok(StreamResult::Cancelled));
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(()))) => {}
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(this.end(Ok(())))),
                Poll::Ready(Err(code)) => return Poll::Ready(Ok(this.end(Err(code)))),
            }
        }
        let rest = &this.read[this.served..];
        let mut direct = destination.as_direct(store, rest.len());
        let room = direct.remaining();
        let count = room.len().min(rest.len());
        room[..count].copy_from_slice(&rest[..count]);
        direct.mark_written(count);
        this.served += count;
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

impl<D: Disk> Drop for Reading<D> {
    fn drop(&mut self) {
        // The reader has stopped early, which is no error.
        self.end(Ok(()));
    }
}
