//! The manifest that `exec` keeps: the field names are the ones that readers of these files know.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::omit::Omit;
use super::shown::Shown;
use super::status::Status;
use super::summary::Summary;
use super::tail::Tail;

/// Readers call a run stale after six heartbeats, and not before this.
const STALE_AFTER_SECONDS_MIN: u64 = 30;

/// One run of one command.
#[derive(Debug, Serialize)]
pub struct Manifest {
    version: u32,
    task_id: String,
    run_id: String,
    parent_run_id: Option<String>,
    runner: &'static str,
    status: Status,
    status_detail: Option<String>,
    started_at: String,
    completed_at: Option<String>,
    updated_at: String,
    heartbeat_at: String,
    heartbeat_interval_seconds: serde_json::Number,
    heartbeat_stale_after_seconds: u64,
    artifact_root: String,
    log_path: Option<String>,
    summary: Option<String>,
    commands: [CommandState; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_bytes: Option<u64>,
    #[serde(skip)]
    omit: Omit,
}

#[derive(Debug, Serialize)]
struct CommandState {
    index: u32,
    id: &'static str,
    title: String,
    command: String,
    command_is_cut: bool,
    kind: &'static str,
    status: Status,
    started_at: Option<String>,
    completed_at: Option<String>,
    exit_code: Option<u8>,
    summary: Option<String>,
    log_path: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// `Succeeded`, `Failed` or `Cancelled`.
    pub status: Status,
    /// The exit code of `exec`.
    pub exit_code: u8,
    /// Why, unless it succeeded.
    pub detail: Option<String>,
    /// Whether the command was started.
    pub was_started: bool,
}

impl End {
    /// The end of a command whose output could not be written: it has not done what it was for,
    /// whatever it says.
    pub fn with_lost(self, why: Option<&String>) -> Self {
        let Some(why) = why else { return self };
        match self.status {
            Status::Succeeded => {
                End { status: Status::Failed, exit_code: 1, detail: Some(why.clone()), ..self }
            }
            _ => {
                let told = self.detail.iter().chain([why]).map(String::as_str);
                End { detail: Some(told.collect::<Vec<_>>().join(", ")), ..self }
            }
        }
    }
}

impl Manifest {
    /// A run whose command is about to start.
    pub fn new(
        task_id: &str,
        run_id: &str,
        command: Shown,
        heartbeat: Duration,
        output: &Tail,
    ) -> Self {
        let now = now();
        let Shown { title, command, is_cut } = command;
        Manifest {
            version: 1,
            task_id: task_id.to_owned(),
            run_id: run_id.to_owned(),
            parent_run_id: None,
            runner: "tandem exec",
            status: Status::InProgress,
            status_detail: None,
            started_at: now.clone(),
            completed_at: None,
            updated_at: now.clone(),
            heartbeat_at: now,
            heartbeat_interval_seconds: seconds(heartbeat),
            heartbeat_stale_after_seconds: STALE_AFTER_SECONDS_MIN
                .max(heartbeat.saturating_mul(6).as_secs()),
            artifact_root: String::new(),
            log_path: None,
            summary: None,
            commands: [CommandState {
                index: 1,
                id: "command",
                title,
                command,
                command_is_cut: is_cut,
                kind: "command",
                status: Status::Pending,
                started_at: None,
                completed_at: None,
                exit_code: None,
                summary: None,
                log_path: None,
            }],
            output_tail: output.text(),
            stdout_bytes: output.stdout_bytes,
            stderr_bytes: output.stderr_bytes,
            omit: Omit::default(),
        }
    }

    /// The same, without what is to be in no file.
    pub fn omitting(mut self, omit: Omit) -> Self {
        if omit.command {
            let Shown { title, command, is_cut } = Shown::omitted();
            let [state] = &mut self.commands;
            (state.title, state.command, state.command_is_cut) = (title, command, is_cut);
        }
        Manifest { omit, ..self }
    }

    /// The run's directory is known.
    pub fn set_artifact_root(&mut self, directory: &str) {
        self.artifact_root = directory.to_owned();
    }

    /// The command starts now.
    pub fn start(&mut self) {
        let [command] = &mut self.commands;
        command.status = Status::Running;
        command.started_at = Some(now());
        self.touch();
    }

    /// The command has written.
    pub fn set_output(&mut self, output: &Tail) {
        if !self.omit.output {
            self.output_tail = output.text();
        }
        self.stdout_bytes = output.stdout_bytes;
        self.stderr_bytes = output.stderr_bytes;
        self.touch();
    }

    /// The run is over.
    pub fn finish(&mut self, end: &End) {
        let now = now();
        self.status = end.status;
        // Why a command was not started names it.
        let is_told = end.was_started || end.status != Status::Failed || !self.omit.command;
        self.status_detail =
            if is_told { end.detail.clone() } else { Some("the command was not started".into()) };
        self.completed_at = Some(now.clone());
        let [command] = &mut self.commands;
        // A command has no `cancelled`.
        command.status = match end.status {
            Status::Succeeded => Status::Succeeded,
            Status::Cancelled if !end.was_started => Status::Skipped,
            _ => Status::Failed,
        };
        if !end.was_started {
            command.started_at = None;
        }
        command.exit_code = Some(end.exit_code);
        command.completed_at = Some(now);
        self.touch();
    }

    /// What the history keeps of a run that is over.
    pub fn summary(&self) -> Summary<'_> {
        let [command] = &self.commands;
        let completed_at = self.completed_at.as_deref().unwrap_or(&self.updated_at);
        Summary {
            task_id: &self.task_id,
            run_id: &self.run_id,
            timestamp: completed_at,
            mode: "exec",
            status: self.status,
            status_detail: self.status_detail.as_deref(),
            command: &command.command,
            exit_code: command.exit_code,
            started_at: &self.started_at,
            completed_at,
            stdout_bytes: self.stdout_bytes,
            stderr_bytes: self.stderr_bytes,
            artifact_root: &self.artifact_root,
        }
    }

    fn touch(&mut self) {
        self.updated_at = now();
        self.heartbeat_at = self.updated_at.clone();
    }
}

/// ISO-8601 UTC with milliseconds.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// `5` rather than `5.0`: readers know the field as a whole number.
fn seconds(duration: Duration) -> serde_json::Number {
    let whole = serde_json::Number::from(duration.as_secs());
    if duration.subsec_millis() == 0 {
        return whole;
    }
    serde_json::Number::from_f64(duration.as_millis() as f64 / 1000.0).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::outputs::Outputs;

    fn manifest(command: Shown, outputs: Outputs) -> Manifest {
        Manifest::new("t", "r", command, Duration::from_secs(5), &outputs.tail())
    }

    #[test]
    fn what_is_not_counted_is_left_out() {
        for (outputs, names) in [
            (Outputs::Together, vec!["output_tail", "stdout_bytes", "stdoutBytes"]),
            (Outputs::Terminal, vec!["output_tail", "stdout_bytes", "stdoutBytes"]),
            (Outputs::Untouched, vec![]),
        ] {
            let manifest = manifest(Shown::default(), outputs);
            let text = serde_json::to_string(&manifest).unwrap()
                + &serde_json::to_string(&manifest.summary()).unwrap();
            for name in
                ["output_tail", "stdout_bytes", "stderr_bytes", "stdoutBytes", "stderrBytes"]
            {
                assert_eq!(text.contains(name), names.contains(&name), "{outputs:?}: {text}");
            }
        }
    }

    #[test]
    fn the_field_names_and_their_order_are_the_documented_ones() {
        let command = Shown { command: "true".into(), ..Shown::default() };
        let mut manifest = manifest(command, Outputs::Apart);
        manifest.start();
        let text = serde_json::to_string(&manifest).unwrap();
        let mut at = 0;
        for name in [
            "version",
            "task_id",
            "run_id",
            "parent_run_id",
            "runner",
            "status",
            "status_detail",
            "started_at",
            "completed_at",
            "updated_at",
            "heartbeat_at",
            "heartbeat_interval_seconds\":5,",
            "heartbeat_stale_after_seconds\":30,",
            "artifact_root",
            "log_path\":null",
            "summary",
            "commands",
            "index",
            "id",
            "title",
            "command",
            "command_is_cut\":false",
            "kind\":\"command\"",
            "status\":\"running\"",
            "started_at",
            "completed_at",
            "exit_code",
            "summary",
            "log_path",
            "output_tail",
            "stdout_bytes",
            "stderr_bytes",
        ] {
            let found = text[at..].find(&format!("\"{name}")).expect(name);
            at += found + name.len();
        }
    }

    #[test]
    fn the_summary_of_a_run_begins_with_what_a_history_needs() {
        let command = Shown { command: "x".repeat(5_000), ..Shown::default() };
        let mut manifest = manifest(command, Outputs::Apart);
        manifest.set_artifact_root(".runs/t/cli/r");
        manifest.finish(&End {
            status: Status::Failed,
            exit_code: 3,
            detail: Some("exit code 3".into()),
            was_started: true,
        });
        let at = manifest.completed_at.clone().unwrap();
        let begin = format!(
            r#"{{"taskId":"t","runId":"r","timestamp":"{at}","mode":"exec","status":"failed","statusDetail":"exit code 3","command":"x"#
        );
        let text = serde_json::to_string(&manifest.summary()).unwrap();
        assert!(text.starts_with(&begin), "{text}");
        assert!(text.len() < 2_500 && text.contains(r#"xxx...","exitCode":3,"#), "{text}");
    }

    #[test]
    fn a_heartbeat_of_part_of_a_second_is_shown_as_it_is() {
        assert_eq!(seconds(Duration::from_millis(1500)).to_string(), "1.5");
        assert_eq!(seconds(Duration::from_millis(60_000)).to_string(), "60");
    }
}
