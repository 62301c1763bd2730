//! The history of a task, as the page draws it.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::{self, NoAnswer, Reply, refusal};
use super::bounds::ENTRIES_MAX;
use super::server::Server;
use crate::history::entry::{self, Entry};
use crate::history::recorded;
use crate::plain::plain_json;

/// The newest entries of a task, whose name is an id.
pub async fn past(server: &Arc<Server>, task: &str) -> Result<Reply, NoAnswer> {
    let broken = |why: String| refusal(StatusCode::INTERNAL_SERVER_ERROR, why);
    let permit = server.reading().await.map_err(broken)?;
    let history = recorded(&server.place, task, Some(ENTRIES_MAX)).await.map_err(broken)?;
    let entries: Vec<Value> = history.runs.iter().map(|run| shown(&Entry::read(run))).collect();
    let shown = json!({"total": history.total, "entries": entries});
    Ok(answer::json(plain_json(&shown.to_string()), permit))
}

fn shown(entry: &Entry) -> Value {
    let took_ms = entry.took().and_then(|took| u64::try_from(took.as_millis()).ok());
    json!({
        "run": entry.run,
        "started_at": entry.started_at,
        "completed_at": entry.completed_at,
        "took_ms": took_ms,
        "state": entry.status.as_deref().map(entry::status),
        "detail": entry.detail,
    })
}
