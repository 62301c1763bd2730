//! Recording completed runs, with summaries of about 3 KiB, into histories of different lengths: a
//! third are new, a third are older than half of the others, and a third were recorded before.
//!
//! For a run that comes the oldest one goes, so that a history stays as long as it is. Beside a
//! contender with a long history the same one works with an empty one, in the same rounds: what
//! they differ by is what the length costs.

use std::borrow::Cow;
use std::fs::read;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use futures::future::{BoxFuture, FutureExt, try_join_all};
use tandem_host::{RecordOptions, Tandem};
use tokio::fs;

use crate::Result;
use crate::contender::{Contender, Length, Sample, Taken, here, stop_all, take_turns};
use crate::figures::Figures;
use crate::history::{AFTER, BETWEEN, History, KINDS, Part, Summary, TASK, Turn, entry};
use crate::kind::BASE;
use crate::pair::{Choice, RUNS_AT_ONCE};
use crate::report::{Report, Row};
use crate::tokio_fs::{self, sync_directory};

/// How many other runs are in the history.
const ENTRIES: [usize; 4] = [0, 100, 1_000, 10_000];
/// How many where several are recorded at once.
const ENTRIES_AT_ONCE: usize = 1_000;

const HISTORY: &str = "runs.json";
const SUMMARY: &str = "manifest.json";

const NAMES: [&str; 3] = [BASE.name(), "tandem", "tandem-wasmtime-fs"];

/// What a contender works with.
#[derive(Clone, Copy)]
struct Work {
    entries: usize,
    runs_at_once: usize,
}

pub async fn run(choice: &Choice, length: Length, report: &mut Report) -> Result<()> {
    for runs_at_once in choice.runs_at_once.as_deref().unwrap_or(&RUNS_AT_ONCE) {
        let entries = match *runs_at_once {
            1 => ENTRIES.to_vec(),
            // Long enough that none of the runs of a turn goes in the same turn.
            runs => vec![ENTRIES_AT_ONCE.max(4 * runs)],
        };
        for entries in entries {
            let work = Work { entries, runs_at_once: *runs_at_once };
            run_case(work, length, report).await?;
        }
    }
    Ok(())
}

async fn run_case(work: Work, length: Length, report: &mut Report) -> Result<()> {
    // Beside the other products of the build, so on a real disk.
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::scratch()?)?;
    let Work { entries, runs_at_once } = work;
    let directories = NAMES.map(|name| root.path().join("long").join(name));
    let mut contenders = all(&directories, work).await?;
    // What an empty history makes of several runs depends on their order.
    if entries > 0 && runs_at_once == 1 {
        let directories = NAMES.map(|name| root.path().join("empty").join(name));
        contenders.extend(all(&directories, Work { entries: 0, ..work }).await?);
    }
    for turn in 0..KINDS as u32 {
        for contender in &mut contenders {
            contender.turn(turn).await?;
        }
        check_files(&directories)?;
    }
    let Taken { samples, .. } = take_turns(&mut contenders, length, KINDS as u32, KINDS).await?;
    stop_all(contenders).await?;
    check_files(&directories)?;
    root.close()?;

    let bytes = History::new(entries).file().len();
    let figures = samples.iter().map(|samples| Figures::of(samples, runs_at_once));
    let figures = figures.collect::<Vec<_>>();
    let (long, empty) = figures.split_at(NAMES.len());
    let mut rows = Vec::new();
    for (at, name) in NAMES.into_iter().enumerate() {
        let empty = empty.get(at).or((entries == 0).then_some(&long[at]));
        let row = Row {
            entries: Some(entries),
            runs_at_once: Some(runs_at_once),
            ratio_to_empty: empty.map(|empty| long[at].ratio(empty)),
            ..Row::new("record", bytes, name, long[at], BASE.name())
        };
        rows.push(row.against(BASE.name(), long[at].ratio(&long[0])));
    }
    report.add(rows);
    Ok(())
}

/// One contender for each name.
async fn all(directories: &[PathBuf; NAMES.len()], work: Work) -> Result<Vec<Box<dyn Contender>>> {
    let history = History::new(work.entries).file();
    for directory in directories {
        let out = out(directory);
        std::fs::create_dir_all(&out)?;
        std::fs::write(out.join(HISTORY), &history)?;
    }
    let [native, own, wasmtime] = directories;
    let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(NativeRecord::new(native, work))];
    let hosts = [Tandem::builder().dir(own), Tandem::builder().wasmtime_filesystem(wasmtime)];
    for host in hosts {
        contenders.push(Box::new(TandemRecord {
            host: host.build().await?,
            history: History::new(work.entries),
            history_bytes: history.len() as u64,
            runs_at_once: work.runs_at_once,
        }));
    }
    Ok(contenders)
}

/// Where the history is.
fn out(directory: &Path) -> PathBuf {
    directory.join("out").join(TASK)
}

/// Where the summaries are, each in a directory of its own.
fn runs(directory: &Path) -> PathBuf {
    directory.join(".runs").join(TASK)
}

/// All have what native Rust has, which comes first. A figure for other work would be worth
/// nothing.
fn check_files(directories: &[PathBuf; NAMES.len()]) -> Result<()> {
    let [native, others @ ..] = directories;
    for (other, name) in others.iter().zip(&NAMES[1..]) {
        if read(out(native).join(HISTORY))? != read(out(other).join(HISTORY))? {
            return Err(format!("{name} left another history").into());
        }
        for run in std::fs::read_dir(runs(native))? {
            let summary = Path::new(&run?.file_name()).join(SUMMARY);
            if read(runs(native).join(&summary))? != read(runs(other).join(&summary))? {
                return Err(format!("{name} left another {}", summary.display()).into());
            }
        }
    }
    Ok(())
}

/// Through the component.
struct TandemRecord {
    host: Tandem,
    history: History,
    history_bytes: u64,
    runs_at_once: usize,
}

impl TandemRecord {
    async fn record(&self, summary: Summary) -> Result<()> {
        let keep = self.history.len().try_into()?;
        let options = RecordOptions::new().keep_last(keep);
        let recorded = self.host.record_run(summary.compact, options).await?;
        // A figure for other work than the others do would be worth nothing.
        let written = [recorded.summary.bytes, recorded.history.bytes];
        if written != [summary.file.len() as u64, self.history_bytes] {
            return Err(format!("tandem wrote other files: {written:?}").into());
        }
        Ok(())
    }
}

impl Contender for TandemRecord {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let Turn { summaries, .. } = self.history.turn(turn, self.runs_at_once);
        async move {
            let recorded = summaries.into_iter().map(|summary| self.record(summary));
            here(async { try_join_all(recorded).await.map(drop) }).await
        }
        .boxed()
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        crate::tandem::stop(self.host).boxed()
    }
}

/// Native Rust: all files replaced side by side and synced, as the component does, with tokio. What
/// is recorded at once is written into the history at once. It parses nothing, because it knows
/// where each run stands, and takes no lock.
struct NativeRecord {
    runs: PathBuf,
    out: PathBuf,
    history: History,
    entry_bytes: usize,
    runs_at_once: usize,
    temporary: AtomicU64,
}

impl NativeRecord {
    fn new(directory: &Path, work: Work) -> Self {
        NativeRecord {
            runs: runs(directory),
            out: out(directory),
            history: History::new(work.entries),
            entry_bytes: History::entry_bytes(),
            runs_at_once: work.runs_at_once,
            temporary: AtomicU64::new(0),
        }
    }

    async fn record(&self, turn: &Turn) -> io::Result<()> {
        let summaries = turn.summaries.iter().map(|summary| self.write_summary(summary));
        tokio::try_join!(try_join_all(summaries), self.merge(turn))?;
        Ok(())
    }

    async fn write_summary(&self, summary: &Summary) -> io::Result<()> {
        let run = self.runs.join(&summary.run);
        fs::create_dir_all(&run).await?;
        self.replace(&run, SUMMARY, &[summary.file.as_bytes()]).await?;
        tokio::try_join!(sync_directory(&run), sync_directory(&self.runs))?;
        Ok(())
    }

    async fn merge(&self, turn: &Turn) -> io::Result<()> {
        let mut history = fs::read(self.out.join(HISTORY)).await?;
        let begin = |at: usize| turn.before.len() + at * (self.entry_bytes + BETWEEN.len());
        // What stays is written from where it is, with the new beginning right before it.
        if let Some(Part::Kept(entries)) = turn.parts.first() {
            let end = begin(entries.start);
            history[end - turn.before.len()..end].copy_from_slice(turn.before.as_bytes());
        }
        let mut content: Vec<Cow<'_, [u8]>> = Vec::new();
        for (at, part) in turn.parts.iter().enumerate() {
            let ahead = if at == 0 { &turn.before } else { BETWEEN };
            let behind = if at + 1 == turn.parts.len() { AFTER } else { "" };
            content.push(match part {
                Part::Kept(entries) => {
                    let start = begin(entries.start) - ahead.len();
                    let end = begin(entries.end) - BETWEEN.len() + behind.len();
                    history[start..end].into()
                }
                Part::New(places) => {
                    let entries = places.iter().map(|at| entry(&turn.summaries[*at].file));
                    let entries = entries.collect::<Vec<_>>().join(BETWEEN);
                    [ahead, &entries, behind].concat().into_bytes().into()
                }
            });
        }
        let content: Vec<_> = content.iter().map(|piece| &**piece).collect();
        self.replace(&self.out, HISTORY, &content).await?;
        sync_directory(&self.out).await
    }

    async fn replace(&self, directory: &Path, name: &str, content: &[&[u8]]) -> io::Result<()> {
        tokio_fs::replace(directory, name, content, true, &self.temporary).await
    }
}

impl Contender for NativeRecord {
    fn turn(&mut self, turn: u32) -> BoxFuture<'_, Result<Sample>> {
        let turn = self.history.turn(turn, self.runs_at_once);
        async move { here(async { Ok(self.record(&turn).await?) }).await }.boxed()
    }
}
