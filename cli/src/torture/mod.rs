//! `tandem torture`: the component on disks that fail and crash.

mod bar;
mod file;
mod json;
mod outcome;
mod played;
mod replay;
mod text;

use std::io::{self, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tandem_simulator::sim::Model;
use tandem_simulator::torture::Torture;

use super::plain::complain;
use super::terminal::moves_cursor;
use super::waiting;
use bar::Bar;
use outcome::Outcome;
use played::Played;
use replay::Replay;

/// How messages name this command.
const COMMAND: &str = "torture";
/// The exit code of a run that could not be made, or whose result could not be told.
const EXIT_NOT_RUN: u8 = 125;
/// More would only wait for each other.
const THREADS_MAX: i64 = 256;

/// Run the component on simulated disks that fail and crash, and check what it promises
///
/// Calls in flight are completed in many orders, calls fail, and the power is lost anywhere. After
/// a crash the component recovers from what the disk may then hold, by the rules of a model of a
/// file system. All of it is in memory: nothing is written. The same seed tries the same.
///
/// The run ends once N distinct states were recovered, or 10 violations found; a unit alone ends
/// when its work is done. States are distinct if they differ in names or bytes that recovery or a
/// reader looks at: what is only in temporary files does not count.
///
/// A violation is told with the steps that led to it, the disk before and after the crash, and the
/// command that finds it again.
///
/// Exit codes: 0 if no promise was broken; 1 if one was; 125 if the run could not be made or told;
/// 2 if this command line is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What everything random is made from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// End once at least this many distinct states were recovered
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    states: u64,

    /// Only this model of a file system [default: all of them]
    #[arg(long, value_name = "MODEL", value_parser = models())]
    model: Option<Model>,

    /// Only this unit of the run, to find a violation again; it ends by itself, without --states
    #[arg(long, value_name = "N", conflicts_with = "states")]
    unit: Option<u64>,

    /// The component for WASI 0.2, whose calls block, in place of the one for WASI 0.3
    ///
    /// Its calls come one after the other, so callers that go away and most orders of calls in flight
    /// are not tried. Where it tells when to call again, it is called then.
    #[arg(long)]
    blocking: bool,

    /// Documents of a store that hosts share in the place of files
    ///
    /// Its requests are lost, refused and late. What it answers survives, so there is one model.
    #[arg(long, conflicts_with_all = ["blocking", "model"])]
    documents: bool,

    /// Another build of the component, for the same WASI; a file of at most 64 MiB
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,

    /// How many threads work, which changes nothing but the time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads())]
    threads: Option<NonZero<usize>>,

    /// Print one line of JSON: an object
    ///
    /// It has seed, states, faults, orders, units, violations, trace_hash, component,
    /// models, elapsed_ms, states_per_second, first and found, in this order. component is the
    /// world of the component, tandem or tandem-blocking. violations is their number, first the
    /// sentence of the first or null. found lists the violations; each has unit, model, sentence,
    /// steps, before, after and replay; after is null if there was no crash.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn played(&self) -> Played {
        match (self.blocking, self.documents) {
            (true, _) => Played::Blocking,
            (false, true) => Played::Documents,
            (false, false) => Played::Files,
        }
    }
}

fn models() -> impl TypedValueParser<Value = Model> {
    let names = Model::ALL.map(|model| PossibleValue::new(model.name).help(model.about));
    PossibleValuesParser::new(names)
        .try_map(|name| Model::find(&name).ok_or("there is no such model"))
}

fn threads() -> impl TypedValueParser<Value = NonZero<usize>> {
    clap::value_parser!(u16)
        .range(1..=THREADS_MAX)
        .try_map(|threads| NonZero::<usize>::try_from(usize::from(threads)))
}

/// Runs it; the exit code tells whether a promise was broken.
pub fn run(args: &Args) -> ExitCode {
    let outcome = match torture(args) {
        Ok(outcome) => outcome,
        Err(problem) => {
            complain(COMMAND, &problem);
            return EXIT_NOT_RUN.into();
        }
    };
    let told = tell(args, &outcome);
    if let Err(problem) = &told {
        complain(COMMAND, problem);
    }
    if outcome.is_broken() {
        ExitCode::FAILURE
    } else if told.is_err() {
        EXIT_NOT_RUN.into()
    } else {
        ExitCode::SUCCESS
    }
}

fn torture(args: &Args) -> Result<Outcome<'_>, String> {
    let mut torture = Torture::new().seed(args.seed).states(args.states);
    if let Some(model) = args.model {
        torture = torture.model(model);
    }
    if let Some(unit) = args.unit {
        torture = torture.unit(unit);
    }
    if let Some(threads) = args.threads {
        torture = torture.threads(threads);
    }
    let played = args.played();
    torture = played.of(torture);
    if let Some(file) = &args.component {
        torture = torture.component(file::read(file)?);
    }
    // How far one unit is cannot be told.
    let bar = Bar::start(args.states, !args.json && args.unit.is_none() && moves_cursor());
    let start = Instant::now();
    let report = torture.run(|progress| bar.show(progress));
    let elapsed = start.elapsed();
    bar.end();
    let component = args.component.as_deref();
    let report = report.map_err(|error| file::unusable(component, &error))?;
    let replay = Replay { model: args.model, played, component };
    Ok(Outcome { report, elapsed, replay })
}

fn tell(args: &Args, outcome: &Outcome) -> Result<(), String> {
    let lines = if args.json {
        vec![json::line(outcome).map_err(|error| format!("cannot make JSON: {error}"))?]
    } else {
        text::lines(outcome)
    };
    let mut output = io::BufWriter::new(waiting::stdout());
    let printed = lines.iter().try_for_each(|line| writeln!(output, "{line}"));
    match printed.and_then(|()| output.flush()) {
        // Nobody reads any more, which is no failure.
        Err(error) if waiting::is_reader_gone(&error) => Ok(()),
        printed => printed.map_err(|error| format!("cannot write to standard output: {error}")),
    }
}
