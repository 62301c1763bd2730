//! Signals that `exec` passes on to its command.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use tokio::sync::mpsc;

const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// A signal that Tandem got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// A terminal sends its signals to every process in the foreground: the command has it too.
    pub is_from_terminal: bool,
}

/// Catches signals from now on.
///
/// # Errors
/// The system's.
pub fn receive() -> std::io::Result<mpsc::UnboundedReceiver<Received>> {
    let mut signals = SignalsInfo::<WithOrigin>::new(PASSED_ON)?;
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for origin in signals.forever() {
            let is_from_terminal = matches!(origin.cause, Cause::Kernel);
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
