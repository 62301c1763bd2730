//! Signals that end the feed.

use std::io;

use futures::FutureExt;
use futures::future::select_all;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::inherited::Inherited;

/// SIGTERM, SIGINT and SIGHUP, but not those that the caller ignores: they stay ignored.
pub struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    /// From now on they no longer end the program by themselves.
    pub fn catch(inherited: &Inherited) -> io::Result<Self> {
        [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()]
            .into_iter()
            .filter(|kind| !inherited.ignores(kind.as_raw_value()))
            .map(|kind| Ok((kind, signal(kind)?)))
            .collect::<io::Result<_>>()
            .map(Signals)
    }

    /// Waits for one, and gives its number.
    pub async fn next(&mut self) -> i32 {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let received = self.0.iter_mut().map(|(kind, signal)| {
            let kind = *kind;
            async move {
                match signal.recv().await {
                    Some(()) => kind,
                    None => std::future::pending().await,
                }
            }
            .boxed()
        });
        select_all(received).await.0.as_raw_value()
    }
}
