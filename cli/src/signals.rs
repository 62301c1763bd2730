//! Signals that end a program which does nothing about them, for commands that have something in hand.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::getpid;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::exec::{Caught, Pipe, Sender, catchable, is_queue};
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
/// Who signals a process may signal its group next, as `timeout` does.
const TO_GROUP: Duration = Duration::from_millis(100);
/// A launcher may pass on what the whole group has got.
const PASSED_ON: Duration = Duration::from_secs(1);

/// Catches the signals that end a program, but not those that the caller ignores: they stay ignored.
/// From now on they no longer end this one by themselves. A thread tells each request to end, once
/// however often it was sent, as long as it is told to go on.
///
/// # Errors
/// The system's.
pub fn catch(
    inherited: &Inherited,
    mut tell: impl FnMut(i32) -> bool + Send + 'static,
) -> io::Result<()> {
    let is_caught = |signal: &i32| !NO_END.contains(signal) && !inherited.ignores(*signal);
    let mut pipe = Pipe::open(&catchable().filter(is_caught).collect::<Vec<_>>())?;
    let own = getpid().as_raw_nonzero().get();
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut caught = Vec::new();
        let mut requests = Requests::default();
        loop {
            pipe.wait(None);
            pipe.take(&mut caught);
            // `abort` raises one that ends this process.
            let is_own = |sender: Sender| sender.code <= 0 && sender.pid == own;
            for one in caught.drain(..).filter(|one| !is_own(one.sender)) {
                if requests.is_new(&one) && !tell(one.signal) {
                    return;
                }
            }
        }
    })?;
    Ok(())
}

/// The requests to end, for who waits for them in an event loop.
pub struct EndSignals(UnboundedReceiver<i32>);

impl EndSignals {
    /// As [`catch`].
    ///
    /// # Errors
    /// The system's.
    pub fn catch(inherited: &Inherited) -> io::Result<Self> {
        let (sender, received) = unbounded_channel();
        catch(inherited, move |signal| sender.send(signal).is_ok())?;
        Ok(EndSignals(received))
    }

    /// Waits for one, and gives the number of its signal.
    pub async fn next(&mut self) -> i32 {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// The last signal of each number that was a request.
#[derive(Default)]
struct Requests(BTreeMap<i32, (Sender, Instant)>);

impl Requests {
    /// Whether a signal is a request, and not one more of the same.
    fn is_new(&mut self, caught: &Caught) -> bool {
        let is_one_more = self.0.get(&caught.signal).is_some_and(|&(sender, at)| {
            let within = if sender == caught.sender { TO_GROUP } else { PASSED_ON };
            // A terminal that goes away signals more than once, and so does the shell there.
            caught.signal == libc::SIGHUP
                || !is_queue(caught.signal) && caught.at.duration_since(at) < within
        });
        if !is_one_more {
            self.0.insert(caught.signal, (caught.sender, caught.at));
        }
        !is_one_more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: Sender = Sender { code: 0, pid: 7, uid: 0 };
    const LAUNCHER: Sender = Sender { code: 0, pid: 8, uid: 0 };

    /// Which of some signals are requests: each with its number, its sender and when it comes.
    fn requests<const N: usize>(signals: [(i32, Sender, u64); N]) -> [bool; N] {
        let start = Instant::now();
        let mut requests = Requests::default();
        signals.map(|(signal, sender, ms)| {
            let at = start + Duration::from_millis(ms);
            requests.is_new(&Caught { signal, sender, value: 0, at, child: 0 })
        })
    }

    #[test]
    fn one_that_its_sender_then_sends_to_the_group_is_one() {
        let told = requests([(15, SHELL, 0), (15, SHELL, 99), (15, SHELL, 100)]);
        assert_eq!(told, [true, false, true]);
    }

    #[test]
    fn one_that_a_launcher_passes_on_is_one() {
        let told = requests([(15, SHELL, 0), (15, LAUNCHER, 999), (15, LAUNCHER, 1000)]);
        assert_eq!(told, [true, false, true]);
    }

    #[test]
    fn a_hangup_is_one_however_often_it_comes() {
        let told = requests([(1, SHELL, 0), (1, LAUNCHER, 5000), (1, SHELL, 9000), (15, SHELL, 1)]);
        assert_eq!(told, [true, false, false, true]);
    }

    #[test]
    fn one_of_another_number_is_another() {
        assert_eq!(requests([(2, SHELL, 0), (15, SHELL, 0)]), [true, true]);
    }

    #[test]
    fn signals_of_a_queue_are_each_one() {
        assert_eq!(requests([(40, SHELL, 0), (40, SHELL, 0)]), [true, true]);
    }
}
