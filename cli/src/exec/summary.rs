//! The summary of a run that is over: what its task's history keeps of it.

use serde::Serialize;

use super::status::Status;

/// A history keeps every command; its manifest has the whole.
const COMMAND_CHARS_MAX: usize = 2_000;

/// A summary. The names of its fields are the ones that readers of histories know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary<'a> {
    /// The task.
    pub task_id: &'a str,
    /// The run.
    pub run_id: &'a str,
    /// When the run was over.
    pub timestamp: &'a str,
    /// What kind of run it was.
    pub mode: &'static str,
    /// `Succeeded`, `Failed` or `Cancelled`.
    pub status: Status,
    /// Why, unless it succeeded.
    pub status_detail: Option<&'a str>,
    /// The command as one would type it, or the beginning of it.
    #[serde(serialize_with = "beginning")]
    pub command: &'a str,
    /// The exit code of `exec`.
    pub exit_code: Option<u8>,
    /// When the run began.
    pub started_at: &'a str,
    /// As `timestamp`.
    pub completed_at: &'a str,
    /// Bytes of standard output, or of both outputs where they are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_bytes: Option<u64>,
    /// Bytes of standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_bytes: Option<u64>,
    /// Where the manifest is.
    pub artifact_root: &'a str,
}

fn beginning<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match text.char_indices().nth(COMMAND_CHARS_MAX) {
        None => serializer.serialize_str(text),
        Some((end, _)) => serializer.collect_str(&format_args!("{}...", &text[..end])),
    }
}
