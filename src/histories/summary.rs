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
        json::check_object(text, &rules)?;
        let [task, run_id, timestamp] =
            ["taskId", "runId", "timestamp"].map(|name| required(text, name, &rules));
        let (task, run_id, timestamp) = (task?, run_id?, timestamp?);
        if let Some(task_id) = task_id.filter(|task_id| **task_id != task) {
            return Err(rules.invalid(&format!("is of another task than {task_id:?}: {task:?}")));
        }
        ident::check("task id", &task)?;
        ident::check("run id", &run_id)?;
        if !is_timestamp(&timestamp) {
            let rule = "has a timestamp that is not YYYY-MM-DDTHH:MM:SS[.fraction]Z";
            return Err(rules.invalid(&format!("{rule}: {timestamp:?}")));
        }
        let text = json::indent(text, &rules, "")?.into_boxed_str();
        let mut counted = Counted::new(summaries, Channel::Summary);
        counted.resize(text.len() as u64)?;
        Ok(Summary { task_id: task, run_id, timestamp, text, _counted: counted })
    }
}

/// A member that is there once and is a string.
fn required(text: &str, name: &str, rules: &Rules) -> Result<String, Error> {
    let mut found = members(text).filter(|(key, _)| decoded(key) == name);
    let value = match (found.next(), found.next()) {
        (Some((_, value)), None) => string(value),
        (None, _) => return Err(rules.invalid(&format!("has no {name}"))),
        (Some(_), Some(_)) => return Err(rules.invalid(&format!("has more than one {name}"))),
    };
    let value = value.ok_or_else(|| rules.invalid(&format!("has a {name} that is no string")))?;
    if value.chars().any(|c| c == char::REPLACEMENT_CHARACTER) {
        return Err(rules.invalid(&format!("has a {name} that is no valid Unicode")));
    }
    Ok(value.into_owned())
}
