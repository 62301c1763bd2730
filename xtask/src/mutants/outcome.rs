//! What became of a mutant, as a row of the table and as JSON.

use std::time::Duration;

use serde::Serialize;

use super::mutation::Mutation;
use super::torture::Found;

pub struct Outcome {
    pub mutation: &'static Mutation,
    /// What was found, or why nothing can be said.
    pub result: Result<Found, String>,
    /// To build it and to try it.
    pub took: Duration,
}

/// The outcomes of a run as one object. Its keys stand in this order.
#[derive(Serialize)]
pub struct Report<'a> {
    /// The component, and the disk over documents, as they are.
    controls: Vec<Object<'a>>,
    mutants: Vec<Object<'a>>,
    caught: usize,
    survived: usize,
    /// About these nothing can be said.
    failed: usize,
}

#[derive(Serialize)]
struct Object<'a> {
    name: &'a str,
    what: &'a str,
    rule: &'a str,
    caught: bool,
    states: Option<u64>,
    violation: Option<&'a str>,
    error: Option<&'a str>,
    seconds: f64,
}

impl<'a> Report<'a> {
    pub fn new(controls: &'a [Outcome], outcomes: &'a [Outcome]) -> Self {
        let caught = outcomes.iter().filter(|outcome| outcome.is_caught()).count();
        let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
        Report {
            controls: controls.iter().map(Outcome::object).collect(),
            mutants: outcomes.iter().map(Outcome::object).collect(),
            caught,
            survived: outcomes.len() - caught - failed,
            failed,
        }
    }

    pub fn are_all_caught(&self) -> bool {
        self.caught == self.mutants.len()
    }

    pub fn json(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| format!("cannot make JSON: {error}"))
    }

    /// The line below the table.
    pub fn sum(&self) -> String {
        let Report { caught, survived, failed, .. } = self;
        format!("{caught} caught, {survived} survived, {failed} could not be tried")
    }
}

impl Outcome {
    pub fn is_caught(&self) -> bool {
        self.violation().is_some()
    }

    fn violation(&self) -> Option<&str> {
        self.result.as_ref().ok()?.violation.as_deref()
    }

    fn object(&self) -> Object<'_> {
        Object {
            name: self.mutation.name,
            what: self.mutation.what,
            rule: self.mutation.rule,
            caught: self.is_caught(),
            states: self.result.as_ref().ok().map(|found| found.states),
            violation: self.violation(),
            error: self.result.as_ref().err().map(String::as_str),
            seconds: self.took.as_millis() as f64 / 1000.0,
        }
    }

    /// The cells of its row.
    pub fn cells(&self) -> Cells {
        let (verdict, states, found) = match &self.result {
            Ok(Found { states, violation: Some(violation) }) => {
                ("caught", Some(*states), violation.as_str())
            }
            Ok(Found { states, violation: None }) => ("SURVIVED", Some(*states), ""),
            Err(message) => ("ERROR", None, message.as_str()),
        };
        [
            self.mutation.name.to_owned(),
            self.mutation.what.to_owned(),
            verdict.to_owned(),
            states.map_or_else(|| "-".to_owned(), |states| states.to_string()),
            format!("{:.1}", self.took.as_secs_f64()),
            found.to_owned(),
        ]
    }
}

/// Mutant, what is wrong, verdict, states, seconds, what was found.
pub type Cells = [String; 6];

#[cfg(test)]
mod tests {
    use super::*;

    static MUTATION: Mutation =
        Mutation { name: "name", what: "what", rule: "rule", test: None, changes: &[] };

    fn outcome(result: Result<Found, String>) -> Outcome {
        Outcome { mutation: &MUTATION, result, took: Duration::from_millis(2_340) }
    }

    fn outcomes() -> [Outcome; 3] {
        [
            outcome(Ok(Found { states: 12, violation: Some("a run is lost".to_owned()) })),
            outcome(Ok(Found { states: 300_000, violation: None })),
            outcome(Err("it cannot be built".to_owned())),
        ]
    }

    #[test]
    fn only_a_violation_catches_a_mutant() {
        let outcomes = outcomes();
        let report = Report::new(&outcomes[1..2], &outcomes);
        assert_eq!(report.sum(), "1 caught, 1 survived, 1 could not be tried");
        assert!(!report.are_all_caught());
        assert!(Report::new(&outcomes[1..2], &outcomes[..1]).are_all_caught());
    }

    #[test]
    fn its_keys_are_in_order() {
        let expected = concat!(
            r#"{"controls":[{"name":"name","what":"what","rule":"rule","caught":false,"#,
            r#""states":300000,"violation":null,"error":null,"seconds":2.34}],"#,
            r#""mutants":[{"name":"name","what":"what","rule":"rule","caught":true,"states":12,"#,
            r#""violation":"a run is lost","error":null,"seconds":2.34}],"#,
            r#""caught":1,"survived":0,"failed":0}"#,
        );
        let outcomes = outcomes();
        let report = Report::new(&outcomes[1..2], &outcomes[..1]);
        assert_eq!(report.json().as_deref(), Ok(expected));
    }

    #[test]
    fn a_row_tells_the_verdict() {
        let cells = outcomes().map(|outcome| outcome.cells());
        let row = ["name", "what", "caught", "12", "2.3", "a run is lost"];
        assert_eq!(cells[0].each_ref().map(String::as_str), row);
        assert_eq!(cells[1][2..4], ["SURVIVED", "300000"]);
        assert_eq!(cells[2][2..4], ["ERROR", "-"]);
    }
}
