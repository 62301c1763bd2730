//! `read-directory`.

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
use crate::disk::{Disk, Entry, ErrorCode};
use crate::events::DiskCall;

/// How many entries are served at once when the reader does not say.
const ENTRIES_MAX: usize = 64;

/// Serves the entries of a directory.
pub(super) struct Listing {
    listed: PendingOperation<Result<Vec<Entry>, ErrorCode>>,
    /// What was listed and not served yet; none until the disk has answered.
    rest: Option<std::vec::IntoIter<Entry>>,
    tell: Option<oneshot::Sender<Result<(), types::ErrorCode>>>,
}

impl Listing {
    pub(super) fn new<D: Disk>(
        disk: &Shared<D>,
        path: Arc<str>,
        dir: D::Dir,
        tell: oneshot::Sender<Result<(), types::ErrorCode>>,
    ) -> Self {
        let call = DiskCall::new("read-dir", path);
        let listed = disk.start(call, |disk| async move { disk.read_dir(&dir).await });
        Listing { listed, rest: None, tell: Some(tell) }
    }

    fn end(&mut self, result: Result<(), ErrorCode>) {
        if let Some(tell) = self.tell.take() {
            // A reader may not want to know.
            let _ = tell.send(result.map_err(Into::into));
        }
    }
}

impl<T> StreamProducer<T> for Listing {
    type Item = types::DirectoryEntry;
    type Buffer = VecBuffer<types::DirectoryEntry>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, T>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        // No more than the reader takes: a stream that is dropped with a full buffer never ends.
        let count_max = destination.remaining(store).unwrap_or(ENTRIES_MAX);
        if count_max == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let this = &mut *self;
        if this.rest.is_none() {
            let result = match Pin::new(&mut this.listed).poll(cx) {
                Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
                polled => ready!(polled),
            };
            match result {
                Ok(entries) => this.rest = Some(entries.into_iter()),
                Err(code) => {
                    this.end(Err(code));
                    return Poll::Ready(Ok(StreamResult::Dropped));
                }
            }
        }
        let rest = this.rest.iter_mut().flatten();
        let entries: Vec<_> = rest.take(count_max).map(Into::into).collect();
        if entries.is_empty() {
            this.end(Ok(()));
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        destination.set_buffer(entries.into());
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        // The reader has stopped early, which is no error.
        self.end(Ok(()));
    }
}

impl From<Entry> for types::DirectoryEntry {
    fn from(entry: Entry) -> Self {
        types::DirectoryEntry { type_: entry.kind.into(), name: entry.name }
    }
}
