//! What must hold for any bytes on standard input, up to the library. The test runs this on
//! `tests/corpus/feed/` and on a fixed walk around it; `fuzz/` searches on.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::lines::{TooLong, next};
use super::name::Name;
use super::reply::{self, Payload};
use super::request::{Action, Ask, Request, read};
use crate::json::Members;
use tandem::fuzz::tree::{No, Tree, unescaped};

/// The longest line here: inputs reach it, and no id in it is too long.
const LINE_BYTES_MAX: usize = 1024;
/// The longest message: a field that is not known is repeated in part, and the rest is short.
const MESSAGE_CHARS_MAX: usize = 64 + 136;

/// The fields of a request beside `id` and `op`, and what each must be.
const FIELDS: [(&str, &[(&str, Rule)]); 10] = [
    (
        "open",
        &[
            TASK,
            RUN,
            ("interval_ms", Rule::AtMost(u64::MAX)),
            ("manifest_interval_ms", Rule::AtMost(u64::MAX)),
            ("heartbeat_interval_ms", Rule::AtMost(u64::MAX)),
            LIVE,
        ],
    ),
    ("set", &[TASK, RUN, ("manifest", Rule::Object)]),
    ("merge", &[TASK, RUN, ("patch", Rule::Object)]),
    ("mark", &[TASK, RUN, flag("manifest"), flag("heartbeat"), flag("force")]),
    ("schedule", &[TASK, RUN, flag("manifest"), flag("heartbeat"), flag("force")]),
    ("flush", &[TASK, RUN]),
    ("close", &[TASK, RUN]),
    ("stats", &[TASK, RUN]),
    (
        "record",
        &[
            ("task", Rule::MaybeString),
            ("summary", Rule::Object),
            ("keep_last", Rule::AtMost(u32::MAX as u64)),
            ("lease_ms", Rule::AtMost(u64::MAX)),
            ("lock_wait_ms", Rule::AtMost(u64::MAX)),
            ("durability", Rule::Durability(["summary", "history"])),
        ],
    ),
    ("history", &[TASK, ("limit", Rule::AtMost(u32::MAX as u64))]),
];
const TASK: (&str, Rule) = ("task", Rule::String);
const RUN: (&str, Rule) = ("run", Rule::String);
const LIVE: (&str, Rule) = ("durability", Rule::Durability(["manifest", "heartbeat"]));

/// What a field must be. Strings and objects must be there, the others may be left out or null.
#[derive(Clone, Copy)]
enum Rule {
    String,
    Object,
    MaybeString,
    Flag,
    AtMost(u64),
    Durability([&'static str; 2]),
}

const fn flag(name: &str) -> (&str, Rule) {
    (name, Rule::Flag)
}

/// The input is all that comes from standard input.
pub fn feed(input: &[u8]) {
    let mut whole: Vec<&[u8]> = input.split(|&byte| byte == b'\n').collect();
    if whole.last() == Some(&&b""[..]) {
        whole.pop();
    }
    let mut rest = input;
    for line in whole {
        let read = next(&mut rest, LINE_BYTES_MAX).expect("memory can be read");
        let is_long = line.len() > LINE_BYTES_MAX;
        assert_eq!(read, Some(if is_long { Err(TooLong) } else { Ok(line.to_vec()) }));
        answer(if is_long { Err(TooLong) } else { Ok(line) });
    }
    assert_eq!(next(&mut rest, LINE_BYTES_MAX).expect("memory can be read"), None);
}

/// Each line has one answer, with its id if it has one.
fn answer(line: Result<&[u8], TooLong>) {
    let text = line.as_ref().ok().and_then(|line| std::str::from_utf8(line).ok());
    let tree = text.map_or(Err(No::Json), Tree::parse);
    let request = read(line.map(<[u8]>::to_vec));
    let (id, outcome) = match &request {
        Ok(request) => (Some(&request.id), Ok(&Payload::Done {})),
        Err(refusal) => (refusal.id.as_ref(), Err(&*refusal.problem)),
    };
    let answer = reply::line(id, outcome);
    is_answer(&answer, id.map(AsRef::as_ref), request.is_ok());
    let Ok(tree) = tree.or_else(|no| if no == No::Json { Ok(Tree::Scalar("")) } else { Err(no) })
    else {
        // Too deep to be compared.
        return;
    };
    let expected_id = expected_id(&tree);
    assert_eq!(id.map(|id| Tree::parse(id.get())), expected_id.map(|id| Ok(id.clone())));
    let is_request = expected_id.is_some() && is_request(&tree);
    assert_eq!(request.is_ok(), is_request, "{answer}");
    if let (Ok(request), Some(text)) = (request, text) {
        says_the_same(&request, &tree, text);
    }
}

fn is_answer(answer: &str, id: Option<&RawValue>, is_ok: bool) {
    assert_eq!(answer.find('\n'), Some(answer.len() - 1), "it is not one line: {answer:?}");
    let Members(members) = Members::read(answer).expect("an answer is JSON");
    let [(id_name, answered_id), (outcome_name, outcome)] = &members[..] else {
        panic!("it has other members: {answer}")
    };
    assert_eq!((id_name.as_str(), answered_id.get()), ("id", id.map_or("null", RawValue::get)));
    assert_eq!(outcome_name, if is_ok { "ok" } else { "error" });
    if !is_ok {
        let problem: Value = serde_json::from_str(outcome.get()).expect("a problem is JSON");
        let message = problem["message"].as_str().expect("a message");
        assert!(!message.is_empty() && message.chars().count() <= MESSAGE_CHARS_MAX, "{message}");
        assert!(problem["kind"] == "invalid-input" || problem["kind"] == "too-large");
    }
}

/// The id of a line that is an object whose names are Unicode.
fn expected_id<'t, 'a>(tree: &'t Tree<'a>) -> Option<&'t Tree<'a>> {
    let is_unicode = |(key, _): &(&str, _)| serde_json::from_str::<String>(key).is_ok();
    if !tree.members()?.iter().all(is_unicode) {
        return None;
    }
    if let [id] = tree.all("id")[..] { Some(id) } else { None }
}

/// Whether the line is one that the help text describes.
fn is_request(tree: &Tree<'_>) -> bool {
    let [op] = tree.all("op")[..] else { return false };
    let fields = FIELDS.iter().find(|(name, _)| text(op).as_deref() == Some(name));
    let Some((_, fields)) = fields else { return false };
    let members = tree.members().unwrap_or_default();
    let is_known = |(key, _): &(&str, _)| {
        let name = unescaped(key);
        name == "id" || name == "op" || fields.iter().any(|(field, _)| *field == name)
    };
    members.iter().all(is_known)
        && fields.iter().all(|(name, rule)| match tree.all(name)[..] {
            [] => !matches!(rule, Rule::String | Rule::Object),
            [value] => rule.allows(value),
            _ => false,
        })
}

impl Rule {
    fn allows(self, value: &Tree<'_>) -> bool {
        let scalar = if let Tree::Scalar(text) = value { *text } else { "" };
        match self {
            Rule::String => text(value).is_some(),
            Rule::Object => value.members().is_some(),
            _ if scalar == "null" => true,
            Rule::MaybeString => text(value).is_some(),
            Rule::Flag => scalar == "true" || scalar == "false",
            Rule::AtMost(max) => scalar.parse().is_ok_and(|number: u64| number <= max),
            Rule::Durability(names) => value.members().is_some_and(|members| {
                let is_known = |(key, _): &(&str, _)| names.contains(&unescaped(key).as_str());
                members.iter().all(is_known)
                    && names.iter().all(|name| match value.all(name)[..] {
                        [] | [Tree::Scalar("null")] => true,
                        [one] => matches!(text(one).as_deref(), Some("visible" | "durable")),
                        _ => false,
                    })
            }),
        }
    }
}

/// A string of Unicode.
fn text(value: &Tree<'_>) -> Option<String> {
    if let Tree::Scalar(text) = value { serde_json::from_str(text).ok() } else { None }
}

fn milliseconds(value: &Tree<'_>) -> Option<Duration> {
    if let Tree::Scalar(text) = value { text.parse().ok().map(Duration::from_millis) } else { None }
}

/// Checks that a request is what its line says, whatever the order of the fields.
fn says_the_same(request: &Request, tree: &Tree<'_>, line: &str) {
    let Members(mut members) = Members::read(line).expect("an object");
    members.reverse();
    let members = members.iter().map(|(name, raw)| format!("\t{} :\r{raw}", Value::from(&**name)));
    let reversed = format!(" {{{}}} ", members.collect::<Vec<_>>().join(" , "));
    let again = read(Ok(reversed.into_bytes())).expect("the same request");
    assert_eq!(format!("{again:?}"), format!("{request:?}"));

    let field = |name: &str| text(tree.all(name)[0]).expect("a string");
    let is_passed_on = |json: &str, name: &str| {
        assert!(line.contains(json), "it was written anew: {json}");
        assert_eq!(Tree::parse(json).as_ref(), Ok(tree.all(name)[0]));
    };
    match &request.ask {
        Ask::Run(name, action) => {
            assert_eq!(*name, Name { task: field("task"), run: field("run") });
            match action {
                Action::Set(document) => is_passed_on(document, "manifest"),
                Action::Merge(patch) => is_passed_on(patch, "patch"),
                Action::Open(options) => {
                    let of = |name| tree.all(name).last().and_then(|it| milliseconds(it));
                    let both = of("interval_ms");
                    let [manifest, heartbeat] =
                        ["manifest_interval_ms", "heartbeat_interval_ms"].map(|it| of(it).or(both));
                    assert_eq!(options.manifest_interval, manifest);
                    assert_eq!(options.heartbeat_interval, heartbeat);
                }
                Action::Mark(flags) | Action::Schedule(flags) => {
                    let is_set = |name| tree.all(name)[..] == [&Tree::Scalar("true")];
                    assert_eq!(flags.manifest, is_set("manifest"));
                    assert_eq!(flags.heartbeat, is_set("heartbeat"));
                    assert_eq!(flags.force, is_set("force"));
                }
                _ => {}
            }
        }
        Ask::Record(options, summary, name) => {
            let task = tree.all("task").last().and_then(|task| text(task));
            assert_eq!(options.task_id, task);
            is_passed_on(summary, "summary");
            let member = |name| tree.all("summary")[0].all(name).last().and_then(|it| text(it));
            if let Some(name) = name {
                let told = (Some(name.task.clone()), Some(name.run.clone()));
                assert_eq!(told, (member("taskId"), member("runId")));
            }
        }
        Ask::History(options) => assert_eq!(options.task_id, field("task")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORPORA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus");

    #[test]
    fn each_line_has_one_answer_and_says_what_it_says() {
        tandem::fuzz::corpus::check(CORPORA, "feed", 4_000, feed);
    }
}
