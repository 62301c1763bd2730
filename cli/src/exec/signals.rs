//! Signals that `exec` passes on to its command.

use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use tokio::sync::mpsc;

use super::command::PassedOn;
use crate::inherited::Inherited;

const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// A signal that Tandem got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// A terminal sends its signals to every process in the foreground: the command has it too.
    pub is_from_terminal: bool,
}

impl Received {
    /// The signal as the command has it, now.
    pub fn now(self) -> PassedOn {
        PassedOn { signal: self.signal, at: Instant::now() }
    }
}

/// Catches signals from now on, but not those that Tandem was started to ignore (`nohup`, a job in
/// the background of a script): they stay ignored, by the command too.
///
/// # Errors
/// The system's.
pub fn receive(inherited: &Inherited) -> std::io::Result<mpsc::UnboundedReceiver<Received>> {
    let caught = PASSED_ON.iter().filter(|&&signal| !inherited.ignores(signal));
    let mut signals = SignalsInfo::<WithOrigin>::new(caught)?;
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for origin in signals.forever() {
            // A hangup goes to the leader of the session alone.
            let is_from_terminal = matches!(origin.cause, Cause::Kernel) && origin.signal != SIGHUP;
            if sender.send(Received { signal: origin.signal, is_from_terminal }).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// `SIGTERM (15)`, or the number alone.
pub fn name(signal: i32) -> String {
    match signal_hook::low_level::signal_name(signal) {
        Some(name) => format!("{name} ({signal})"),
        None => signal.to_string(),
    }
}
