//! Summaries of completed runs.

use super::disk::{self, HISTORY_FILE, Recorder};
use super::document::{LIMITS, unmarked};
use super::time::is_timestamp;
use super::tree::Tree;
use crate::error::{Channel, Error};
use crate::histories::settings::RecordSettings;
use crate::ident;
use crate::json::MAX_DEPTH;
use crate::storage::memory::Memory;

const OTHER: &str = "other";

/// The input is the summary.
pub fn summary(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    LIMITS.iter().for_each(|&limit| record(&text, limit));
}

fn record(text: &str, limit: u64) {
    let disk = Memory::new();
    let recorder = Recorder::on(&disk);
    recorder.record(&disk::summary(OTHER, 30)).expect("recorded");
    let before = disk::files(&disk);
    disk.take_calls();

    let options = RecordSettings {
        task_id: Some("task".into()),
        max_summary_bytes: limit,
        ..RecordSettings::default()
    };
    let recorded = recorder.record_with(text, options);
    let Some((run_id, tree)) = accepted(text, limit) else {
        is_told(&recorded.expect_err("refused"), limit);
        assert!(disk.take_calls().is_empty(), "the disk was touched");
        assert_eq!(disk::files(&disk), before);
        return;
    };
    let recorded = recorded.expect("recorded");
    let file = disk.file(&format!(".runs/task/{run_id}/manifest.json")).expect("a summary");
    assert_eq!(file, tree.indented(0));
    assert_eq!(recorded.summary.bytes, file.len() as u64);

    let history = disk.file(HISTORY_FILE).expect("a history");
    assert_eq!(recorded.history.bytes, history.len() as u64);
    let history = Tree::parse(&history).expect("JSON");
    let [Tree::Array(runs)] = history.all("runs")[..] else { panic!("no runs") };
    assert_eq!(runs.len(), if run_id == OTHER { 1 } else { 2 });
    assert_eq!(recorded.runs as usize, runs.len());
    assert_eq!(runs.iter().filter(|run| **run == tree).count(), 1, "it is no entry of {history:?}");

    let told = recorder.history().expect("a history");
    let told: Vec<_> = told.runs.iter().map(|run| Tree::parse(run).expect("JSON")).collect();
    assert!(told.iter().rev().eq(runs), "it is told in another way: {told:?}");
    assert!(disk.paths().iter().all(|path| !path.contains("tandem-tmp")));
}

/// The run and the value of a summary that keeps the rules.
fn accepted(text: &str, limit: u64) -> Option<(String, Tree<'_>)> {
    let text = unmarked(text);
    let tree = Tree::parse(text).ok()?;
    let member = |name| match tree.all(name)[..] {
        [value] => value.string().filter(|text| !text.contains('\u{FFFD}')),
        _ => None,
    };
    let (task_id, run_id, timestamp) = (member("taskId")?, member("runId")?, member("timestamp")?);
    let is_short = text.len() as u64 <= limit && tree.indented(0).len() as u64 <= limit;
    // An entry stands in an array in an object, and one level is left.
    let is_flat = tree.depth() <= MAX_DEPTH - 3;
    let is_good = task_id == "task" && ident::check("run id", &run_id).is_ok();
    (is_good && is_timestamp(&timestamp) && is_short && is_flat).then_some((run_id, tree))
}

fn is_told(error: &Error, max_bytes: u64) {
    let message = error.to_string();
    assert!(!message.contains(|c: char| c.is_control() || c == '\u{202E}'), "{message:?}");
    match error {
        Error::InvalidId(_) => {}
        Error::InvalidInput { channel: Some(Channel::Summary), .. } => {}
        Error::TooLarge { channel: Channel::Summary, bytes, limit, path: None, .. } => {
            assert!(*limit == max_bytes && *bytes > max_bytes);
        }
        other => panic!("{other}"),
    }
}
