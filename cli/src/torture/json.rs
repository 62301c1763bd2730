//! The outcome as one line of JSON.

use super::super::plain::plain_json;
use super::outcome::Outcome;
use serde::Serialize;

/// Its keys stand in this order.
#[derive(Serialize)]
struct TortureObject<'a> {
    seed: u64,
    states: u64,
    faults: u64,
    orders: u64,
    units: u64,
    violations: u64,
    /// As text: many readers of JSON round numbers of 64 bits.
    trace_hash: String,
    /// Its world.
    component: &'static str,
    models: Vec<&'static str>,
    elapsed_ms: u64,
    states_per_second: u64,
    first: Option<&'a str>,
    found: Vec<FoundViolation<'a>>,
}

#[derive(Serialize)]
struct FoundViolation<'a> {
    unit: u64,
    model: &'static str,
    sentence: &'a str,
    steps: &'a [String],
    before: &'a [String],
    after: Option<&'a [String]>,
    replay: String,
}

/// The line.
pub fn line(outcome: &Outcome) -> serde_json::Result<String> {
    let report = &outcome.report;
    let object = TortureObject {
        seed: report.seed,
        states: report.counts.states,
        faults: report.counts.faults,
        orders: report.counts.orders,
        units: report.counts.units,
        violations: report.counts.violations,
        trace_hash: outcome.trace_hash(),
        component: outcome.component(),
        models: outcome.models(),
        elapsed_ms: outcome.elapsed_ms(),
        states_per_second: outcome.states_per_second(),
        first: report.violations.first().map(|violation| violation.sentence.as_str()),
        found: report
            .violations
            .iter()
            .map(|violation| FoundViolation {
                unit: violation.unit,
                model: violation.model.name,
                sentence: &violation.sentence,
                steps: &violation.steps,
                before: &violation.before,
                after: violation.after.as_deref(),
                replay: outcome.replay.command(report.seed, violation.unit),
            })
            .collect(),
    };
    serde_json::to_string(&object).map(|json| plain_json(&json))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::outcome::samples;
    use super::*;

    #[test]
    fn its_keys_are_in_order() {
        let expected = concat!(
            r#"{"seed":7,"states":5000,"faults":300,"orders":20,"units":17,"violations":0,"#,
            r#""trace_hash":"000000000000ab12","component":"tandem","models":["xfs"],"#,
            r#""elapsed_ms":2500,"states_per_second":2000,"first":null,"found":[]}"#,
        );
        assert_eq!(line(&samples::clean()).unwrap(), expected);
    }

    #[test]
    fn violations_are_whole_and_steer_nothing() {
        let line = line(&samples::broken()).unwrap();
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["first"], "an acknowledged manifest is lost");
        let first = json!({
            "unit": 3,
            "model": "posix-weak",
            "sentence": "an acknowledged manifest is lost",
            "steps": ["open r1", "set r1"],
            "before": ["manifest.json 3 bytes"],
            "after": null,
            "replay": "tandem torture --seed 7 --unit 3",
        });
        assert_eq!(value["found"][0], first);
        assert_eq!(value["found"][1]["steps"], json!(["write \u{9b}\nx"]));
    }
}
