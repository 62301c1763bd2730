//! `read-directory`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use super::bindings::types;
use super::files::Shared;
use super::flight::Operation;
use crate::disk::{Disk, Entry, ErrorCode};

/// Serves the entries of a directory.
pub(super) struct Listing {
    entries: Operation<Result<Vec<Entry>, ErrorCode>>,
    tell: Option<oneshot::Sender<Result<(), types::ErrorCode>>>,
}

impl Listing {
    pub(super) fn new<D: Disk>(
        disk: &Shared<D>,
        dir: D::Node,
        tell: oneshot::Sender<Result<(), types::ErrorCode>>,
    ) -> Self {
        let entries = disk.start(|disk| async move { disk.read_dir(&dir).await });
        Listing { entries, tell: Some(tell) }
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
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let result = match Pin::new(&mut self.entries).poll(cx) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            polled => ready!(polled),
        };
        match result {
            Ok(entries) => {
                let entries = entries.into_iter().map(Into::into).collect::<Vec<_>>();
                destination.set_buffer(entries.into());
                self.end(Ok(()));
            }
            Err(code) => self.end(Err(code)),
        }
        Poll::Ready(Ok(StreamResult::Dropped))
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
