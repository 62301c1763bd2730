//! Runs on the disk as any program may have left them, and how `tandem status` shows them.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Guarded, run, tandem, text};

pub const LONG_AGO: &str = "2020-01-01T00:00:00.000Z";

/// A root of its own.
pub struct Root(TempDir);

impl Root {
    pub fn new() -> Self {
        Root(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the runs of a task are.
    pub fn cli(&self, task: &str) -> PathBuf {
        self.path().join(".runs").join(task).join("cli")
    }

    /// The directory of a run of `task`.
    pub fn run_dir(&self, run: &str) -> PathBuf {
        let dir = self.cli("task").join(run);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// A run of `task`.
    pub fn manifest(&self, run: &str, manifest: &Value) -> PathBuf {
        self.manifest_of("task", run, manifest)
    }

    pub fn manifest_of(&self, task: &str, run: &str, manifest: &Value) -> PathBuf {
        let dir = self.cli(task).join(run);
        fs::create_dir_all(&dir).unwrap();
        // A reader sees a whole file, as with every writer of manifests.
        fs::write(dir.join("new"), manifest.to_string()).unwrap();
        fs::rename(dir.join("new"), dir.join("manifest.json")).unwrap();
        dir
    }

    pub fn status(&self, args: &[&str]) -> Command {
        let mut command = tandem(&["status", "--root"]);
        command.arg(self.path()).args(args);
        command
    }

    pub fn rows(&self) -> Vec<Value> {
        self.rows_with(&[])
    }

    pub fn rows_with(&self, args: &[&str]) -> Vec<Value> {
        rows_of(self.status(args).arg("--json"))
    }

    pub fn row(&self, run: &str) -> Value {
        self.rows().into_iter().find(|row| row["run"] == run).unwrap()
    }

    /// The names of the runs that are shown, in their order.
    pub fn runs_with(&self, args: &[&str]) -> Vec<String> {
        self.rows_with(args).iter().map(|row| row["run"].as_str().unwrap().to_owned()).collect()
    }

    /// `status --watch`, with a line for each run and each change.
    pub fn watch(&self, args: &[&str]) -> Watched {
        let mut command = self.status(args);
        Watched::start(command.args(["--watch", "--json-lines"]))
    }
}

/// The rows that a `status --json` shows.
pub fn rows_of(command: &mut Command) -> Vec<Value> {
    let output = run(command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A `status` that goes on.
pub struct Watched {
    pub child: Guarded,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watched {
    pub fn start(command: &mut Command) -> Self {
        Watched::start_telling(command, Stdio::piped())
    }

    /// With somewhere for what it has to tell.
    pub fn start_telling(command: &mut Command, stderr: Stdio) -> Self {
        let mut child =
            Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Watched { child, lines }
    }

    pub fn next(&mut self) -> Value {
        let line = self.lines.next().expect("it ended").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Reads on until a run has a state.
    pub fn until(&mut self, run: &str, state: &str) -> Value {
        loop {
            let row = self.next();
            if row["run"] == run && row["state"] == state {
                return row;
            }
        }
    }
}

/// As files have it.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
