//! The outcome for people.

use std::time::Duration;

use tandem_simulator::torture::Violation;

use super::super::plain::plain;
use super::super::table;
use super::outcome::Outcome;

const MINUTE: Duration = Duration::from_secs(60);

/// Each violation, then the counts: what a screen shows when the run is over.
pub fn lines(outcome: &Outcome) -> Vec<String> {
    let violations = &outcome.report.violations;
    let mut lines = Vec::new();
    for (at, violation) in violations.iter().enumerate() {
        lines.push(format!(
            "violation {} of {}: {}",
            at + 1,
            violations.len(),
            plain(&violation.sentence)
        ));
        lines.extend(details(outcome, violation));
        lines.push(String::new());
    }
    lines.extend(counts(outcome));
    lines
}

fn details(outcome: &Outcome, violation: &Violation) -> Vec<String> {
    let seed = outcome.report.seed;
    let mut lines =
        vec![format!("  seed {seed}, unit {}, model {}", violation.unit, violation.model.name)];
    lines.push("  steps".to_owned());
    let width = violation.steps.len().to_string().len();
    for (at, step) in violation.steps.iter().enumerate() {
        lines.push(format!("    {:width$}. {}", at + 1, plain(step)));
    }
    let disks = [("before", Some(&violation.before)), ("after", violation.after.as_ref())];
    for (title, files) in disks.into_iter().filter_map(|(title, files)| Some((title, files?))) {
        lines.push(format!("  the disk {title}"));
        if files.is_empty() {
            lines.push(format!("    {}", table::NONE));
        }
        lines.extend(files.iter().map(|file| format!("    {}", plain(file))));
    }
    lines.push("  again with".to_owned());
    lines.push(format!("    {}", plain(&outcome.replay.command(seed, violation.unit))));
    lines
}

fn counts(outcome: &Outcome) -> Vec<String> {
    let report = &outcome.report;
    let rows = [
        ("states", report.counts.states.to_string()),
        ("faults", report.counts.faults.to_string()),
        ("orders", report.counts.orders.to_string()),
        ("violations", report.counts.violations.to_string()),
        ("seed", report.seed.to_string()),
        ("component", outcome.component().to_owned()),
        ("models", outcome.models().join(", ")),
        ("trace hash", outcome.trace_hash()),
        ("took", took(outcome.elapsed)),
        ("states/s", outcome.states_per_second().to_string()),
    ];
    table::lines(rows.map(|(name, value)| [name.to_owned(), value]).iter()).collect()
}

/// To the second, or to a tenth of it while that tells something.
fn took(elapsed: Duration) -> String {
    if elapsed < MINUTE {
        // Cut off, as the longer ones are: 60.0s would be a minute.
        let tenths = elapsed.as_millis() / 100;
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    humantime::format_duration(Duration::from_secs(elapsed.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::outcome::samples;
    use super::*;

    #[test]
    fn counts_are_aligned() {
        let expected = "\
states      5000
faults      300
orders      20
violations  0
seed        7
component   tandem
models      xfs
trace hash  000000000000ab12
took        2.5s
states/s    2000";
        assert_eq!(lines(&samples::clean()).join("\n"), expected);
    }

    #[test]
    fn a_violation_tells_all_that_is_known_and_how_to_find_it_again() {
        let expected = "\
violation 1 of 2: an acknowledged manifest is lost
  seed 7, unit 3, model posix-weak
  steps
    1. open r1
    2. set r1
  the disk before
    manifest.json 3 bytes
  again with
    tandem torture --seed 7 --unit 3

violation 2 of 2: a\\u{1b}[2J sentence
  seed 7, unit 4, model no-dir-sync
  steps
    1. write \\u{9b}\\nx
  the disk before
    \\u{202e}
  the disk after
    \\u{7f}
  again with
    tandem torture --seed 7 --unit 4

states      5000";
        let shown = lines(&samples::broken()).join("\n");
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn a_disk_that_is_empty_after_a_crash_is_told() {
        let mut outcome = samples::broken();
        outcome.report.violations[0].after = Some(Vec::new());
        let shown = lines(&outcome).join("\n");
        assert!(shown.contains("\n  the disk after\n    -\n  again with\n"), "{shown}");
    }

    #[test]
    fn the_numbers_of_steps_are_aligned() {
        let mut outcome = samples::broken();
        outcome.report.violations[0].steps = vec!["step".to_owned(); 10];
        let shown = lines(&outcome).join("\n");
        assert!(shown.contains("\n     9. step\n    10. step\n"), "{shown}");
    }

    #[test]
    fn times_are_as_exact_as_they_need_to_be() {
        for (ms, shown) in
            [(99, "0.0s"), (59_999, "59.9s"), (60_000, "1m"), (3_725_900, "1h 2m 5s")]
        {
            assert_eq!(took(Duration::from_millis(ms)), shown);
        }
    }
}
