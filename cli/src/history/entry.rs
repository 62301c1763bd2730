//! One entry of a history. Other programs write histories too, so it can have any shape.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::json::Members;
use crate::table::{NONE, cut, moment, name, span, time};

/// The longest run id: what is longer was written by another program.
const RUN_CHARS_MAX: usize = 128;
const DETAIL_CHARS_MAX: usize = 160;
const COMMAND_CHARS_MAX: usize = 60;
/// The longest word that is shown as a status.
const STATUS_CHARS_MAX: usize = 20;

/// What is shown of an entry. What is missing, or is of another type than its readers know, is left
/// out.
#[derive(Debug, Default, PartialEq)]
pub struct Entry {
    pub run: Option<String>,
    pub completed_at: Option<String>,
    pub started_at: Option<String>,
    /// In the words of those who wrote it.
    pub status: Option<String>,
    pub detail: String,
}

impl Entry {
    /// Reads an entry, whatever it is.
    pub fn read(text: &str) -> Self {
        let Ok(members) = Members::read(text) else {
            return Entry { detail: cut(text, DETAIL_CHARS_MAX), ..Entry::default() };
        };
        let steps = StepOutcomes::read(&members);
        Entry {
            run: members.field("runId"),
            completed_at: members.field("timestamp"),
            started_at: members.field("startedAt"),
            status: members.field("status").or_else(|| steps.status().map(str::to_owned)),
            detail: detail(&members, &steps),
        }
    }

    /// The cells of its line.
    pub fn columns(&self) -> [String; 5] {
        let or_none = |text: Option<&str>, shown: fn(&str) -> String| {
            text.map_or_else(|| NONE.to_owned(), shown)
        };
        [
            or_none(self.run.as_deref(), |run| name(&cut(run, RUN_CHARS_MAX))),
            or_none(self.completed_at.as_deref(), moment),
            self.took().map_or_else(|| NONE.to_owned(), span),
            or_none(self.status.as_deref(), status),
            self.detail.clone(),
        ]
    }

    /// How long the run took.
    pub fn took(&self) -> Option<Duration> {
        let started = time(self.started_at.as_deref()?)?;
        let completed = time(self.completed_at.as_deref()?)?;
        completed.duration_since(started).ok()
    }
}

/// The words of `tandem status`.
pub fn status(status: &str) -> String {
    match status {
        "succeeded" => "done".to_owned(),
        other => name(&cut(other, STATUS_CHARS_MAX)),
    }
}

/// What ran, and how it ended.
fn detail(members: &Members<'_>, steps: &StepOutcomes) -> String {
    let text = |name| members.field(name).filter(|text: &String| !text.is_empty());
    let what = text("command").map(|command| cut(&command, COMMAND_CHARS_MAX));
    let exit_code = || members.field("exitCode").map(|code: i64| format!("exit {code}"));
    let end = text("statusDetail")
        .map(|detail| cut(&detail, DETAIL_CHARS_MAX))
        .or_else(exit_code)
        .or_else(|| steps.words());
    match (what, end) {
        (Some(what), Some(end)) => format!("{what}: {end}"),
        (what, end) => what
            .or(end)
            .or_else(|| text("mode").map(|mode| cut(&mode, DETAIL_CHARS_MAX)))
            .unwrap_or_default(),
    }
}

/// What orchestrators of several steps write.
struct StepOutcomes {
    build: Option<bool>,
    test: Option<bool>,
    review: Option<bool>,
}

impl StepOutcomes {
    fn read(members: &Members<'_>) -> Self {
        StepOutcomes {
            build: inner(members.raw("build"), "success"),
            test: inner(members.raw("test"), "success"),
            review: inner::<Box<RawValue>>(members.raw("review"), "decision")
                .and_then(|decision| inner(Some(&decision), "approved")),
        }
    }

    fn outcomes(&self) -> impl Iterator<Item = bool> {
        [self.build, self.test, self.review].into_iter().flatten()
    }

    fn status(&self) -> Option<&'static str> {
        self.outcomes().next()?;
        Some(if self.outcomes().all(|is_good| is_good) { "succeeded" } else { "failed" })
    }

    fn words(&self) -> Option<String> {
        let word = |step, outcome: Option<bool>, good, bad| {
            outcome.map(|is_good| format!("{step} {}", if is_good { good } else { bad }))
        };
        let words: Vec<String> = [
            word("build", self.build, "done", "failed"),
            word("test", self.test, "done", "failed"),
            word("review", self.review, "approved", "rejected"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// A member of an object that is a member itself.
fn inner<T: DeserializeOwned>(object: Option<&RawValue>, name: &str) -> Option<T> {
    Members::read(object?.get()).ok()?.field(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> [String; 5] {
        Entry::read(text).columns()
    }

    #[test]
    fn a_command_is_shown_with_its_end() {
        let entry = r#"{"runId": "r", "timestamp": "2026-01-06T00:01:01.000Z", "mode": "exec",
            "startedAt": "2026-01-06T00:00:00.000Z", "status": "succeeded", "statusDetail": null,
            "command": "make check", "exitCode": 0}"#;
        let shown = ["r", "2026-01-06T00:01:01Z", "1m", "done", "make check: exit 0"];
        assert_eq!(columns(entry), shown);
    }

    #[test]
    fn steps_tell_the_status_if_nothing_else_does() {
        for (entry, status, detail) in [
            (
                r#"{"build":{"success":true},"test":{"success":true},
                    "review":{"decision":{"approved":true}}}"#,
                "done",
                "build done, test done, review approved",
            ),
            (
                r#"{"mode":"x","build":{"success":true},"test":{"success":false}}"#,
                "failed",
                "build done, test failed",
            ),
            (
                r#"{"build":7,"review":{"decision":{"approved":false}}}"#,
                "failed",
                "review rejected",
            ),
            (r#"{"mode":"cloud","build":{"success":"yes"}}"#, "-", "cloud"),
        ] {
            let [_, _, _, shown_status, shown_detail] = columns(entry);
            assert_eq!((&*shown_status, &*shown_detail), (status, detail));
        }
    }

    #[test]
    fn an_entry_of_any_shape_is_shown() {
        for text in ["7", "null", "[1,\n 2]", r#""x\u001by""#] {
            let detail = text.replace('\n', "");
            assert_eq!(columns(text), ["-", "-", "-", "-", detail.as_str()]);
        }
        assert_eq!(columns("{}"), ["-", "-", "-", "-", ""]);
        let odd = r#"{"runId":"\u001b[31m","timestamp":"","startedAt":1,"status":"\u009b",
            "command":"","exitCode":"7","statusDetail":"\u202e"}"#;
        assert_eq!(columns(odd), ["\\u{1b}[31m", "-", "-", "\\u{9b}", "\\u{202e}"]);
        assert_eq!(columns(r#"{"runId":1e400,"timestamp":null}"#), ["-", "-", "-", "-", ""]);
    }

    #[test]
    fn a_run_that_ended_before_its_start_took_no_time_that_is_known() {
        let entry = r#"{"timestamp":"2026-01-06T00:00:00Z","startedAt":"2026-01-07T00:00:00Z"}"#;
        assert_eq!(columns(entry)[2], "-");
    }
}
