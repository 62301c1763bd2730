//! `cargo xtask bench`: what a flush, and recording a run, cost through the component against what
//! else could be used.
//!
//! The contenders take turns, round by round, in one process where they can, so that whatever else
//! the machine does meets all of them. Only ratios mean something on another machine; nothing
//! asserts a time.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

mod apart;
mod child;
mod contender;
mod crates;
mod figures;
mod files;
mod growth;
mod history;
mod html;
mod kind;
mod manifest;
mod markdown;
mod memory;
mod native;
mod node;
mod noise;
mod pair;
mod parts;
mod record;
mod replay;
mod report;
mod say;
mod startup;
mod steps;
mod store;
mod table;
mod tandem;
mod tandem_blocking;
mod tandem_node;
mod tandem_python;
mod tokio_fs;
mod usage;
mod version;
mod work;

use kind::Kind;
use pair::Choice;
use report::{LeftOut, Report};
use say::say;
use work::{Case, Measured};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Time Tandem against what else could be used, and write target/bench.json, bench.md and bench.html.
///
/// A pair is a manifest and a heartbeat. By default manifests of 2, 32 and 256 KiB are written by
/// one run, and those of 2 and 32 KiB also by 8, 32 and 64 runs at once.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Options {
    /// Run one benchmark only
    #[arg(long)]
    only: Option<Benchmark>,
    /// Stop each case after this many rounds
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    rounds: usize,
    /// Stop each case after this time
    #[arg(long, value_name = "SECONDS", default_value = "7", value_parser = seconds)]
    seconds: Duration,
    /// Pairs and flushes: what their files survive
    #[arg(long, value_delimiter = ',', value_name = "CASE")]
    case: Vec<Case>,
    /// Pairs, flushes and replays: these contenders only, and what they are set against
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    contenders: Vec<Kind>,
    /// Pairs and flushes: these sizes of manifests
    #[arg(long, value_delimiter = ',', value_name = "BYTES", value_parser = bytes)]
    bytes: Option<Vec<usize>>,
    /// Pairs, flushes, replays and records: as many runs at once
    #[arg(long, value_delimiter = ',', value_name = "COUNT", value_parser = runs)]
    runs: Option<Vec<usize>>,
    /// Leave out what runs in Node
    #[arg(long)]
    without_node: bool,
    /// Leave out what runs in Python
    #[arg(long)]
    without_python: bool,
    /// Work alone, and tell how much memory that takes
    #[arg(long, hide = true)]
    memory_of: Option<Kind>,
    /// Keep so many runs open, and tell what that takes
    #[arg(long, hide = true)]
    growth_of: Option<usize>,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// A new document is set in each turn, and a manifest and a heartbeat are written
    Pair,
    /// The same document is written again, with a heartbeat
    Flush,
    /// A realistic run, in which throttling and coalescing count
    Replay,
    /// A completed run, new, older or recorded before, into histories of 0 to 10,000 others
    Record,
    /// A flush while 1 to 10,000 runs are open, and the memory of an idle one
    Growth,
    /// Each step of a durable pair
    Steps,
    /// A command under `exec`, and an instance of the component
    Startup,
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "it must be a number of seconds".to_owned())
}

fn bytes(text: &str) -> std::result::Result<usize, String> {
    within(text, 1_024, 16 << 20)
}

fn runs(text: &str) -> std::result::Result<usize, String> {
    within(text, 1, 1_000)
}

fn within(text: &str, min: usize, max: usize) -> std::result::Result<usize, String> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("it must be a number from {min} to {max}"))
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<()> {
    let length = contender::Length { rounds_max: options.rounds.max(1), time_max: options.seconds };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut choice = Choice {
        cases: if options.case.is_empty() { Case::ALL.to_vec() } else { options.case.clone() },
        bytes: options.bytes.clone(),
        runs_at_once: options.runs.clone(),
        contenders: options.contenders.clone(),
        without: Vec::new(),
    };
    if let Some(kind) = options.memory_of {
        let measured = match options.only {
            Some(Benchmark::Flush) => Measured::Flush,
            _ => Measured::Pair,
        };
        let works = choice.works(measured)?;
        let work = works.first().ok_or("there is nothing to do")?;
        let work = work.clone();
        return on_worker(&runtime, async move { memory::tell(kind, &work).await });
    }
    if let Some(runs_open) = options.growth_of {
        return on_worker(&runtime, async move { growth::tell(runs_open).await });
    }
    let is_asked = |benchmark| options.only.is_none_or(|only| only == benchmark);
    let is_chosen =
        [Benchmark::Pair, Benchmark::Flush, Benchmark::Replay].into_iter().any(is_asked);
    let left_out = if is_chosen { left_out(&choice, &options) } else { Vec::new() };
    choice.without = left_out.iter().map(|left_out| left_out.kind).collect();
    let mut report = Report::new(left_out);
    let only = options.only;
    let report = on_worker(&runtime, async move {
        let is_asked = |benchmark| only.is_none_or(|only| only == benchmark);
        if is_asked(Benchmark::Pair) {
            pair::run(Measured::Pair, &choice, length, &mut report).await?;
        }
        if is_asked(Benchmark::Flush) {
            pair::run(Measured::Flush, &choice, length, &mut report).await?;
        }
        if is_asked(Benchmark::Replay) {
            replay::run(&choice, length, &mut report).await?;
        }
        if is_asked(Benchmark::Record) {
            record::run(&choice, length, &mut report).await?;
        }
        if is_asked(Benchmark::Growth) {
            growth::run(&mut report)?;
        }
        if is_asked(Benchmark::Steps) {
            steps::run(length, &mut report).await?;
        }
        if is_asked(Benchmark::Startup) {
            startup::run(length, &mut report).await?;
        }
        Ok(report)
    })?;
    say("");
    report.write(&target_directory())
}

/// Does the work in a task, as programs do: what `block_on` runs itself has to be woken on a thread
/// of its own, at each step.
fn on_worker<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    runtime.block_on(runtime.spawn(work))?
}

/// Which contenders cannot take part, because something that they need is not there.
fn left_out(choice: &Choice, options: &Options) -> Vec<LeftOut> {
    let unless = |is_without, option, ensure: fn() -> std::result::Result<(), String>| {
        move || if is_without { Err(format!("{option} was given")) } else { ensure() }
    };
    let node = |ensure| unless(options.without_node, "--without-node", ensure);
    let mut left_out = without(choice.kinds(Kind::is_in_node), node(node::ensure));
    // They have no replay.
    if options.only != Some(Benchmark::Replay) {
        let only = |only| choice.kinds(|kind| kind == only);
        left_out.extend(without(only(Kind::AtomicWriteFile), apart::ensure));
        left_out.extend(without(only(Kind::TandemNode), node(tandem_node::ensure)));
        let python = unless(options.without_python, "--without-python", tandem_python::ensure);
        left_out.extend(without(only(Kind::TandemPython), python));
    }
    left_out
}

/// All of them or none.
fn without(
    kinds: Vec<Kind>,
    ensure: impl FnOnce() -> std::result::Result<(), String>,
) -> Vec<LeftOut> {
    if kinds.is_empty() {
        return Vec::new();
    }
    let Err(reason) = ensure() else { return Vec::new() };
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    say(&format!("left out: {}: {reason}", names.join(", ")));
    kinds.into_iter().map(|kind| LeftOut::new(kind, &reason)).collect()
}

/// Where the results go.
fn target_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join("target")
}

/// Where the files go that are measured: on the disk of the target directory.
fn scratch() -> Result<PathBuf> {
    let directory = target_directory().join("tmp");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}
