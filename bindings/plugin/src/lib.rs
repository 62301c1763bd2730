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
        // So that an option that comes later breaks nobody who does not use it.
        additional_derives: [Default],
        additional_derives_ignore: [
            "channel", "durability", "error", "error-kind", "failure", "left-reason", "left-run",
            "operation", "reached", "recorded", "written",
        ],
    });
}

use bindings::exports::sample::plugin::jobs::{Guest, Job};
use bindings::tandem::persistence::histories::record_run;
use bindings::tandem::persistence::runs::Run;
use bindings::tandem::records::types::{Error, RecordOptions, Request, RunOptions};

struct Plugin;

bindings::export!(Plugin with_types_in bindings);

impl Guest for Plugin {
    async fn run(job: Job) -> Result<u64, String> {
        count(&job).await.map_err(|error| error.message)
    }
}

async fn count(job: &Job) -> Result<u64, Error> {
    let (run, _) = Run::open(options(job)).await?;
    run.set(&json!({"status": "in_progress"}).to_string())?;
    run.schedule(Request { manifest: true, heartbeat: true, force: true }).await?;

    let words = job.text.split_whitespace().count() as u64;

    run.merge(&json!({"status": "succeeded", "words": words}).to_string())?;
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

fn options(job: &Job) -> RunOptions {
    RunOptions {
        task_id: job.task.clone(),
        run_id: job.run.clone(),
        runs_root: job.runs_root.clone(),
        ..RunOptions::default()
    }
}

fn record_options(job: &Job) -> RecordOptions {
    RecordOptions { runs_root: job.runs_root.clone(), ..RecordOptions::default() }
}
