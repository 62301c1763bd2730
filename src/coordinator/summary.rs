//! A run's summary: what it must hold, and its text as the file holds it.

use crate::error::{Channel, Error};
use crate::ident;
use crate::json::scan::{decoded, members, string};
use crate::json::{self, MAX_DEPTH, Rules};
use crate::time::is_timestamp;

/// A summary that keeps the rules.
#[derive(Debug)]
pub struct Summary {
    /// The run.
    pub run_id: String,
    /// When it was completed.
    pub timestamp: String,
    /// The JSON object, indented by two spaces.
    pub text: String,
}

impl Summary {
    /// Checks a summary of a run of the task `task_id`.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::InvalidInput`], [`Error::InvalidId`].
    pub fn parse(text: &str, task_id: &str, max_bytes: u64) -> Result<Self, Error> {
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
        json::check_object(text, &rules)?;
        let [task, run_id, timestamp] =
            ["taskId", "runId", "timestamp"].map(|name| required(text, name, &rules));
        let (task, run_id, timestamp) = (task?, run_id?, timestamp?);
        if task != task_id {
            return Err(rules.invalid(&format!("is of another task than {task_id:?}: {task:?}")));
        }
        ident::check("run id", &run_id)?;
        if !is_timestamp(&timestamp) {
            let rule = "has a timestamp that is not YYYY-MM-DDTHH:MM:SS[.fraction]Z";
            return Err(rules.invalid(&format!("{rule}: {timestamp:?}")));
        }
        let text = json::indent(text, &rules, "")?;
        Ok(Summary { run_id, timestamp, text })
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
