//! A progress line on a terminal, out of the way of the command's output.

use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TICK: Duration = Duration::from_millis(120);

/// The line, if standard error is a terminal.
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Whether the output so far ends in the middle of a line, where no progress line may stand.
    is_in_line: Mutex<bool>,
}

impl Progress {
    /// Starts the line with a text that names the run.
    pub fn start(text: String) -> Self {
        let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::new_spinner().with_message(text);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Progress { bar, is_in_line: Mutex::new(false) }
    }

    /// Writes output by `write`, with the line out of the way.
    pub fn pass(&self, piece: &[u8], write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Some(bar) = &self.bar else { return write() };
        let mut is_in_line = self.is_in_line.lock().unwrap_or_else(PoisonError::into_inner);
        let result = bar.suspend(write);
        let ends_in_line = piece.last() != Some(&b'\n');
        if ends_in_line != std::mem::replace(&mut *is_in_line, ends_in_line) {
            bar.set_draw_target(if ends_in_line {
                ProgressDrawTarget::hidden()
            } else {
                ProgressDrawTarget::stderr()
            });
        }
        result
    }

    /// Ends the line and removes it.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
