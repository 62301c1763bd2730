//! A run that ended, and what is told about it in any form.

use std::time::Duration;

use tandem_simulator::torture::Report;

use super::replay::Replay;

/// What a run found, and how it was made.
pub struct Outcome<'a> {
    pub report: Report,
    pub elapsed: Duration,
    pub replay: Replay<'a>,
}

impl Outcome<'_> {
    /// Whether the component broke a promise.
    pub fn is_broken(&self) -> bool {
        self.report.counts.violations > 0 || !self.report.violations.is_empty()
    }

    /// The names of the models that the run was to try.
    pub fn models(&self) -> Vec<&'static str> {
        match self.replay.model {
            Some(model) => vec![model.name],
            None => self.replay.played.models(),
        }
    }

    /// The world of the component that was played.
    pub fn component(&self) -> &'static str {
        self.replay.played.component()
    }

    pub fn trace_hash(&self) -> String {
        format!("{:016x}", self.report.trace_hash)
    }

    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX)
    }

    pub fn states_per_second(&self) -> u64 {
        let states = u128::from(self.report.counts.states);
        let per_second = states * 1000 / self.elapsed.as_millis().max(1);
        u64::try_from(per_second).unwrap_or(u64::MAX)
    }
}

/// Made-up outcomes.
#[cfg(test)]
pub mod samples {
    use tandem_simulator::sim::Model;
    use tandem_simulator::torture::{Progress, Violation};

    use super::super::played::Played;
    use super::*;

    pub fn clean() -> Outcome<'static> {
        let counts = Progress { states: 5_000, faults: 300, orders: 20, violations: 0, units: 17 };
        let report = Report { seed: 7, counts, trace_hash: 0xab12, violations: Vec::new() };
        let replay = Replay { model: Model::find("xfs"), played: Played::Files, component: None };
        Outcome { report, elapsed: Duration::from_millis(2_500), replay }
    }

    /// One violation by a crash, and one without, whose texts try to steer a terminal.
    pub fn broken() -> Outcome<'static> {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        let violations = vec![
            Violation {
                unit: 3,
                model: Model::ALL[0],
                sentence: "an acknowledged manifest is lost".to_owned(),
                steps: lines(&["open r1", "set r1"]),
                before: lines(&["manifest.json 3 bytes"]),
                after: None,
            },
            Violation {
                unit: 4,
                model: Model::ALL[5],
                sentence: "a\u{1b}[2J sentence".to_owned(),
                steps: lines(&["write \u{9b}\nx"]),
                before: lines(&["\u{202e}"]),
                after: Some(lines(&["\u{7f}"])),
            },
        ];
        let mut outcome = clean();
        outcome.report.counts.violations = 2;
        outcome.report.violations = violations;
        outcome.replay = Replay { model: None, played: Played::Files, component: None };
        outcome
    }
}

#[cfg(test)]
mod tests {
    use tandem_simulator::sim::Model;

    use super::*;

    #[test]
    fn rates_and_hashes_of_any_size_are_told() {
        let mut outcome = samples::clean();
        assert_eq!((outcome.states_per_second(), outcome.elapsed_ms()), (2_000, 2_500));
        assert_eq!(outcome.trace_hash(), "000000000000ab12");
        outcome.elapsed = Duration::ZERO;
        outcome.report.counts.states = u64::MAX;
        assert_eq!(outcome.states_per_second(), u64::MAX);
        assert!(!outcome.is_broken() && samples::broken().is_broken());
    }

    #[test]
    fn the_models_are_those_of_the_run() {
        assert_eq!(samples::clean().models(), ["xfs"]);
        assert_eq!(samples::broken().models().len(), Model::ALL.len());
    }
}
