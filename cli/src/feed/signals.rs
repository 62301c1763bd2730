//! Signals that end the feed.

use std::io;

use futures::FutureExt;
use futures::future::select_all;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::inherited::Inherited;

/// Whatever ends a program that does nothing about it, but for what nobody can catch and for faults.
const END: [i32; 10] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGXCPU,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// The signals that end a feed, but not those that the caller ignores: they stay ignored.
pub struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    /// From now on they no longer end the program by themselves.
    pub fn catch(inherited: &Inherited) -> io::Result<Self> {
        END.into_iter()
            .filter(|signal| !inherited.ignores(*signal))
            .map(SignalKind::from_raw)
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
