//! Where outcomes go.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::error::Error;

/// Where an outcome goes. The first of its clones that answers does.
///
/// The call's own future holds one clone and the driver another: a component that fails drops the
/// futures, and the driver answers in their place.
pub(crate) struct Reply<T>(Arc<Mutex<Option<Sender<T>>>>);

type Sender<T> = oneshot::Sender<Result<T, Error>>;

/// The caller's end of a [`Reply`].
pub(crate) type ReplyReceiver<T> = oneshot::Receiver<Result<T, Error>>;

/// Tells a caller that its call failed. True if somebody now knows that the component took changes
/// along.
pub(crate) type TellFailure = Box<dyn FnOnce(&Error) -> bool + Send>;

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Reply(self.0.clone())
    }
}

impl<T> Reply<T> {
    pub(crate) fn new() -> (Self, ReplyReceiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Reply(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    /// Whether the caller was still there, and had no answer yet.
    pub(crate) fn send(&self, result: Result<T, Error>) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(result).is_ok())
    }

    /// Whether the caller was still there, and had no answer yet.
    pub(crate) fn fail(&self, error: &Error) -> bool {
        self.send(Err(error.clone()))
    }

    /// For whoever does not know the type of the answer.
    pub(crate) fn tell_failure(&self) -> TellFailure
    where
        T: Send + 'static,
    {
        let reply = self.clone();
        Box::new(move |error| reply.fail(error))
    }
}
