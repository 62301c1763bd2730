//! A contender in a process of its own. It is told what to do by a line of JSON, and answers with
//! one what it measured itself, so that the pipe costs nothing.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::Result;
use crate::contender::{Contender, Sample};
use crate::manifest;
use crate::replay::{Plan, Played, Replay, Step};
use crate::work::{TASK, Work, run_name};

pub struct Child {
    name: &'static str,
    /// Killed when it goes.
    _process: tokio::process::Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    version: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "task", rename_all = "camelCase", rename_all_fields = "snake_case")]
pub enum Task<'a> {
    SetUp(SetUp<'a>),
    Round { digits: &'a str },
    Replay { steps: &'a [Step] },
    Memory,
}

/// What every contender is told, each of what it needs.
#[derive(Serialize)]
pub struct SetUp<'a> {
    contender: &'a str,
    is_durable: bool,
    /// A turn's text is these, joined with the digits of its number.
    manifest: &'a [String],
    directories: &'a [PathBuf],
    /// Of Tandem's: the documents, whether each turn sets one, and how many bytes its file has.
    document: &'a [String],
    is_set_each_turn: bool,
    bytes: usize,
    root: &'a Path,
    task_id: &'a str,
    runs: &'a [String],
}

#[derive(Deserialize)]
struct Ready {
    version: Option<String>,
}

#[derive(Deserialize)]
struct Took {
    time_us: f64,
    cpu_us: f64,
}

#[derive(Deserialize)]
struct Replayed {
    latencies_us: Vec<f64>,
    time_us: f64,
    cpu_us: f64,
    pairs_written: usize,
}

#[derive(Deserialize)]
struct Memory {
    memory_peak_bytes: u64,
}

impl Child {
    pub async fn start(
        name: &'static str,
        mut command: Command,
        root: &Path,
        work: &Work,
    ) -> Result<Self> {
        let directories = work.directories(root)?;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {name}: {error}"))?;
        let (Some(to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(format!("{name} has no pipes").into());
        };
        let from = BufReader::new(from).lines();
        let mut child = Self { name, _process: process, to, from, version: None };
        let set_up = SetUp {
            contender: name,
            is_durable: work.case.is_durable(),
            manifest: work.manifest.file.pieces(),
            directories: &directories,
            document: work.manifest.compact.pieces(),
            is_set_each_turn: work.is_set_each_turn(),
            bytes: work.bytes,
            root,
            task_id: TASK,
            runs: &Vec::from_iter((0..work.runs_at_once).map(run_name)),
        };
        child.version = child.ask::<Ready>(Task::SetUp(set_up)).await?.version;
        Ok(child)
    }

    pub async fn ask<T: DeserializeOwned>(&mut self, task: Task<'_>) -> Result<T> {
        let line = serde_json::to_string(&task)? + "\n";
        self.to.write_all(line.as_bytes()).await?;
        self.to.flush().await?;
        let answer = self.from.next_line().await?;
        let answer = answer.ok_or_else(|| format!("{} ended before its time", self.name))?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Replay for Child {
    fn replay<'a>(&'a mut self, plan: &'a Plan) -> BoxFuture<'a, Result<Played>> {
        async {
            let replayed: Replayed = self.ask(Task::Replay { steps: &plan.steps }).await?;
            let latencies = replayed.latencies_us.into_iter().map(micros);
            Ok(Played {
                latencies: latencies.collect::<Result<_>>()?,
                time: micros(replayed.time_us)?,
                cpu: micros(replayed.cpu_us)?,
                pairs_written: replayed.pairs_written,
            })
        }
        .boxed()
    }

    fn version(&self) -> Option<String> {
        self.version.clone()
    }
}

impl Contender for Child {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        async move {
            let digits = manifest::digits(turn);
            let Took { time_us, cpu_us } = self.ask(Task::Round { digits: &digits }).await?;
            Ok(Sample { time: micros(time_us)?, cpu: micros(cpu_us)? })
        }
        .boxed()
    }

    fn version(&self) -> Option<String> {
        self.version.clone()
    }

    fn memory_peak_bytes(&mut self) -> BoxFuture<'_, Result<Option<u64>>> {
        async { Ok(Some(self.ask::<Memory>(Task::Memory).await?.memory_peak_bytes)) }.boxed()
    }
}

fn micros(us: f64) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(us.max(0.0) / 1e6)?)
}
