//! `write-via-stream`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Source, StreamConsumer, StreamResult};

use super::bindings::types;
use super::files::Shared;
use super::flight::Operation;
use crate::disk::{Disk, ErrorCode};

/// Writes what comes through a stream, one disk call for each write of the guest.
pub(super) struct Writing<D: Disk> {
    disk: Shared<D>,
    file: D::Node,
    offset: u64,
    piece: Option<Operation<Result<usize, ErrorCode>>>,
    tell: Option<oneshot::Sender<Result<(), types::ErrorCode>>>,
}

impl<D: Disk> Writing<D> {
    pub(super) fn new(
        disk: Shared<D>,
        file: D::Node,
        offset: u64,
        tell: oneshot::Sender<Result<(), types::ErrorCode>>,
    ) -> Self {
        Writing { disk, file, offset, piece: None, tell: Some(tell) }
    }

    fn end(&mut self, result: Result<(), ErrorCode>) -> StreamResult {
        if let Some(tell) = self.tell.take() {
            // The writer may not want to know.
            let _ = tell.send(result.map_err(Into::into));
        }
        StreamResult::Dropped
    }
}

// The node is not pinned: its clones are what operations hold.
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
            let bytes = source.remaining().to_vec();
            if bytes.is_empty() {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            let offset = this.offset;
            if offset.checked_add(bytes.len() as u64).is_none() {
                return Poll::Ready(Ok(this.end(Err(ErrorCode::FileTooLarge))));
            }
            let file = this.file.clone();
            let work =
                |disk: std::sync::Arc<D>| async move { disk.write(&file, offset, bytes).await };
            this.piece = Some(this.disk.start(work));
        }
        let Some(piece) = this.piece.as_mut() else { return Poll::Pending };
        // A write that was begun is finished even if the guest gives it up.
        let result = ready!(Pin::new(piece).poll(cx));
        this.piece = None;
        let offered = source.remaining().len();
        Poll::Ready(Ok(match result {
            Ok(written) => {
                let taken = written.min(offered);
                source.mark_read(taken);
                this.offset = this.offset.saturating_add(taken as u64);
                if taken == offered { StreamResult::Completed } else { this.end(Ok(())) }
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
