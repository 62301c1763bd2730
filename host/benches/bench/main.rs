//! `cargo xtask bench`: what a flush, and recording a run, cost through the component against
//! native Rust.
//!
//! The contenders take turns, round by round, in one process, so that whatever else the machine
//! does meets all of them. Only ratios mean something on another machine; nothing asserts a time.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

mod contender;
mod native;
mod pair;
mod record;
mod report;
mod tandem;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Time Tandem against native Rust, and write target/bench.json.
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
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// A manifest and a heartbeat, in one flush
    Pair,
    /// A completed run, into histories of 0 to 10,000 runs
    Record,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let length = contender::Length {
        rounds_max: options.rounds.max(1),
        time_max: Duration::try_from_secs_f64(options.seconds)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    if options.only.is_none_or(|only| only == Benchmark::Pair) {
        rows.extend(runtime.block_on(pair::run(length))?);
    }
    if options.only.is_none_or(|only| only == Benchmark::Record) {
        rows.extend(runtime.block_on(record::run(length))?);
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("target");
    report::write(&target.join("bench.json"), rows)
}
