//! Files that another writer left where a history is looked for.

use std::cmp::Ordering;

use super::disk::{self, HISTORY_FILE, LEGACY_FILE, Recorder};
use super::document::unmarked;
use super::pieces::pieces;
use super::tree::{No, Tree, unescaped};
use crate::error::Error;
use crate::histories::TaskHistory;
use crate::storage::memory::Memory;
use crate::time::is_timestamp;

const NEW_ID: &str = "r1";
const NEW_SECOND: u32 = 1;

/// What a reader of the format finds in a file.
struct Found<'a> {
    /// In the order of the file.
    entries: Vec<Entry<'a>>,
    /// Members that are no part of the format.
    others: Vec<(&'a str, Tree<'a>)>,
}

/// Two ids that are no Unicode are not the same because both are shown in one way.
#[derive(Clone, PartialEq, Eq)]
enum Identity {
    Unicode(String),
    Text(String),
}

#[derive(Clone)]
struct Entry<'a> {
    run_id: Option<Identity>,
    timestamp: String,
    tree: Tree<'a>,
}

/// The first piece of the input is the history's file; with a second one, which is the file of the
/// older format, an empty first one is no file.
pub fn history(input: &[u8]) {
    let pieces = pieces(input);
    let legacy = pieces.get(1).copied();
    let own = Some(pieces[0]).filter(|own| legacy.is_none() || !own.is_empty());
    let disk = Memory::new();
    for (path, content) in [(HISTORY_FILE, own), (LEGACY_FILE, legacy)] {
        if let Some(content) = content {
            disk.put(path, content, 0);
        }
    }
    let content = own.or(legacy).unwrap_or_default();
    if let Ok(text) = str::from_utf8(content)
        && let Some(of) = other_case(unmarked(text))
    {
        return is_left_alone(&Recorder::on(&disk), &of);
    }
    let found = match std::str::from_utf8(content).map_err(|_| No::Json).map(unmarked).map(found) {
        Ok(Ok(found)) => Some(found),
        Err(_) | Ok(Err(No::Json)) => None,
        Ok(Err(No::Depth)) => return never_stops(&Recorder::on(&disk), content),
    };

    let recorder = Recorder::on(&disk);
    let text = String::from_utf8_lossy(content);
    let mut expected: Vec<Entry<'_>> = found.as_ref().map_or(Vec::new(), put_right);
    match recorder.history() {
        Ok(told) => is_told(&told, &expected, &text),
        Err(error) => {
            let path = HISTORY_FILE.to_owned();
            assert!(found.is_none() && own.is_some(), "{error}");
            assert_eq!(error, Error::Corrupt { path });
        }
    }

    let summary = disk::summary(NEW_ID, NEW_SECOND);
    let recorded = recorder.record(&summary).expect("no file stops a run");
    let aside = recorded.set_aside;
    assert_eq!(aside.len(), usize::from(found.is_none() && own.is_some()));
    for path in &aside {
        assert!(disk::is_aside(path, HISTORY_FILE), "{path}");
        assert_eq!(disk.bytes(path).as_deref(), Some(content));
    }
    if let Some(legacy) = legacy {
        assert_eq!(disk.bytes(LEGACY_FILE).as_deref(), Some(legacy));
    }

    insert(&mut expected, Tree::parse(&summary).expect("a summary"));
    assert_eq!(recorded.runs as usize, expected.len());
    let file = disk.file(HISTORY_FILE).expect("a history");
    holds(&file, &expected, found.as_ref().map_or(&[], |found| &found.others));
    is_told(&recorder.history().expect("a history"), &expected, &file);

    // The same run once more changes nothing.
    let again = recorder.record(&summary).expect("recorded");
    assert_eq!((again.runs as usize, again.set_aside), (expected.len(), Vec::new()));
    assert_eq!(disk.file(HISTORY_FILE), Some(file));
    assert!(disk.paths().iter().all(|path| !path.contains("tandem-tmp")));
}

/// The id of the task, if it is this one's but for case.
fn other_case(text: &str) -> Option<String> {
    let tree = Tree::parse(text).ok()?;
    let of = tree.all("taskId").last().and_then(|id| id.string())?;
    let has_runs = matches!(tree.all("runs").last(), Some(Tree::Array(_)));
    (has_runs && of != "task" && of.eq_ignore_ascii_case("task")).then_some(of)
}

/// A history of the task `of`, whose directory may be the same one.
fn is_left_alone(recorder: &Recorder, of: &str) {
    let before = disk::files(&recorder.disk);
    let told = recorder.history().expect_err("another's");
    assert!(matches!(&told, Error::OfAnother(another) if another.of == of), "{told}");
    let error = recorder.record(&disk::summary(NEW_ID, NEW_SECOND)).expect_err("another's");
    assert!(matches!(&error, Error::UnrecordedOfAnother(another) if another.of == of), "{error}");
    let mut after = disk::files(&recorder.disk);
    after.retain(|(path, _)| path.starts_with("out/"));
    assert_eq!(after, before);
}

/// What is too deep to be compared is merged into or set aside all the same.
fn never_stops(recorder: &Recorder, content: &[u8]) {
    let recorded = match recorder.record(&disk::summary(NEW_ID, NEW_SECOND)) {
        Err(Error::UnrecordedOfAnother(_)) => return,
        recorded => recorded.expect("recorded"),
    };
    for path in &recorded.set_aside {
        assert_eq!(recorder.disk.bytes(path).as_deref(), Some(content));
    }
    let told = recorder.history().expect("a history");
    assert_eq!(told.total, recorded.runs);
    assert!(told.runs.iter().any(|run| run.contains(NEW_ID)));
}

/// The last member of a name counts.
fn found(text: &str) -> Result<Found<'_>, No> {
    let tree = Tree::parse(text)?;
    let members = tree.members().ok_or(No::Json)?;
    let is_of_task =
        tree.all("taskId").last().and_then(|id| id.string()).is_some_and(|id| id == "task");
    let runs = tree.all("runs").last().copied().cloned();
    let (true, Some(Tree::Array(runs))) = (is_of_task, runs) else { return Err(No::Json) };
    let is_other =
        |(key, _): &&(&str, _)| !["taskId", "lastRunAt", "runs"].contains(&unescaped(key).as_str());
    let others = members.iter().filter(is_other).cloned().collect();
    Ok(Found { entries: runs.into_iter().map(entry).collect(), others })
}

fn entry(tree: Tree<'_>) -> Entry<'_> {
    let filled = |name| match tree.all(name).last() {
        Some(Tree::Scalar(text)) if text.starts_with('"') && *text != "\"\"" => Some(*text),
        _ => None,
    };
    let (run_id, timestamp) = match (filled("runId"), filled("timestamp")) {
        (Some(run_id), Some(timestamp)) => (run_id, unescaped(timestamp)),
        _ => return Entry { run_id: None, timestamp: String::new(), tree },
    };
    let id = unescaped(run_id);
    let is_unicode = !id.contains('\u{FFFD}');
    let run_id = if is_unicode { Identity::Unicode(id) } else { Identity::Text(run_id.to_owned()) };
    Entry { run_id: Some(run_id), timestamp, tree }
}

/// Of entries with one id the last is kept, and all are in the order of their time.
fn put_right<'a>(found: &Found<'a>) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for entry in &found.entries {
        if entry.run_id.is_some() {
            entries.retain(|old| old.run_id != entry.run_id);
        }
        entries.push(entry.clone());
    }
    entries.sort_by(|a, b| order(&a.timestamp, &b.timestamp));
    entries
}

/// What lacks a timestamp, then what is none, then times: with as many digits each, the text tells.
fn order(a: &str, b: &str) -> Ordering {
    let class = |text: &str| u8::from(!text.is_empty()) + u8::from(is_timestamp(text));
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let width = digits(a).max(digits(b));
    let padded = |text: &str| {
        let plain: String = text.chars().filter(char::is_ascii_digit).collect();
        format!("{plain:0<width$}")
    };
    class(a).cmp(&class(b)).then_with(|| match class(a) {
        2 => padded(a).cmp(&padded(b)),
        _ => a.cmp(b),
    })
}

fn insert<'a>(entries: &mut Vec<Entry<'a>>, new: Tree<'a>) {
    let new = entry(new);
    match entries.iter().position(|old| old.run_id == new.run_id) {
        Some(at) if order(&entries[at].timestamp, &new.timestamp).is_eq() => entries[at] = new,
        old => {
            if let Some(at) = old {
                entries.remove(at);
            }
            let at =
                entries.iter().filter(|old| order(&old.timestamp, &new.timestamp).is_le()).count();
            entries.insert(at, new);
        }
    }
}

/// Checks that a file has these entries and nothing else that was not there before.
fn holds(file: &str, expected: &[Entry<'_>], others: &[(&str, Tree<'_>)]) {
    let tree = Tree::parse(file).expect("JSON");
    let [task, last, runs, rest @ ..] = tree.members().expect("an object") else {
        panic!("no history: {file}")
    };
    assert_eq!(*task, ("\"taskId\"", Tree::Scalar("\"task\"")));
    assert_eq!(last.0, "\"lastRunAt\"");
    let newest = expected.last().map_or("", |entry| &entry.timestamp);
    assert_eq!(last.1.string().as_deref(), Some(newest));
    let expected = expected.iter().map(|entry| entry.tree.clone()).collect();
    assert_eq!(*runs, ("\"runs\"", Tree::Array(expected)));
    assert_eq!(rest, others);
}

/// Checks that a history is told as it is, the newest run first, each with the text of its file.
fn is_told(told: &TaskHistory, expected: &[Entry<'_>], file: &str) {
    assert_eq!(told.total as usize, expected.len());
    assert_eq!(told.last_run_at, expected.last().map_or("", |entry| &entry.timestamp));
    assert_eq!(told.runs.len(), expected.len());
    for (text, entry) in told.runs.iter().zip(expected.iter().rev()) {
        assert!(file.contains(text.as_str()), "another text: {text}");
        assert_eq!(Tree::parse(text).as_ref(), Ok(&entry.tree));
    }
}
