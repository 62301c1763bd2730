//! Ends a removal early, with nothing half done that others would wait for. What the command waits for
//! meanwhile may be a disk, a lock, or who reads what it prints: a thread sees the signals.

use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::common::COMMAND;
use crate::exec::signal_name;
use crate::inherited::Inherited;
use crate::plain::complain;
use crate::signals;

/// How long an end at once waits for who reads why.
const LAST_WORD: Duration = Duration::from_millis(100);
/// How long who reads what was removed may delay an end that was asked for.
const LAST_LINES: Duration = Duration::from_secs(10);

/// The request to end, once there is one.
#[derive(Clone, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Default)]
struct StopState {
    /// The signal; 0 if there is none.
    signal: AtomicI32,
    /// Nothing is removed any more.
    is_done: AtomicBool,
    /// Ends when that is told.
    told: Mutex<Option<Receiver<()>>>,
}

impl Stop {
    /// From now on the first request ends the command after what is in hand, and the next one at once,
    /// whatever it waits for.
    ///
    /// # Errors
    /// The system's.
    pub fn on_signals(&self, inherited: &Inherited) -> io::Result<()> {
        let stop = self.clone();
        signals::catch(inherited, move |signal| {
            stop.request(signal);
            true
        })
    }

    /// The signal that asked to end.
    pub fn signal(&self) -> Option<i32> {
        Some(self.0.signal.load(Ordering::Acquire)).filter(|&signal| signal != 0)
    }

    /// The code to exit with, if there was one.
    pub fn code(&self) -> Option<u8> {
        self.signal().and_then(|signal| u8::try_from(128 + signal).ok())
    }

    /// Nothing is removed from here on, so that the next request may end the command at once. After a
    /// request it ends soon, whoever does not read what it has to say.
    pub fn finish(&self) {
        // Who tells of a request has the lock until that begins.
        let told = {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            self.0.is_done.store(true, Ordering::Release);
            told.take()
        };
        let Some(code) = self.code() else { return };
        let limit = thread::Builder::new().name("limit".into()).spawn(move || {
            thread::sleep(LAST_LINES);
            process::exit(code.into());
        });
        // Nothing is ever sent. Without a limit it is not waited for.
        if limit.is_ok()
            && let Some(told) = told
        {
            let _ = told.recv();
        }
    }

    fn request(&self, signal: i32) {
        // Who sees the signal waits until it is told.
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_in_hand = !self.0.is_done.load(Ordering::Acquire);
        let before = self.0.signal.compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire);
        match before {
            Ok(_) if is_in_hand => {
                *told = say(format!("{}: ends after what is in hand", signal_name(signal)));
                return;
            }
            Err(_) if is_in_hand => {
                let last = say("ended at once, something may be left in hand".to_owned());
                last.map(|told| told.recv_timeout(LAST_WORD));
            }
            _ => {}
        }
        process::exit(self.code().unwrap_or_default().into());
    }
}

/// Tells something, and does not wait for who reads it. What it gives ends when that is told.
fn say(what: String) -> Option<Receiver<()>> {
    let (guard, told) = channel();
    let saying = thread::Builder::new().name("messages".into()).spawn(move || {
        complain(COMMAND, &what);
        drop(guard);
    });
    saying.is_ok().then_some(told)
}
