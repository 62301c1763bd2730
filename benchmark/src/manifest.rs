//! The manifest's text: a real one's fields, filled with the output of tests to a given size.

use serde::Serialize;

use crate::Result;
use crate::work::TASK;

/// Stands where the turn's number goes, and is as long.
const PLACE: &str = "######";
/// Numbers of turns have as many digits, so that all texts of one size are of one size.
const TURNS: u32 = 1_000_000;
/// The fields of the run in the file, and those of a command, are shorter.
const RUN_BYTES: usize = 1_024;
const COMMAND_BYTES: usize = 512;
/// Larger manifests have more output, not more commands.
const COMMANDS_MAX: usize = 200;
/// As a test prints it.
const OUTPUT: &str = "test store::a_file_is_replaced ... ok\n";

/// A text without the number of its turn: what stands between the places of the number. It is the
/// same in every language to join these with the number's digits.
pub struct Text(Vec<String>);

impl Text {
    fn new(text: &str) -> Self {
        Text(text.split(PLACE).map(str::to_owned).collect())
    }

    /// The same in every turn.
    fn fixed(&self, turn: u32) -> Self {
        Text(vec![self.of_turn(turn)])
    }

    pub fn of_turn(&self, turn: u32) -> String {
        self.0.join(&digits(turn))
    }

    pub fn pieces(&self) -> &[String] {
        &self.0
    }
}

pub fn digits(turn: u32) -> String {
    format!("{:06}", turn % TURNS)
}

/// What a document is given as, and what becomes of it.
pub struct Manifest {
    /// On one line, as Tandem is given it.
    pub compact: Text,
    /// Indented, and with a newline, as its file has it.
    pub file: Text,
}

impl Manifest {
    /// Its file has exactly `bytes` bytes.
    pub fn new(bytes: usize) -> Result<Self> {
        let commands = (bytes.saturating_sub(RUN_BYTES) / COMMAND_BYTES).min(COMMANDS_MAX);
        let empty = file(&Document::new(commands, 0)?)?.len();
        let output = bytes.checked_sub(empty).ok_or("the manifest's fields are too long")?;
        let document = Document::new(commands, output)?;
        let compact = serde_json::to_string(&document)?;
        Ok(Manifest { compact: Text::new(&compact), file: Text::new(&file(&document)?) })
    }

    /// The same in every turn.
    pub fn fixed(&self, turn: u32) -> Self {
        Manifest { compact: self.compact.fixed(turn), file: self.file.fixed(turn) }
    }

    /// Makes any other turn's document this turn's, as a merge patch.
    pub fn patch(turn: u32) -> String {
        let [detail, now] = [status_detail(), now()];
        let patch = format!(
            r#"{{"status_detail":"{detail}","updated_at":"{now}","heartbeat_at":"{now}"}}"#
        );
        Text::new(&patch).of_turn(turn)
    }
}

/// Both stand in the members that are others in each turn.
fn status_detail() -> String {
    format!("after turn {PLACE}")
}

fn now() -> String {
    format!("2026-01-06T00:27:18.{PLACE}Z")
}

fn file(document: &Document) -> Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

#[derive(Serialize)]
struct Document {
    version: u32,
    task_id: &'static str,
    run_id: &'static str,
    parent_run_id: Option<&'static str>,
    runner: &'static str,
    status: &'static str,
    status_detail: String,
    started_at: &'static str,
    completed_at: Option<&'static str>,
    updated_at: String,
    heartbeat_at: String,
    heartbeat_interval_seconds: u32,
    heartbeat_stale_after_seconds: u32,
    artifact_root: &'static str,
    log_path: &'static str,
    summary: String,
    commands: Vec<Command>,
}

#[derive(Serialize)]
struct Command {
    index: usize,
    id: String,
    title: String,
    command: &'static str,
    kind: &'static str,
    status: &'static str,
    started_at: &'static str,
    completed_at: &'static str,
    exit_code: i32,
    summary: String,
    log_path: String,
}

impl Document {
    /// With so many bytes of output, as JSON has them, shared by the commands.
    fn new(commands: usize, output_bytes: usize) -> Result<Self> {
        let share = output_bytes.checked_div(commands).unwrap_or(0);
        Ok(Document {
            version: 1,
            task_id: TASK,
            run_id: "20260106T002716Z-4f1c",
            parent_run_id: None,
            runner: "cli",
            status: "in_progress",
            status_detail: status_detail(),
            started_at: "2026-01-06T00:27:16.820Z",
            completed_at: None,
            updated_at: now(),
            heartbeat_at: now(),
            heartbeat_interval_seconds: 5,
            heartbeat_stale_after_seconds: 30,
            artifact_root: ".runs/bench/cli/20260106T002716Z-4f1c/artifacts",
            log_path: ".runs/bench/cli/20260106T002716Z-4f1c/run.log",
            summary: output(output_bytes - share * commands)?,
            commands: (1..=commands)
                .map(|index| Command::new(index, share))
                .collect::<Result<_>>()?,
        })
    }
}

impl Command {
    fn new(index: usize, output_bytes: usize) -> Result<Self> {
        Ok(Command {
            index,
            id: format!("step-{index}"),
            title: format!("Test the workspace, part {index}"),
            command: "cargo test --workspace",
            kind: "command",
            status: "succeeded",
            started_at: "2026-01-06T00:27:16.820Z",
            completed_at: "2026-01-06T00:27:18.004Z",
            exit_code: 0,
            summary: output(output_bytes)?,
            log_path: format!("commands/{index:04}.log"),
        })
    }
}

/// Lines that are so many bytes long as JSON writes them.
fn output(bytes: usize) -> Result<String> {
    // Without the quotes.
    let line = serde_json::to_string(OUTPUT)?.len() - 2;
    Ok(OUTPUT.repeat(bytes / line) + &".".repeat(bytes % line))
}
