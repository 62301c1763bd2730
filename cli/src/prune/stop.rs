//! Ends a removal early, with nothing half done that others would wait for.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::COMMAND;
use crate::exec::signal_name;
use crate::plain::complain;
use crate::signals::Signals;

/// How long what is in hand may take after a signal.
const LAST_REMOVALS: Duration = Duration::from_secs(10);

/// The signal that asked to end, once there is one.
#[derive(Default)]
pub struct Stop(Cell<Option<i32>>);

impl Stop {
    pub fn signal(&self) -> Option<i32> {
        self.0.get()
    }

    /// Does some work, which sees the first signal and ends by itself.
    ///
    /// # Errors
    /// Those of the work; a second signal came, or it took too long.
    pub async fn watch<T>(
        &self,
        signals: &mut Signals,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        let mut work = pin!(work);
        tokio::select! {
            // The work is to see a signal that came before its next step.
            biased;
            signal = signals.next() => {
                self.0.set(Some(signal));
                let name = signal_name(signal);
                complain(COMMAND, &format!("{name}: ends after what is in hand"));
            }
            done = &mut work => return done,
        }
        tokio::select! {
            biased;
            done = &mut work => done,
            _ = signals.next() => Err("ended at once, something may be left in hand".to_owned()),
            () = tokio::time::sleep(LAST_REMOVALS) => {
                Err("ended, what is in hand takes too long".to_owned())
            }
        }
    }
}
