//! What hosts keep, and where it is found.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::word::Name;

/// What makes a manifest as large as a fresh one of the field.
const FILL_TIMES: usize = 64;

/// The manifest with a number. All of it follows from the number, so that a torn one is noticed.
pub fn manifest(name: &Name, owner: &str, number: u64) -> String {
    json!({
        "version": 1,
        "task_id": name.task,
        "run_id": name.run,
        "runner": owner,
        "status": "in_progress",
        "summary": number,
        "log_path": fill(number),
    })
    .to_string()
}

fn fill(number: u64) -> String {
    format!("{number:016x}").repeat(FILL_TIMES)
}

/// The number of the manifest of a run.
///
/// # Errors
/// It is not whole, or another run's.
pub fn number(body: &[u8], name: &Name) -> Result<u64, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("{name}: no manifest: {error}"))?;
    let is_own = value["task_id"] == *name.task && value["run_id"] == *name.run;
    match value["summary"].as_u64() {
        Some(number) if is_own && value["log_path"] == *fill(number) => Ok(number),
        _ => Err(format!("{name}: the manifest is not whole")),
    }
}

/// The summary of a run that is completed now.
pub fn summary(name: &Name) -> String {
    let timestamp = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    json!({"taskId": name.task, "runId": name.run, "timestamp": timestamp, "mode": "fleet"})
        .to_string()
}

/// The ids of the runs in a history, in its order.
///
/// # Errors
/// It is no history of the task.
pub fn ids(body: &[u8], task: &str) -> Result<Vec<String>, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("{task}: no history: {error}"))?;
    let runs = value["runs"].as_array().filter(|_| value["taskId"] == *task);
    let runs = runs.ok_or_else(|| format!("{task}: this is no history of it"))?;
    let id = |run: &Value| run["runId"].as_str().map(str::to_owned);
    runs.iter().map(id).collect::<Option<_>>().ok_or_else(|| format!("{task}: a run has no id"))
}

/// The key of a run's manifest.
pub fn manifest_key(name: &Name) -> String {
    format!(".runs/{}/cli/{}/manifest.json", name.task, name.run)
}

/// The key of a completed run's summary.
pub fn summary_key(name: &Name) -> String {
    format!(".runs/{}/{}/manifest.json", name.task, name.run)
}

/// The key of a task's history.
pub fn history_key(task: &str) -> String {
    format!("out/{task}/runs.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_tells_its_number_if_it_is_whole() {
        let name = Name { task: "t".into(), run: "r".into() };
        let text = manifest(&name, "a", 7);
        assert_eq!(number(text.as_bytes(), &name), Ok(7));
        let other = Name { run: "s".into(), ..name.clone() };
        assert!(number(text.as_bytes(), &other).is_err());
        assert!(number(text.replace("0007", "0008").as_bytes(), &name).is_err());
        assert!(number(&text.as_bytes()[1..], &name).is_err());
    }

    #[test]
    fn a_history_tells_each_run_as_often_as_it_is_there() {
        let body = br#"{"taskId":"t","runs":[{"runId":"a"},{"runId":"b"},{"runId":"a"}]}"#;
        assert_eq!(ids(body, "t").unwrap(), ["a", "b", "a"]);
        assert!(ids(body, "u").is_err());
        assert!(ids(br#"{"taskId":"t","runs":[{}]}"#, "t").is_err());
    }
}
