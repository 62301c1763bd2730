//! What a line asks for.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tandem_host::{Durability, HistoryOptions, RecordOptions, Request as Flags, RunOptions};

use super::limits::{ID_BYTES_MAX, LINE_BYTES_MAX};
use super::lines::TooLong;
use super::name::{Id, Name};
use super::reply::Problem;
use crate::json::{Members, on_one_line};

const OPS: &str = "open, set, merge, mark, schedule, flush, close, stats, record or history";
const MS: &str = "a whole number of milliseconds";
/// How much of a wrong value a message repeats.
const SHOWN_CHARS_MAX: usize = 64;

/// One request.
#[derive(Debug)]
pub struct Request {
    /// Goes into the answer as it came.
    pub id: Id,
    pub ask: Ask,
}

/// What is asked for.
#[derive(Debug)]
pub enum Ask {
    /// Something of one run.
    Run(Name, Action),
    /// To record a run that is over: the summary, and the run that it names, if it names one.
    Record(Box<RecordOptions>, String, Option<Name>),
    /// The recorded runs of a task.
    History(Box<HistoryOptions>),
}

/// What to do. Documents and patches are JSON text, as it came.
#[derive(Debug)]
pub enum Action {
    Open(Box<RunOptions>),
    Set(String),
    Merge(String),
    Mark(Flags),
    Schedule(Flags),
    Flush,
    Close,
    Stats,
}

/// A line that is refused, with the id if it has one.
#[derive(Debug)]
pub struct Refusal {
    pub id: Option<Id>,
    pub problem: Box<Problem>,
}

/// The members that were not looked at yet.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

/// Reads one line.
pub fn read(line: Result<Vec<u8>, TooLong>) -> Result<Request, Refusal> {
    let refuse = |id, problem| Refusal { id, problem: Box::new(problem) };
    let Ok(line) = line else {
        return Err(refuse(
            None,
            Problem::too_large(format!(
                "the line is no request: it is above the limit of {LINE_BYTES_MAX} bytes"
            )),
        ));
    };
    let no_request =
        |why: &str| refuse(None, Problem::invalid_input(format!("the line is no request: {why}")));
    let text = match std::str::from_utf8(&line) {
        Ok(text) if text.starts_with('\u{feff}') => {
            return Err(no_request("it begins with a byte order mark"));
        }
        Ok(text) => text,
        Err(_) if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") => {
            return Err(no_request("it begins with the byte order mark of UTF-16, not UTF-8"));
        }
        Err(_) => return Err(no_request("it is not UTF-8")),
    };
    let Members(members) = Members::read(text).map_err(|why| no_request(&why))?;
    let mut fields = Fields(members);
    let id = fields.id().map_err(|why| refuse(None, Problem::invalid_input(why)))?;
    match fields.request() {
        Ok(ask) => Ok(Request { id, ask }),
        Err(why) => Err(refuse(Some(id), Problem::invalid_input(why))),
    }
}

/// Every error here is the rule that the line breaks.
impl<'a> Fields<'a> {
    fn id(&mut self) -> Result<Id, String> {
        let raw = self.need("id")?;
        if raw.get().len() > ID_BYTES_MAX {
            return Err(format!("id is above the limit of {ID_BYTES_MAX} bytes"));
        }
        RawValue::from_string(on_one_line(raw.get())).map_err(|_| "id is no JSON".to_owned())
    }

    fn request(&mut self) -> Result<Ask, String> {
        let op: String = self.must("op", "a string")?;
        let ask = match op.as_str() {
            "record" => self.record()?,
            "history" => self.history()?,
            op => self.run(op)?,
        };
        match self.0.first() {
            None => Ok(ask),
            Some((field, _)) => {
                let field: String = field.chars().take(SHOWN_CHARS_MAX).collect();
                Err(format!("{op} has no such field: {field}"))
            }
        }
    }

    fn run(&mut self, op: &str) -> Result<Ask, String> {
        let named = |fields: &mut Self| {
            let task = fields.must("task", "a string")?;
            let run = fields.must("run", "a string")?;
            Ok::<_, String>(Name { task, run })
        };
        let (name, action) = match op {
            "open" => {
                let name = named(self)?;
                let options = self.options(&name)?;
                (name, Action::Open(Box::new(options)))
            }
            "set" => (named(self)?, Action::Set(self.object("manifest")?)),
            "merge" => (named(self)?, Action::Merge(self.object("patch")?)),
            "mark" => (named(self)?, Action::Mark(self.flags()?)),
            "schedule" => (named(self)?, Action::Schedule(self.flags()?)),
            "flush" => (named(self)?, Action::Flush),
            "close" => (named(self)?, Action::Close),
            "stats" => (named(self)?, Action::Stats),
            other => {
                let other: String = other.chars().take(SHOWN_CHARS_MAX).collect();
                return Err(format!("op must be {OPS}, not: {other}"));
            }
        };
        Ok(Ask::Run(name, action))
    }

    fn flags(&mut self) -> Result<Flags, String> {
        let mut flag =
            |field| self.may(field, "true or false").map(|flag| flag.unwrap_or_default());
        Ok(Flags {
            manifest: flag("manifest")?,
            heartbeat: flag("heartbeat")?,
            force: flag("force")?,
        })
    }

    /// `interval_ms` is that of both channels, where one has none of its own.
    fn options(&mut self, name: &Name) -> Result<RunOptions, String> {
        let mut options = RunOptions::new(&name.task, &name.run);
        let interval = self.milliseconds("interval_ms")?;
        options.manifest_interval = self.milliseconds("manifest_interval_ms")?.or(interval);
        options.heartbeat_interval = self.milliseconds("heartbeat_interval_ms")?.or(interval);
        [options.manifest_durability, options.heartbeat_durability] =
            self.durability(["manifest", "heartbeat"])?;
        Ok(options)
    }

    fn record(&mut self) -> Result<Ask, String> {
        let mut options = RecordOptions::new();
        options.task_id = self.may("task", "a string")?;
        let summary = self.object("summary")?;
        options.keep_last = self.may("keep_last", "a whole number of runs")?;
        options.lease = self.milliseconds("lease_ms")?;
        options.lock_wait = self.milliseconds("lock_wait_ms")?;
        [options.summary_durability, options.history_durability] =
            self.durability(["summary", "history"])?;
        // A summary that names no run is refused by the component.
        let named = Members::read(&summary).ok();
        let member = |name| named.as_ref().and_then(|members| members.field(name));
        let name = member("taskId").zip(member("runId")).map(|(task, run)| Name { task, run });
        Ok(Ask::Record(Box::new(options), summary, name))
    }

    fn milliseconds(&mut self, field: &str) -> Result<Option<Duration>, String> {
        Ok(self.may(field, MS)?.map(Duration::from_millis))
    }

    fn history(&mut self) -> Result<Ask, String> {
        let task: String = self.must("task", "a string")?;
        let mut options = HistoryOptions::new(task);
        options.limit = self.may("limit", "a whole number of runs")?;
        Ok(Ask::History(Box::new(options)))
    }

    /// What two files are to survive. (Derived, it could be an array, and each an object.)
    fn durability(&mut self, files: [&str; 2]) -> Result<[Option<Durability>; 2], String> {
        let [first, second] = files;
        let rule = |_| {
            format!(
                "durability must be an object with {first} and {second}, each \"visible\" or \"durable\""
            )
        };
        let Some(raw) = self.take("durability")?.filter(|raw| raw.get() != "null") else {
            return Ok([None; 2]);
        };
        let mut fields = Fields(Members::read(raw.get()).map_err(rule)?.0);
        let mut durabilities = [None; 2];
        for (durability, file) in durabilities.iter_mut().zip(files) {
            *durability = match fields.may::<String>(file, "a string").map_err(rule)?.as_deref() {
                None => None,
                Some("visible") => Some(Durability::Visible),
                Some("durable") => Some(Durability::Durable),
                Some(other) => return Err(rule(other.to_owned())),
            };
        }
        if fields.0.is_empty() { Ok(durabilities) } else { Err(rule(String::new())) }
    }

    /// Takes a field, which may be there once.
    fn take(&mut self, field: &str) -> Result<Option<&'a RawValue>, String> {
        let Some(at) = self.0.iter().position(|(name, _)| name == field) else { return Ok(None) };
        let (_, raw) = self.0.remove(at);
        if self.0.iter().any(|(name, _)| name == field) {
            return Err(format!("{field} is given twice"));
        }
        Ok(Some(raw))
    }

    fn need(&mut self, field: &str) -> Result<&'a RawValue, String> {
        self.take(field)?.ok_or_else(|| format!("{field} is missing"))
    }

    fn must<T: Deserialize<'a>>(&mut self, field: &str, rule: &str) -> Result<T, String> {
        typed(self.need(field)?, field, rule)
    }

    /// A field that may be left out, or null.
    fn may<T: Deserialize<'a>>(&mut self, field: &str, rule: &str) -> Result<Option<T>, String> {
        self.take(field)?.map_or(Ok(None), |raw| typed(raw, field, rule))
    }

    /// An object, as it came.
    fn object(&mut self, field: &str) -> Result<String, String> {
        let text = self.need(field)?.get();
        if !text.starts_with('{') {
            return Err(format!("{field} must be an object"));
        }
        Ok(text.to_owned())
    }
}

fn typed<'a, T: Deserialize<'a>>(raw: &'a RawValue, field: &str, rule: &str) -> Result<T, String> {
    serde_json::from_str(raw.get()).map_err(|_| format!("{field} must be {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Request {
        read(Ok(line.as_bytes().to_vec())).unwrap()
    }

    fn action(line: &str) -> Action {
        let Ask::Run(_, action) = request(line).ask else { panic!("no request of a run") };
        action
    }

    fn refused(line: &[u8]) -> (Option<String>, String) {
        let Refusal { id, problem } = read(Ok(line.to_vec())).unwrap_err();
        (id.map(|id| id.get().to_owned()), problem.message().to_owned())
    }

    #[test]
    fn a_document_goes_through_as_it_was_written() {
        let line =
            r#"{"manifest": {"z" : 1.50,"a":"\u0041"}, "run":"r","task":"t","op":"set","id":0}"#;
        let Action::Set(document) = action(line) else { panic!("no set") };
        assert_eq!(document, r#"{"z" : 1.50,"a":"\u0041"}"#);
    }

    #[test]
    fn any_id_is_kept_as_it_was_written() {
        for id in ["null", "1.00", "\"a\\u0062\"", "[1,{\"b\":2}]", "12345678901234567890123"] {
            let line = format!(r#"{{"id":{id},"op":"flush","task":"t","run":"r"}}"#);
            assert_eq!(request(&line).id.get(), id);
        }
    }

    #[test]
    fn options_are_those_of_the_line() {
        let line = r#"{"id":1,"op":"open","task":"t","run":"r","interval_ms":7,
            "durability":{"manifest":"visible","heartbeat":"durable"}}"#;
        let Action::Open(options) = action(line) else { panic!("no open") };
        let expected = RunOptions::new("t", "r")
            .interval(Duration::from_millis(7))
            .manifest_durability(Durability::Visible)
            .heartbeat_durability(Durability::Durable);
        assert_eq!(*options, expected);
    }

    #[test]
    fn a_summary_goes_through_as_it_was_written() {
        let line = r#"{"id":1,"op":"record","task":"t","summary": {"b" : 1.0, "taskId":"t", "runId":"\u0072",
            "a":1e400},"keep_last":7,"lease_ms":10,"lock_wait_ms":0,
            "durability":{"summary":"visible"}}"#;
        let Ask::Record(options, summary, name) = request(line).ask else { panic!("no record") };
        assert_eq!(
            summary,
            "{\"b\" : 1.0, \"taskId\":\"t\", \"runId\":\"\\u0072\",\n            \"a\":1e400}"
        );
        assert_eq!(name, Some(Name { task: "t".into(), run: "r".into() }));
        let expected = RecordOptions::new()
            .task_id("t")
            .keep_last(7)
            .lease(Duration::from_millis(10))
            .lock_wait(Duration::from_millis(0))
            .summary_durability(Durability::Visible);
        assert_eq!(*options, expected);
    }

    #[test]
    fn a_history_may_have_a_limit() {
        let line = r#"{"id":1,"op":"history","task":"t","limit":3}"#;
        let Ask::History(options) = request(line).ask else { panic!("no history") };
        assert_eq!(*options, HistoryOptions::new("t").limit(3));
    }

    #[test]
    fn a_field_that_is_null_is_left_out() {
        let line = r#"{"id":1,"op":"schedule","task":"t","run":"r","manifest":null,"force":true}"#;
        let Action::Schedule(flags) = action(line) else { panic!("no schedule") };
        assert_eq!(flags, Flags::new().force());
    }

    #[test]
    fn a_refusal_names_the_field_and_the_rule() {
        for (rest, message) in [
            ("", "op is missing"),
            (r#","op":1"#, "op must be a string"),
            (
                r#","op":"flsh""#,
                "op must be open, set, merge, mark, schedule, flush, close, stats, record or history, not: flsh",
            ),
            (r#","op":"flush""#, "task is missing"),
            (r#","op":"flush","task":"t""#, "run is missing"),
            (r#","op":"flush","task":"t","run":7"#, "run must be a string"),
            (r#","op":"flush","task":"t","task":"t","run":"r""#, "task is given twice"),
            (
                r#","op":"flush","task":"t","run":"r","force":true"#,
                "flush has no such field: force",
            ),
            (r#","op":"set","task":"t","run":"r""#, "manifest is missing"),
            (r#","op":"set","task":"t","run":"r","manifest":[]"#, "manifest must be an object"),
            (r#","op":"merge","task":"t","run":"r","patch":null"#, "patch must be an object"),
            (r#","op":"schedule","task":"t","run":"r","force":1"#, "force must be true or false"),
            (
                r#","op":"open","task":"t","run":"r","interval_ms":-1"#,
                "interval_ms must be a whole number of milliseconds",
            ),
            (
                r#","op":"open","task":"t","run":"r","durability":{"manifest":"x"}"#,
                "durability must be an object with manifest and heartbeat, each \"visible\" or \"durable\"",
            ),
            (
                r#","op":"open","task":"t","run":"r","durability":["visible","durable"]"#,
                "durability must be an object with manifest and heartbeat, each \"visible\" or \"durable\"",
            ),
            (
                r#","op":"open","task":"t","run":"r","durability":{"manifest":{"visible":null}}"#,
                "durability must be an object with manifest and heartbeat, each \"visible\" or \"durable\"",
            ),
            (r#","op":"record""#, "summary is missing"),
            (r#","op":"record","task":"t","summary":[]"#, "summary must be an object"),
            (
                r#","op":"record","task":"t","summary":{},"keep_last":1.5"#,
                "keep_last must be a whole number of runs",
            ),
            (
                r#","op":"record","task":"t","summary":{},"durability":{"manifest":"durable"}"#,
                "durability must be an object with summary and history, each \"visible\" or \"durable\"",
            ),
            (
                r#","op":"record","task":"t","run":"r","summary":{}"#,
                "record has no such field: run",
            ),
            (r#","op":"history""#, "task is missing"),
            (r#","op":"history","task":"t","limit":-1"#, "limit must be a whole number of runs"),
        ] {
            let line = format!(r#"{{"id":"me"{rest}}}"#);
            assert_eq!(refused(line.as_bytes()), (Some("\"me\"".to_owned()), message.to_owned()));
        }
    }

    #[test]
    fn a_line_that_is_no_request_has_no_id() {
        for line in [&b"{"[..], b"[]", b"7", b"\xff", br#"{"op":"flush"}"#, br#"{"id":1,"id":2}"#] {
            assert_eq!(refused(line).0, None);
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(ID_BYTES_MAX));
        assert_eq!(refused(long.as_bytes()).0, None);
    }
}
