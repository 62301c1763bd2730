//! How far a run is, on a terminal.

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tandem_simulator::torture::Progress;

const TEMPLATE: &str =
    "{wide_bar} {human_pos} of {human_len} states  {per_sec:0}  {eta} left\n{msg}";

/// A bar on standard error. Where that is no terminal there is none.
pub struct Bar(ProgressBar);

impl Bar {
    /// Starts a bar that is full at so many states, if it `is_wanted`.
    pub fn start(states: u64, is_wanted: bool) -> Self {
        if !is_wanted {
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(states);
        // Without the template it has the library's own look.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        let bar = Bar(bar);
        bar.show(&Progress::default());
        bar
    }

    /// Shows how far it is.
    pub fn show(&self, progress: &Progress) {
        if !self.0.is_hidden() {
            self.0.set_message(counts(progress));
            self.0.set_position(progress.states);
        }
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn counts(progress: &Progress) -> String {
    let Progress { faults, orders, violations, .. } = *progress;
    format!(
        "{} faults  {} orders  {} violations",
        HumanCount(faults),
        HumanCount(orders),
        HumanCount(violations)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn the_counts_are_told() {
        let progress = Progress { faults: 1_234, orders: 56, ..Progress::default() };
        assert_eq!(counts(&progress), "1,234 faults  56 orders  0 violations");
    }
}
