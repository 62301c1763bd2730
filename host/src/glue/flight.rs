//! Disk operations in flight.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::disk::ErrorCode;

/// Counts the disk operations in flight, across stores.
///
/// A store that traps drops the futures that wait for its operations. What was begun goes on: a
/// rename may still be ahead of its system call. A new store must not start before all of that has
/// ended, or the old rename could put an older file in a newer one's place.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    count: Arc<watch::Sender<usize>>,
}

/// One operation. Dropped between its first poll and its end, it goes on in a task of its own.
pub(crate) struct PendingOperation<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    is_begun: bool,
}

struct Counted(Arc<watch::Sender<usize>>);

impl Flight {
    pub(crate) fn new() -> Self {
        Flight { count: Arc::new(watch::Sender::new(0)) }
    }

    /// Counts `work` from its first poll to its end. One that panics counts as `Io`.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ErrorCode>> + Send + 'static,
    ) -> PendingOperation<Result<T, ErrorCode>> {
        let count = self.count.clone();
        PendingOperation {
            is_begun: false,
            work: Some(Box::pin(async move {
                count.send_if_modified(|count| {
                    *count += 1;
                    false
                });
                let _counted = Counted(count);
                AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(ErrorCode::Io))
            })),
        }
    }

    /// Waits until none is in flight.
    pub(crate) async fn settled(&self) {
        // Fails only if the sender is gone, and this holds it.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_if_modified(|count| {
            *count -= 1;
            // Hardly ever does anybody wait. Who comes later sees the count first.
            *count == 0 && self.0.receiver_count() > 0
        });
    }
}

impl<T: Send + 'static> Future for PendingOperation<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.is_begun = true;
        let Some(work) = self.work.as_mut() else {
            // Polled after its end, which the contract of futures forbids.
            return Poll::Pending;
        };
        let output = ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for PendingOperation<T> {
    fn drop(&mut self) {
        if !self.is_begun {
            return;
        }
        // Without a runtime there is nobody left to write a newer file either.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            runtime.spawn(async move {
                work.await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn an_operation_that_is_dropped_goes_on_and_is_waited_for() {
        let flight = Flight::new();
        let (go, gone) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut operation = flight.start(async move {
            gone.await.ok();
            tell.send("done").ok();
            Ok(())
        });
        assert!((&mut operation).now_or_never().is_none());
        drop(operation);
        assert!(flight.settled().now_or_never().is_none());
        go.send(()).ok();
        flight.settled().await;
        assert_eq!(told.await, Ok("done"));
    }

    #[tokio::test]
    async fn nothing_in_flight_is_settled() {
        let flight = Flight::new();
        flight.settled().await;
        flight.start(async { Ok(()) }).await.unwrap();
        flight.settled().await;
        let mut endless = flight.start(pending::<Result<(), ErrorCode>>());
        assert!((&mut endless).now_or_never().is_none());
        assert!(flight.settled().now_or_never().is_none());
    }

    #[tokio::test]
    async fn an_operation_that_panics_fails_and_is_over() {
        let flight = Flight::new();
        let outcome = flight.start::<()>(async { panic!("a bug of a disk") }).await;
        assert_eq!(outcome, Err(ErrorCode::Io));
        flight.settled().await;
    }
}
