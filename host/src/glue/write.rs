//! `write-via-stream`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Source, StreamConsumer, StreamResult};

use super::bindings::types;
use super::flight::PendingOperation;
use super::shared::Shared;
use crate::disk::{Disk, ErrorCode};

/// Writes what comes through a stream, one disk call for each write of the guest.
pub(super) struct Writing<D: Disk> {
    disk: Shared<D>,
    path: Arc<str>,
    file: D::File,
    offset: u64,
    /// A write in flight, and how many bytes it writes.
    piece: Option<(PendingOperation<Result<(), ErrorCode>>, usize)>,
    tell: Option<oneshot::Sender<Result<(), types::ErrorCode>>>,
}

impl<D: Disk> Writing<D> {
    pub(super) fn new(
        disk: Shared<D>,
        path: Arc<str>,
        file: D::File,
        offset: u64,
        tell: oneshot::Sender<Result<(), types::ErrorCode>>,
    ) -> Self {
        Writing { disk, path, file, offset, piece: None, tell: Some(tell) }
    }

    fn end(&mut self, result: Result<(), ErrorCode>) -> StreamResult {
        if let Some(tell) = self.tell.take() {
            // The writer may not want to know.
            let _ = tell.send(result.map_err(Into::into));
        }
        StreamResult::Dropped
    }
}

// The file is not pinned: its clones are what operations hold.
impl<D: Disk> Unpin for Writing<D> {}

impl<D: Disk, T: 'static> StreamConsumer<T> for Writing<D> {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<T>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = &mut *self;
        let mut source = source.as_direct(store);
        if this.piece.is_none() {
            let bytes = source.remaining();
            if bytes.is_empty() {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            let (offset, count) = (this.offset, bytes.len());
            if offset.checked_add(count as u64).is_none() {
                return Poll::Ready(Ok(this.end(Err(ErrorCode::FileTooLarge))));
            }
            this.piece =
                Some((this.disk.write(this.path.clone(), &this.file, offset, bytes), count));
        }
        let Some((piece, count)) = this.piece.as_mut() else { return Poll::Pending };
        let count = *count;
        // A write that was begun is finished even if the guest gives it up.
        let result = ready!(Pin::new(piece).poll(cx));
        this.piece = None;
        Poll::Ready(Ok(match result {
            Ok(()) => {
                source.mark_read(count);
                this.offset += count as u64;
                StreamResult::Completed
            }
            Err(code) => this.end(Err(code)),
        }))
    }
}

impl<D: Disk> Drop for Writing<D> {
    fn drop(&mut self) {
        // The stream's end: every piece before it was written.
        self.end(Ok(()));
    }
}
