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
use crate::replay::{Plan, Played, Replay, Step};
use crate::work::Work;

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
    SetUp { contender: &'a str, is_durable: bool, manifest: &'a str, directories: &'a [PathBuf] },
    Round,
    Replay { steps: &'a [Step] },
    Memory,
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
        let set_up = Task::SetUp {
            contender: name,
            is_durable: work.case.is_durable(),
            manifest: &work.manifest,
            directories: &directories,
        };
        child.version = child.ask::<Ready>(set_up).await?.version;
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
    fn turn(&mut self) -> BoxFuture<'_, Result<Sample>> {
        async {
            let Took { time_us, cpu_us } = self.ask(Task::Round).await?;
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
