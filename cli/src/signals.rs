//! Signals that end a program which does nothing about them, for commands that have something in hand.

use std::io;
use std::thread;

use rustix::process::getpid;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::exec::{Pipe, catchable};
use crate::inherited::Inherited;

/// What ends no program by itself: it stops one, or does nothing.
const NO_END: &[i32] = &[
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    #[cfg(target_vendor = "apple")]
    libc::SIGIO,
    #[cfg(target_vendor = "apple")]
    libc::SIGINFO,
];

/// The signals that end a program, but not those that the caller ignores: they stay ignored.
pub struct Signals(UnboundedReceiver<i32>);

impl Signals {
    /// From now on they no longer end the program by themselves.
    ///
    /// # Errors
    /// The system's.
    pub fn catch(inherited: &Inherited) -> io::Result<Self> {
        let is_caught = |signal: &i32| !NO_END.contains(signal) && !inherited.ignores(*signal);
        let mut pipe = Pipe::open(&catchable().filter(is_caught).collect::<Vec<_>>())?;
        let (sender, received) = unbounded_channel();
        let own = getpid().as_raw_nonzero().get();
        thread::Builder::new().name("signals".into()).spawn(move || {
            let mut caught = Vec::new();
            while !sender.is_closed() {
                pipe.wait(None);
                pipe.take(&mut caught);
                // `abort` raises one that ends this process.
                let is_own = |code, pid| code <= 0 && pid == own;
                for one in caught.drain(..).filter(|it| !is_own(it.sender.code, it.sender.pid)) {
                    let _ = sender.send(one.signal);
                }
            }
        })?;
        Ok(Signals(received))
    }

    /// Waits for one, and gives its number.
    pub async fn next(&mut self) -> i32 {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}
