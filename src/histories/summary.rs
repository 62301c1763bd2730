//! A run's summary: what it must hold, and its text as the file holds it.

use std::rc::Rc;

use crate::error::{Channel, Error};
use crate::ident;
use crate::json::scan::{decoded, members, string};
use crate::json::{self, MAX_DEPTH, Rules};
use crate::limits::{Counted, Documents};
use crate::time::is_timestamp;

/// A summary that keeps the rules.
#[derive(Debug)]
pub struct Summary {
    /// The task.
    pub task_id: String,
    /// The run.
    pub run_id: String,
    /// When it was completed.
    pub timestamp: String,
    /// The JSON object, indented by two spaces.
    pub text: Box<str>,
    /// Its share of what may be in memory.
    _counted: Counted,
}

impl Summary {
    /// Checks a summary of a run, of the task `task_id` if that is given.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::InvalidInput`], [`Error::InvalidId`].
    pub fn parse(
        text: &str,
        task_id: Option<&str>,
        max_bytes: u64,
        summaries: &Rc<Documents>,
    ) -> Result<Self, Error> {
        let rules = Rules {
            channel: Channel::Summary,
            what: "summary",
            indented: "indented summary",
            option: "max_summary_bytes",
            max_bytes,
            // In the history it stands in an array in an object, and readers that count to 128 give
            // up there.
            max_depth: MAX_DEPTH - 3,
        };
        let text = json::unmarked(text);
        let indented: Box<str> = rules.text(&json::indent(text, &rules, "")?)?.into();
        let [task, run_id, timestamp] = required(text, ["taskId", "runId", "timestamp"], &rules)?;
        if let Some(task_id) = task_id.filter(|task_id| **task_id != task) {
            return Err(rules.invalid(&format!("is of another task than {task_id:?}: {task:?}")));
        }
        ident::check("task id", &task)?;
        ident::check("run id", &run_id)?;
        if !is_timestamp(&timestamp) {
            let rule = "has a timestamp that is not YYYY-MM-DDTHH:MM:SS[.fraction]Z";
            return Err(rules.invalid(&format!("{rule}: {timestamp:?}")));
        }
        let mut counted = Counted::new(summaries, Channel::Summary);
        counted.resize(indented.len() as u64)?;
        Ok(Summary { task_id: task, run_id, timestamp, text: indented, _counted: counted })
    }
}

/// Members that are there once and are strings.
fn required<const N: usize>(
    text: &str,
    names: [&str; N],
    rules: &Rules,
) -> Result<[String; N], Error> {
    let mut found = [const { Vec::new() }; N];
    for (key, value) in members(text) {
        let key = decoded(key);
        if let Some(at) = names.iter().position(|name| *name == key) {
            found[at].push(value);
        }
    }
    let mut texts = [const { String::new() }; N];
    for ((name, found), text) in names.iter().zip(found).zip(&mut texts) {
        let value = match found[..] {
            [value] => string(value),
            [] => return Err(rules.invalid(&format!("has no {name}"))),
            _ => return Err(rules.invalid(&format!("has more than one {name}"))),
        };
        let value =
            value.ok_or_else(|| rules.invalid(&format!("has a {name} that is no string")))?;
        if value.chars().any(|c| c == char::REPLACEMENT_CHARACTER) {
            return Err(rules.invalid(&format!("has a {name} that is no valid Unicode")));
        }
        *text = value.into_owned();
    }
    Ok(texts)
}
