//! Whether a disk after a crash keeps what was promised.

use std::collections::BTreeMap;

use serde_json::Value;

use super::acknowledged::{Acknowledged, AcknowledgedRecord};
use super::past::ARTIFACT;
use super::plan::{self, Plan};
use super::recovery::Observation;
use crate::sim::tree::Tree;
use tandem_host::Durability;
use tandem_host::{Reached, Recorded};

/// How a disk came into its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// Nothing has crashed: what a reader sees while the component works.
    None,
    /// The component died, the system did not.
    Process,
    /// What was not synced may be gone.
    PowerLoss,
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Absent,
    /// The version with this number.
    Whole(usize),
    Torn,
}

type Verdict = Result<(), String>;

/// Judges the files as a reader finds them.
pub(super) fn files(
    tree: &Tree,
    plan: &Plan,
    acknowledged: &Acknowledged,
    crash: Crash,
) -> Verdict {
    for run in 0..plan.runs.len() {
        manifest(tree, acknowledged, run, crash)?;
        heartbeat(tree, acknowledged, run, crash)?;
        if plan.has_removals {
            removal(tree, acknowledged, run, crash)?;
        }
    }
    if plan.has_records {
        summaries(tree, plan, acknowledged, crash)?;
        history(tree, plan, acknowledged, crash)?;
    }
    Ok(())
}

/// Judges what recovery made of the files in `tree`.
pub(super) fn recovery(tree: &Tree, observation: &Observation) -> Verdict {
    for (run, opened) in observation.opened.iter().enumerate() {
        let id = plan::run_id(run);
        let recovery = opened.as_ref().map_err(|error| format!("open of {id} fails: {error}"))?;
        let is_aside = |path: &str| -> Result<bool, String> {
            let prefix = format!("{path}.corrupt-");
            let Some(aside) = recovery.set_aside.iter().find(|aside| aside.starts_with(&prefix))
            else {
                return Ok(false);
            };
            let (was, is) = (tree.content(path), observation.found.content(aside));
            if was != is {
                return Err(format!("{path} was set aside with other bytes"));
            }
            if observation.found.content(path).is_some() {
                return Err(format!("{path} was set aside and is still there"));
            }
            Ok(true)
        };
        let path = plan::manifest_path(run);
        let aside = is_aside(&path)?;
        let text = tree.content(&path).map(|data| std::str::from_utf8(data).unwrap_or_default());
        let is_good = text.is_some_and(is_object);
        match (text, &recovery.document) {
            (None, None) if !aside => {}
            (Some(text), Some(document)) if document[..] == *text && is_good && !aside => {}
            (Some(_), None) if !is_good && aside => {}
            (Some(_), _) if !is_good => {
                return Err(format!("open of {id} does not set a corrupt {path} aside"));
            }
            _ => return Err(format!("open of {id} does not return what {path} holds")),
        }
        let path = plan::heartbeat_path(run);
        let aside = is_aside(&path)?;
        let text = tree.content(&path).map(|data| std::str::from_utf8(data).unwrap_or_default());
        let is_good = text.is_some_and(|text| beat_ms(text).is_some());
        match (text, &recovery.heartbeat) {
            (None, None) if !aside => {}
            (Some(text), Some(beat)) if text.trim_end() == beat && is_good && !aside => {}
            (Some(_), None) if !is_good && aside => {}
            (Some(_), _) if !is_good => {
                return Err(format!("open of {id} does not set a corrupt {path} aside"));
            }
            _ => return Err(format!("open of {id} does not return what {path} holds")),
        }
        let dir = plan::run_dir(run);
        let in_dir = |tree| super::recovery::leftovers(tree, |of, _| of == dir);
        let (was, is, old) = (in_dir(tree), in_dir(&observation.found), observation.old[run]);
        if usize::try_from(recovery.swept) != Ok(old) {
            let swept = recovery.swept;
            return Err(format!("open of {id} says {swept} swept of {old} abandoned files"));
        }
        if is.len() + old != was.len() {
            let (is, young) = (is.len(), was.len() - old);
            return Err(format!("open of {id} leaves {is} temporary files, and {young} are young"));
        }
    }
    if let Some(told) = &observation.history {
        let path = plan::history_path();
        let file = tree.content(&path).map(|data| parse_history(data));
        match (told, file) {
            (Ok(_), Some(None)) => return Err(format!("history reads a corrupt {path}")),
            (Err(_), Some(None)) => {}
            (Err(error), _) => return Err(format!("history fails: {error}")),
            (Ok(told), file) => {
                let ParsedHistory { last_run_at, mut runs } = file.flatten().unwrap_or_default();
                runs.reverse();
                let told_runs: Option<Vec<Value>> =
                    told.runs.iter().map(|run| serde_json::from_str(run).ok()).collect();
                let is_same = told.last_run_at == last_run_at
                    && usize::try_from(told.total) == Ok(runs.len())
                    && told_runs == Some(runs);
                if !is_same {
                    return Err(format!("history does not tell what {path} holds"));
                }
            }
        }
    }
    if let Some(sentence) = &observation.use_failed {
        return Err(sentence.clone());
    }
    match &observation.used {
        Some((Some(recorded), after)) => recorded_again(tree, after, recorded),
        _ => Ok(()),
    }
}

/// Judges the history when one more run was recorded: it has what it had, and that run. One that
/// nobody can read is kept under another name.
fn recorded_again(before: &Tree, after: &Tree, recorded: &Recorded) -> Verdict {
    let path = plan::history_path();
    let old = before.content(&path);
    let was = old.map(|data| parse_history(data));
    let mut expected =
        was.as_ref().and_then(Option::as_ref).map_or(Vec::new(), |was| was.runs.clone());
    let now = after.content(&path).and_then(|data| parse_history(data));
    let Some(mut now) = now else { return Err(format!("a run is recorded, and not in {path}")) };
    let is_told = usize::try_from(recorded.runs) == Ok(now.runs.len());
    let newest = now.runs.pop();
    let is_newest = newest.is_some_and(|run| run["runId"] == plan::run_id(plan::LATER).as_str());
    // Two that were recorded in another order than their times are put right.
    let key = |run: &Value| (run["timestamp"].as_str().and_then(time), run["runId"].to_string());
    expected.sort_by_key(key);
    now.runs.sort_by_key(key);
    if !is_told || !is_newest || now.runs != expected {
        return Err(format!("one more recorded run does more to {path} than add it"));
    }
    let is_aside = |aside: &String| {
        aside.starts_with(&format!("{path}.corrupt-")) && after.content(aside) == old
    };
    let must_be_aside = matches!(was, Some(None));
    match (&*recorded.set_aside, must_be_aside) {
        ([aside], true) if is_aside(aside) => Ok(()),
        ([], false) => Ok(()),
        _ => Err(format!("a corrupt {path} must be set aside as it is, and nothing else")),
    }
}

/// What a manifest's file is.
pub(super) fn found_manifest(tree: &Tree, acknowledged: &Acknowledged, run: usize) -> Found {
    let Some(data) = tree.content(&plan::manifest_path(run)) else { return Found::Absent };
    let versions = &acknowledged.runs[run].versions;
    match versions.iter().rposition(|version| version.as_bytes() == &***data) {
        Some(version) => Found::Whole(version),
        None => Found::Torn,
    }
}

/// The time in a heartbeat's file, if the file is whole.
pub(super) fn found_heartbeat(tree: &Tree, run: usize) -> Option<u64> {
    let data = tree.content(&plan::heartbeat_path(run))?;
    beat_ms(&String::from_utf8_lossy(data))
}

/// After a crash: what a disk holds of summaries and histories is durable, and nothing else is
/// promised.
pub(super) fn rebase_records(tree: &Tree, plan: &Plan, acknowledged: &mut Acknowledged) {
    let path = plan::history_path();
    let data = tree.content(&path);
    let history = data.and_then(|data| parse_history(data));
    acknowledged.known_bad.remove(&path);
    if let (Some(data), None) = (data, &history) {
        acknowledged.known_bad.insert(path, data.clone());
    }
    let entries = history.map(|history| history.runs).unwrap_or_default();
    for run in 0..plan.runs.len() {
        let path = plan::summary_path(run);
        let summary = tree.content(&path);
        let mut is_whole = false;
        for record in acknowledged.records.iter_mut().filter(|record| record.run == run) {
            let has_file = summary.is_some_and(|data| record.file.as_bytes() == &***data);
            is_whole |= has_file;
            let value: Option<Value> = serde_json::from_str(&record.file).ok();
            let has_entry = entries.iter().any(|entry| Some(entry) == value.as_ref());
            record.summary_visible = has_file;
            record.summary_durable = has_file;
            record.history_visible = has_entry;
            record.history_durable = has_entry;
        }
        acknowledged.known_bad.remove(&path);
        if let Some(data) = summary.filter(|_| !is_whole) {
            acknowledged.known_bad.insert(path, data.clone());
        }
    }
}

fn manifest(tree: &Tree, acknowledged: &Acknowledged, run: usize, crash: Crash) -> Verdict {
    let known = &acknowledged.runs[run];
    let path = plan::manifest_path(run);
    let (promised, word) = match crash {
        Crash::PowerLoss => (known.durable, "durable"),
        Crash::None | Crash::Process => (known.visible, "written"),
    };
    let is_known_bad =
        tree.content(&path).is_some_and(|data| acknowledged.is_known_bad(&path, data));
    match (found_manifest(tree, acknowledged, run), promised) {
        (Found::Torn, None) if is_known_bad => Ok(()),
        (Found::Whole(version), Some(promised)) if version < promised => Err(format!(
            "version {promised} was acknowledged as {word}, {path} holds version {version}"
        )),
        (Found::Absent, Some(_)) if is_excused(tree, acknowledged, run, Part::Manifest, crash) => {
            Ok(())
        }
        (Found::Absent, Some(promised)) => {
            Err(format!("version {promised} was acknowledged as {word}, {path} is gone"))
        }
        (Found::Torn, _) if crash != Crash::PowerLoss => {
            Err(format!("a reader finds a file that is no version of the manifest: {path}"))
        }
        (Found::Torn, _) if !known.may_tear => {
            Err(format!("a durable file is torn after a power loss: {path}"))
        }
        _ => Ok(()),
    }
}

fn heartbeat(tree: &Tree, acknowledged: &Acknowledged, run: usize, crash: Crash) -> Verdict {
    let known = &acknowledged.runs[run];
    let path = plan::heartbeat_path(run);
    let promised = match crash {
        Crash::PowerLoss => known.heartbeat_durable_ms,
        Crash::None | Crash::Process => known.heartbeat_visible_ms,
    };
    let Some(data) = tree.content(&path) else {
        let is_excused = || is_excused(tree, acknowledged, run, Part::Heartbeat, crash);
        return match promised {
            Some(_) if !is_excused() => Err(format!("an acknowledged heartbeat is gone: {path}")),
            _ => Ok(()),
        };
    };
    match beat_ms(&String::from_utf8_lossy(data)) {
        Some(beat) if promised.is_some_and(|promised| beat < promised) => {
            Err(format!("the heartbeat is older than an acknowledged one: {path}"))
        }
        Some(_) => Ok(()),
        None if promised.is_none() && acknowledged.is_known_bad(&path, data) => Ok(()),
        None if crash == Crash::PowerLoss && known.heartbeat_may_tear => Ok(()),
        None => Err(format!("the heartbeat's file is not whole: {path}")),
    }
}

/// A file of a run's directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Manifest,
    Heartbeat,
    Artifact,
    Summary,
}

/// Whether a file may be absent because a removal was asked for: it goes with its directory. A
/// directory that is there under its own name is whole.
fn is_excused(
    tree: &Tree,
    acknowledged: &Acknowledged,
    run: usize,
    part: Part,
    crash: Crash,
) -> bool {
    let known = &acknowledged.runs[run];
    let (may_be_gone, is_anew) = match part {
        Part::Manifest => (known.may_be_gone.manifest, known.is_anew.run),
        Part::Heartbeat => (known.may_be_gone.heartbeat, known.is_anew.run),
        Part::Artifact => (known.may_be_gone.artifact, known.is_anew.run),
        Part::Summary => (known.may_be_gone.summary, known.is_anew.summary),
    };
    let dir = if part == Part::Summary { plan::summary_dir(run) } else { plan::run_dir(run) };
    let is_undone = crash == Crash::PowerLoss && acknowledged.may_undo_renames;
    may_be_gone && (is_anew || is_undone || !tree.has_dir(&dir))
}

/// Whether what was acknowledged as gone must be.
fn is_due(gone: Option<Reached>, crash: Crash) -> bool {
    match crash {
        Crash::PowerLoss => gone == Some(Reached::Durable),
        Crash::None | Crash::Process => gone.is_some(),
    }
}

/// What is removed is gone, and what is there has what its user left in it.
fn removal(tree: &Tree, acknowledged: &Acknowledged, run: usize, crash: Crash) -> Verdict {
    let known = &acknowledged.runs[run];
    let dirs =
        [(plan::run_dir(run), known.is_gone.run), (plan::summary_dir(run), known.is_gone.summary)];
    for (dir, gone) in dirs {
        if is_due(gone, crash) && tree.has_dir(&dir) {
            return Err(format!("a removal was acknowledged, and its directory is there: {dir}"));
        }
    }
    let path = plan::artifact_path(run);
    let is_there = has_artifact(tree, run);
    let is_promised =
        known.has_artifact && !is_excused(tree, acknowledged, run, Part::Artifact, crash);
    if is_promised && !is_there {
        return Err(format!("what a user left in a run's directory is gone: {path}"));
    }
    Ok(())
}

/// Whether what a user has left in a run's directory is there.
pub(super) fn has_artifact(tree: &Tree, run: usize) -> bool {
    tree.content(&plan::artifact_path(run)).is_some_and(|data| ***data == *ARTIFACT.as_bytes())
}

/// Whether the history has an entry of a run; none if nobody can read it.
pub(super) fn has_entry(tree: &Tree, run: usize) -> Option<bool> {
    let Some(data) = tree.content(&plan::history_path()) else { return Some(false) };
    let id = plan::run_id(run);
    Some(parse_history(data)?.runs.iter().any(|entry| entry["runId"] == id.as_str()))
}

fn summaries(tree: &Tree, plan: &Plan, acknowledged: &Acknowledged, crash: Crash) -> Verdict {
    for run in 0..plan.runs.len() {
        let path = plan::summary_path(run);
        let asked = records_of(acknowledged, run);
        let promised = asked.iter().rposition(|record| match crash {
            Crash::PowerLoss => record.summary_durable,
            Crash::None | Crash::Process => record.summary_visible,
        });
        let may_tear = crash == Crash::PowerLoss && plan.summary == Durability::Visible;
        match tree.content(&path) {
            None if promised.is_some()
                && !is_excused(tree, acknowledged, run, Part::Summary, crash) =>
            {
                return Err(format!("an acknowledged summary is gone: {path}"));
            }
            None => {}
            Some(data) => {
                let version = asked.iter().rposition(|record| record.file.as_bytes() == &***data);
                let is_bad = promised.is_none() && acknowledged.is_known_bad(&path, data);
                match version {
                    None if !may_tear && !is_bad => {
                        return Err(format!("a summary is not whole: {path}"));
                    }
                    Some(_) if version < promised => {
                        return Err(format!("a summary is older than an acknowledged one: {path}"));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

fn history(tree: &Tree, plan: &Plan, acknowledged: &Acknowledged, crash: Crash) -> Verdict {
    let path = plan::history_path();
    let may_tear = crash == Crash::PowerLoss && plan.history == Durability::Visible;
    let is_promised = |record: &AcknowledgedRecord| match crash {
        Crash::PowerLoss => record.history_durable,
        Crash::None | Crash::Process => record.history_visible,
    };
    let Some(data) = tree.content(&path) else {
        return match acknowledged.records.iter().find(|record| is_promised(record)) {
            Some(_) => Err(format!("a history with acknowledged runs is gone: {path}")),
            None => Ok(()),
        };
    };
    let Some(history) = parse_history(data) else {
        let is_bad =
            !acknowledged.records.iter().any(is_promised) && acknowledged.is_known_bad(&path, data);
        return if may_tear || is_bad {
            Ok(())
        } else {
            Err(format!("a history is not whole: {path}"))
        };
    };
    let mut entries: BTreeMap<&str, &Value> = BTreeMap::new();
    let (mut last, mut last_time) = ("", None);
    for entry in &history.runs {
        let (Some(id), Some(stamp)) = (entry["runId"].as_str(), entry["timestamp"].as_str()) else {
            return Err(format!("a history has an entry that nobody recorded: {path}"));
        };
        if entries.insert(id, entry).is_some() {
            return Err(format!("a history holds run {id} twice: {path}"));
        }
        let time = time(stamp);
        if time < last_time {
            return Err(format!("a history is not in the order of time: {path}"));
        }
        (last, last_time) = (stamp, time);
    }
    if history.last_run_at != last {
        return Err(format!("lastRunAt is not the newest run's time: {path}"));
    }
    for run in 0..plan.runs.len() {
        let id = plan::run_id(run);
        let asked = records_of(acknowledged, run);
        let promised = asked.iter().rposition(|record| is_promised(record));
        let Some(entry) = entries.remove(&*id) else {
            if promised.is_some() && !acknowledged.runs[run].may_be_gone.entry {
                return Err(format!("the history lost run {id}, which was acknowledged: {path}"));
            }
            continue;
        };
        let is_version = |record: &&AcknowledgedRecord| {
            serde_json::from_str::<Value>(&record.file).is_ok_and(|value| value == *entry)
        };
        let version = asked.iter().rposition(is_version);
        if version.is_none() {
            return Err(format!(
                "the history's entry of run {id} is none that was recorded: {path}"
            ));
        }
        if is_due(acknowledged.runs[run].is_gone.entry, crash) {
            return Err(format!("the history holds run {id}, which was removed from it: {path}"));
        }
        if version < promised {
            return Err(format!(
                "the history's entry of run {id} is older than acknowledged: {path}"
            ));
        }
    }
    match entries.keys().next() {
        Some(id) => Err(format!("the history holds run {id}, which nobody recorded: {path}")),
        None => Ok(()),
    }
}

fn records_of(acknowledged: &Acknowledged, run: usize) -> Vec<&AcknowledgedRecord> {
    acknowledged.records.iter().filter(|record| record.run == run).collect()
}

#[derive(Default)]
struct ParsedHistory {
    last_run_at: String,
    runs: Vec<Value>,
}

/// The time that a timestamp names, however many digits its fraction has.
fn time(stamp: &str) -> Option<std::time::SystemTime> {
    humantime::parse_rfc3339(stamp).ok()
}

fn parse_history(data: &[u8]) -> Option<ParsedHistory> {
    let value: Value = serde_json::from_slice(data).ok()?;
    let is_own = value.get("taskId")?.as_str()? == plan::TASK;
    let last_run_at = value.get("lastRunAt")?.as_str()?.to_owned();
    let runs = value.get("runs")?.as_array()?.clone();
    is_own.then_some(ParsedHistory { last_run_at, runs })
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, Value>>(text).is_ok()
}

/// The time of a heartbeat's file, if the file is whole.
fn beat_ms(text: &str) -> Option<u64> {
    let stamp = text.strip_suffix('\n')?;
    if stamp.len() != "2026-01-06T00:27:16.820Z".len() || !stamp.ends_with('Z') {
        return None;
    }
    let time = humantime::parse_rfc3339(stamp).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}
