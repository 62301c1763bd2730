//! Answers, one line each.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tandem_host::{
    Bucket, Channel, ChannelStats, Error, ErrorKind, Failure, LockHolder, Operation, Receipt,
    Recorded, Recovery, Revised, Stats, TaskHistory,
};

use super::name::{Id, Name};
use crate::json::on_one_line;
use crate::plain;

/// What cannot be said otherwise. Nothing that the feed answers is of this kind.
const UNSPEAKABLE: &str = concat!(
    r#"{"id":null,"error":{"kind":"component-failed","channel":null,"operation":null,"#,
    r#""path":null,"code":null,"retryable":false,"message":"the answer is no JSON"}}"#
);

/// What went well.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Payload {
    Opened(Opened),
    Done {},
    Revised(Revised),
    Written(Receipt),
    Counted(Box<Counted>),
    Recorded(Recorded),
    History(HistoryAnswer),
}

/// What opening found.
#[derive(Serialize)]
pub struct Opened {
    directory: String,
    document: Option<Box<RawValue>>,
    heartbeat: Option<String>,
    heartbeat_age_ms: Option<u64>,
    swept: u32,
    set_aside: Vec<String>,
}

/// A run's counters.
#[derive(Serialize)]
pub struct Counted {
    revision: u64,
    written_revision: Option<u64>,
    requests: u64,
    coalesced: u64,
    flushes: u64,
    failed_flushes: u64,
    automatic_retries: u64,
    manifest: ChannelStats,
    heartbeat: ChannelStats,
    last_error: Option<Problem>,
    latency: Vec<Bucket>,
}

/// A task's history.
#[derive(Serialize)]
pub struct HistoryAnswer {
    last_run_at: String,
    total: u32,
    runs: Vec<Option<Box<RawValue>>>,
}

/// What went wrong.
#[derive(Debug, Serialize)]
pub struct Problem {
    kind: Kind,
    channel: Option<Channel>,
    operation: Option<Operation>,
    path: Option<String>,
    code: Option<String>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<LockHolder>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Box<Failure>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Kind {
    Library(ErrorKind),
    Feed(FeedKind),
}

/// Kinds that the library does not need: its handles are open.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum FeedKind {
    NotOpen,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    outcome: Answered<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Answered<'a> {
    Ok(&'a Payload),
    Error(&'a Problem),
}

/// The line that answers a request.
pub fn line(id: Option<&Id>, outcome: Result<&Payload, &Problem>) -> String {
    let outcome = match outcome {
        Ok(payload) => Answered::Ok(payload),
        Err(problem) => Answered::Error(problem),
    };
    let answer = Answer { id: id.map(AsRef::as_ref), outcome };
    let mut line = serde_json::to_string(&answer).unwrap_or_else(|_| UNSPEAKABLE.to_owned());
    line.push('\n');
    line
}

impl Problem {
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Problem::new(Kind::Library(ErrorKind::InvalidInput), message.into())
    }

    pub fn too_large(message: impl Into<String>) -> Self {
        Problem::new(Kind::Library(ErrorKind::TooLarge), message.into())
    }

    pub fn not_open(name: &Name) -> Self {
        Problem::about(Kind::Feed(FeedKind::NotOpen), name, "the run is not open")
    }

    pub fn already_open(name: &Name) -> Self {
        Problem::about(Kind::Library(ErrorKind::AlreadyOpen), name, "the run is open already")
    }

    pub fn closed(name: &Name) -> Self {
        Problem::about(Kind::Library(ErrorKind::Closed), name, "the run is closed")
    }

    pub fn not_read(task: &str) -> Self {
        let message = format!("the feed was told to end, the history is not read: {task}");
        Problem::new(Kind::Library(ErrorKind::Closed), message)
    }

    #[cfg(test)]
    pub fn message(&self) -> &str {
        &self.message
    }

    fn about(kind: Kind, name: &Name, what: &str) -> Self {
        Problem::new(kind, format!("{what}: {}/{}", name.task, name.run))
    }

    fn new(kind: Kind, message: String) -> Self {
        Problem {
            kind,
            channel: None,
            operation: None,
            path: None,
            code: None,
            retryable: false,
            holder: None,
            message,
            beside: None,
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Problem {
            kind: Kind::Library(error.kind()),
            channel: error.channel(),
            operation: error.operation(),
            path: error.path().map(str::to_owned),
            code: error.code().map(str::to_owned),
            retryable: error.retryable(),
            holder: error.holder().cloned(),
            message: plain::message(error),
            beside: error.beside().cloned().map(Box::new),
        }
    }
}

impl From<&Recovery> for Opened {
    fn from(recovery: &Recovery) -> Self {
        Opened {
            directory: recovery.directory.clone(),
            document: recovery.document.as_deref().and_then(document),
            heartbeat: recovery.heartbeat.clone(),
            heartbeat_age_ms: recovery
                .heartbeat_age
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            swept: recovery.swept,
            set_aside: recovery.set_aside.clone(),
        }
    }
}

impl From<TaskHistory> for HistoryAnswer {
    fn from(history: TaskHistory) -> Self {
        let runs = history.runs.iter().map(|run| document(run)).collect();
        HistoryAnswer { last_run_at: history.last_run_at, total: history.total, runs }
    }
}

/// A file's text as a JSON value. The component has read it, so it is one.
fn document(text: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(on_one_line(text)).or_else(|_| to_raw_value(text)).ok()
}

impl From<Stats> for Counted {
    fn from(stats: Stats) -> Self {
        Counted {
            revision: stats.revision,
            written_revision: stats.written_revision,
            requests: stats.requests,
            coalesced: stats.coalesced,
            flushes: stats.flushes,
            failed_flushes: stats.failed_flushes,
            automatic_retries: stats.automatic_retries,
            manifest: stats.manifest,
            heartbeat: stats.heartbeat,
            last_error: stats.last_error.as_ref().map(Problem::from),
            latency: stats.latency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_line_and_says_nothing_but_what_it_has() {
        let id = RawValue::from_string("1.00".to_owned()).unwrap();
        assert_eq!(line(Some(&id), Ok(&Payload::Done {})), "{\"id\":1.00,\"ok\":{}}\n");
        assert_eq!(
            line(None, Err(&Problem::not_open(&Name { task: "t".into(), run: "r".into() }))),
            "{\"id\":null,\"error\":{\"kind\":\"not-open\",\"channel\":null,\"operation\":null,\
             \"path\":null,\"code\":null,\"retryable\":false,\
             \"message\":\"the run is not open: t/r\"}}\n"
        );
    }

    #[test]
    fn a_recovered_document_is_a_value_with_its_text_kept() {
        let opened = Opened {
            document: document("{\n  \"b\": 1.50,\n  \"a\": \"x y\"\n}\n"),
            ..Opened::from(&Recovery::default())
        };
        let line = line(None, Ok(&Payload::Opened(opened)));
        assert!(line.contains(r#""document":{"b":1.50,"a":"x y"},"heartbeat":null"#), "{line}");
    }

    #[test]
    fn what_cannot_be_said_is_still_an_answer() {
        assert!(serde_json::from_str::<serde_json::Value>(UNSPEAKABLE).is_ok());
    }
}
