//! A sample plugin: it counts words, and keeps the state of each job with Tandem.
//!
//! It imports Tandem and nothing else, not even WASI. Composed with Tandem it asks of its host what
//! Tandem asks, and reaches the one directory that it is granted through Tandem only.

#![cfg(target_family = "wasm")]

use serde_json::json;

#[allow(missing_docs, reason = "generated; the WIT is the documentation")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "sample:plugin/plugin",
        generate_all,
    });
}

use bindings::exports::sample::plugin::jobs::{Guest, Job};
use bindings::tandem::persistence::coordinator::{RecordOptions, record_run};
use bindings::tandem::persistence::persister::{Options, Request, Run};
use bindings::tandem::persistence::types::Error;

struct Plugin;

bindings::export!(Plugin with_types_in bindings);

impl Guest for Plugin {
    async fn run(job: Job) -> Result<u64, String> {
        count(&job).await.map_err(|error| error.message)
    }
}

async fn count(job: &Job) -> Result<u64, Error> {
    let (run, _) = Run::open(options(job)).await?;
    run.set_manifest(&json!({"status": "in_progress"}).to_string())?;
    run.schedule(Request { manifest: true, heartbeat: true, force: true }).await?;

    let words = job.text.split_whitespace().count() as u64;

    run.merge_manifest(&json!({"status": "succeeded", "words": words}).to_string())?;
    run.close().await?;
    let summary = json!({
        "taskId": job.task,
        "runId": job.run,
        "timestamp": job.timestamp,
        "words": words,
    });
    record_run(summary.to_string(), record_options(job)).await?;
    Ok(words)
}

fn options(job: &Job) -> Options {
    Options {
        task_id: job.task.clone(),
        run_id: job.run.clone(),
        runs_root: job.runs_root.clone(),
        interval_ms: None,
        manifest_durability: None,
        heartbeat_durability: None,
        max_document_bytes: None,
        sweep_after_ms: None,
        manifest_name: None,
        heartbeat_name: None,
    }
}

fn record_options(job: &Job) -> RecordOptions {
    RecordOptions {
        task_id: job.task.clone(),
        runs_root: job.runs_root.clone(),
        summary_durability: None,
        history_durability: None,
        keep_last: None,
        max_summary_bytes: None,
        max_history_bytes: None,
        lease_ms: None,
        lock_wait_ms: None,
        sweep_after_ms: None,
        history_root: None,
        summary_name: None,
        history_name: None,
    }
}
