//! A task's history as text: entries are found, ordered and put together again; what stands in
//! them is never written anew.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::summary::Summary;
use crate::json;
use crate::json::check::Stop;
use crate::json::scan::{Walk, decoded, end_of_value, is_end, is_object, start, string};
use crate::time::{TIME_LEN, is_timestamp};

/// The most entries of a history: each takes memory beside its text.
pub const ENTRIES_MAX: usize = 1_000_000;
/// The most members of a history's file that are no part of the format.
const OTHERS_MAX: usize = 1_000;

/// The most runs that are named as being ahead of one.
const AHEAD_MAX: usize = 10;

/// Why a file is not read as a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// It holds none.
    Corrupt,
    /// It holds that of the task with this id.
    OfTask(String),
    /// It has more entries or unknown members than are read.
    TooLarge,
}

impl From<Stop> for Bad {
    fn from(_: Stop) -> Self {
        Bad::Corrupt
    }
}

/// The entries of a history in their order, and whatever else its file holds.
#[derive(Debug, Default)]
pub struct History<'a> {
    entries: Vec<Entry<'a>>,
    /// Members that are no part of the format.
    others: Vec<(&'a str, &'a str)>,
}

#[derive(Debug, Clone)]
struct Entry<'a> {
    /// Empty for an entry that lacks an id or a timestamp.
    run_id: Cow<'a, str>,
    /// Empty for an entry that lacks an id or a timestamp.
    timestamp: Cow<'a, str>,
    text: &'a str,
    /// Whether the timestamp is one.
    is_time: bool,
    /// Whether the text is indented as a file of its own.
    is_new: bool,
}

/// Where an entry stands among others: a total order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank<'a> {
    /// It lacks an id or a timestamp.
    None,
    /// Its timestamp is not of the form of one: the bytes decide.
    Text(&'a str),
    /// The time, as the text of its seconds and of its fraction without zeros at the end.
    Time(&'a str, &'a str),
}

impl<'a> History<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// It holds no history of the task, or too much.
    pub fn parse(text: &'a str, task_id: &str) -> Result<Self, Bad> {
        let text = json::unmarked(text);
        if !is_object(text) {
            return Err(Bad::Corrupt);
        }
        let bytes = text.as_bytes();
        let (mut task, mut entries, mut others) = (None, None, Vec::new());
        // What is torn is corrupt, however much it holds: so all of it is checked.
        let mut is_too_large = false;
        // In one pass, which checks it too: a history has megabytes.
        let mut walk = Walk::new(text, start(text)).ok_or(Bad::Corrupt)?;
        while let Some((key, at)) = walk.next_value()? {
            let name = decoded(key);
            if name == "runs" && bytes.get(at) == Some(&b'[') {
                let (read, end) = Entry::read_all(text, at)?;
                is_too_large |= read.len() > ENTRIES_MAX;
                entries = Some(read);
                walk.go_on(end);
                continue;
            }
            let end = end_of_value(bytes, at)?;
            let value = text.get(at..end).unwrap_or_default();
            match name.as_ref() {
                "taskId" => task = string(value),
                "runs" => entries = None,
                "lastRunAt" => {}
                _ if others.len() >= OTHERS_MAX => is_too_large = true,
                _ => others.push((key, value)),
            }
            walk.go_on(end);
        }
        let (Some(entries), Some(task)) = (entries, task) else { return Err(Bad::Corrupt) };
        if !is_end(text, walk.end()) {
            return Err(Bad::Corrupt);
        }
        if is_too_large {
            return Err(Bad::TooLarge);
        }
        if task != task_id {
            return Err(Bad::OfTask(task.into_owned()));
        }
        Ok(History { entries: put_right(entries), others })
    }

    /// Adds a run or replaces its entry, then keeps this run and the last of the others. Tells the
    /// others that are ahead of it. If the history is above a limit then, nothing changes.
    ///
    /// # Errors
    /// The history would be above `max_bytes` or have too many entries.
    pub fn merge(
        &mut self,
        summary: &'a Summary,
        task_id: &str,
        keep_last: Option<u32>,
        max_bytes: u64,
    ) -> Result<Vec<String>, Bad> {
        if self.size_at_most(summary) <= max_bytes && self.entries.len() < ENTRIES_MAX {
            return Ok(self.insert(summary, keep_last));
        }
        // Near a limit only: what is dropped or replaced may make room.
        let before = self.entries.clone();
        let ahead = self.insert(summary, keep_last);
        if self.entries.len() > ENTRIES_MAX || self.render(task_id).len() as u64 > max_bytes {
            self.entries = before;
            return Err(Bad::TooLarge);
        }
        Ok(ahead)
    }

    /// A bound of the file's size with one more run. The text of a new entry has a line for each
    /// byte at most, and is indented by four. One entry's timestamp is there twice.
    fn size_at_most(&self, summary: &Summary) -> u64 {
        let entry = |entry: &Entry<'_>| {
            entry.text.len() * if entry.is_new { 5 } else { 1 } + entry.timestamp.len() + 8
        };
        let entries: usize = self.entries.iter().map(entry).sum();
        let others: usize =
            self.others.iter().map(|(key, value)| key.len() + value.len() + 8).sum();
        (entries + others + 5 * summary.text.len() + 1024) as u64
    }

    /// Removes the entries of runs, and tells whose were there.
    pub fn remove(&mut self, run_ids: &BTreeSet<&str>) -> BTreeSet<String> {
        let mut removed = BTreeSet::new();
        self.entries.retain(|entry| {
            let is_kept = !run_ids.contains(entry.run_id.as_ref());
            if !is_kept {
                removed.insert(entry.run_id.clone().into_owned());
            }
            is_kept
        });
        removed
    }

    fn insert(&mut self, summary: &'a Summary, keep_last: Option<u32>) -> Vec<String> {
        let entry = Entry {
            run_id: Cow::Borrowed(&summary.run_id),
            timestamp: Cow::Borrowed(&summary.timestamp),
            text: &summary.text,
            is_time: true,
            is_new: true,
        };
        let old = self.entries.iter().position(|old| old.run_id == entry.run_id);
        let at = match old {
            Some(at) if self.entries[at].rank() == entry.rank() => {
                self.entries[at] = entry;
                at
            }
            _ => {
                if let Some(at) = old {
                    self.entries.remove(at);
                }
                let at = self.entries.partition_point(|old| old.rank() <= entry.rank());
                self.entries.insert(at, entry);
                at
            }
        };
        keep_last.map_or_else(Vec::new, |keep| self.keep(keep as usize, at))
    }

    /// Keeps the entry at `at` and the last of the others, `keep` in all. If one was dropped and the
    /// entry would be the next to go, tells the ids of those that are later.
    fn keep(&mut self, keep: usize, at: usize) -> Vec<String> {
        let excess = self.entries.len().saturating_sub(keep);
        if excess == 0 {
            return Vec::new();
        }
        if at >= excess {
            self.entries.drain(..excess);
        } else {
            // One more of the others goes in its place.
            self.entries.drain(at + 1..=excess);
            self.entries.drain(..at);
        }
        if at > excess {
            return Vec::new();
        }
        let Some((run, others)) = self.entries.split_first() else { return Vec::new() };
        let later = others.iter().rev().take_while(|other| other.rank() > run.rank());
        later.take(AHEAD_MAX).map(|entry| entry.run_id.clone().into_owned()).collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The timestamp of the last entry.
    pub fn last_run_at(&self) -> &str {
        self.entries.last().map_or("", |entry| &entry.timestamp)
    }

    /// The text of the newest entries, at most `limit`, the newest first.
    pub fn newest(&self, limit: usize) -> Vec<String> {
        self.entries.iter().rev().take(limit).map(|entry| entry.text.to_owned()).collect()
    }

    /// The file.
    pub fn render(&self, task_id: &str) -> String {
        let texts: usize = self.entries.iter().map(|entry| entry.text.len() + 8).sum();
        // New entries are indented deeper than they are.
        let mut out = String::with_capacity(texts + texts / 64 + 1024);
        // An id needs no escapes.
        out.push_str("{\n  \"taskId\": \"");
        out.push_str(task_id);
        out.push_str("\",\n  \"lastRunAt\": ");
        out.push_str(
            self.entries.last().and_then(|entry| entry.timestamp_text()).unwrap_or("\"\""),
        );
        out.push_str(",\n  \"runs\": [");
        let mut separator = "\n    ";
        for entry in &self.entries {
            out.push_str(separator);
            separator = ",\n    ";
            if entry.is_new {
                let mut lines = entry.text.split('\n');
                out.push_str(lines.next().unwrap_or_default());
                for line in lines {
                    out.push_str("\n    ");
                    out.push_str(line);
                }
            } else {
                out.push_str(entry.text);
            }
        }
        out.push_str(if self.entries.is_empty() { "]" } else { "\n  ]" });
        for (key, value) in &self.others {
            for piece in [",\n  ", key, ": ", value] {
                out.push_str(piece);
            }
        }
        out.push_str("\n}");
        out
    }
}

impl<'a> Entry<'a> {
    /// The entries of the array that opens at `at`, one more than may be at most, and the index after
    /// it.
    fn read_all(text: &'a str, at: usize) -> Result<(Vec<Self>, usize), Bad> {
        let mut entries = Vec::new();
        let mut walk = Walk::new(text, at).ok_or(Bad::Corrupt)?;
        while let Some((_, at)) = walk.next_value()? {
            let (keys, end) = keys(text, at)?;
            let (run_id, timestamp) = match keys {
                [Some(run_id), Some(timestamp)] => (identity(run_id), decoded(timestamp)),
                _ => Default::default(),
            };
            let text = text.get(at..end).unwrap_or_default();
            let is_time = is_timestamp(&timestamp);
            if entries.len() <= ENTRIES_MAX {
                entries.push(Entry { run_id, timestamp, text, is_time, is_new: false });
            }
            walk.go_on(end);
        }
        Ok((entries, walk.end()))
    }

    fn rank(&self) -> Rank<'_> {
        if self.timestamp.is_empty() {
            return Rank::None;
        }
        if !self.is_time {
            return Rank::Text(&self.timestamp);
        }
        let (seconds, fraction) = self.timestamp.split_at(TIME_LEN);
        Rank::Time(seconds, fraction.trim_end_matches('Z').trim_end_matches(['0', '.']))
    }

    /// The timestamp as the entry writes it.
    fn timestamp_text(&self) -> Option<&'a str> {
        let ([_, timestamp], _) = keys(self.text, 0).ok()?;
        timestamp.filter(|_| !self.timestamp.is_empty())
    }
}

/// The texts of the id and the timestamp of the entry that starts at `at`, if they are strings and
/// not empty, and the index after the entry.
fn keys(text: &str, at: usize) -> Result<([Option<&str>; 2], usize), Stop> {
    let bytes = text.as_bytes();
    let mut keys = [None, None];
    if bytes.get(at) != Some(&b'{') {
        return Ok((keys, end_of_value(bytes, at)?));
    }
    let mut walk = Walk::new(text, at).ok_or(Stop::Invalid)?;
    while let Some((key, at)) = walk.next_value()? {
        let end = end_of_value(bytes, at)?;
        let place = match decoded(key).as_ref() {
            "runId" => Some(0),
            "timestamp" => Some(1),
            _ => None,
        };
        if let Some(place) = place {
            keys[place] = text.get(at..end).and_then(filled);
        }
        walk.go_on(end);
    }
    Ok((keys, walk.end()))
}

/// The id in an entry. One that is no Unicode is known by its text as well, or two of them would be
/// one, and by its U+FFFD, which no other id has.
fn identity(text: &str) -> Cow<'_, str> {
    let mut id = decoded(text);
    if id.chars().any(|c| c == char::REPLACEMENT_CHARACTER) {
        id.to_mut().push_str(text);
    }
    id
}

/// The text of a string that is not empty.
fn filled(value: &str) -> Option<&str> {
    (value.starts_with('"') && value != "\"\"").then_some(value)
}

/// Drops all but the last of entries with one id, and orders the rest, equals as they were.
fn put_right(mut entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    let mut ids = BTreeSet::new();
    entries.reverse();
    entries.retain(|entry| entry.run_id.is_empty() || ids.insert(entry.run_id.clone()));
    entries.reverse();
    entries.sort_by(|a, b| a.rank().cmp(&b.rank()));
    entries
}
