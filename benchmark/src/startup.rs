//! What a start costs: a command under `tandem exec` beside the command alone, and an instance of
//! the component in a process that has loaded it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt};
use tandem_host::{HistoryOptions, Tandem};

use crate::Result;
use crate::contender::{Contender, Length, Sample, here, take_turns};
use crate::figures::Figures;
use crate::report::{Report, Row};
use crate::tandem_blocking;

pub const CASE: &str = "start-up";
const ALONE: &str = "true";
const UNDER_EXEC: &str = "tandem-exec-true";
const INSTANCE: &str = "instance";
const BLOCKING_INSTANCE: &str = "blocking-instance";

pub async fn run(length: Length, report: &mut Report) -> Result<()> {
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::scratch()?)?;
    let mut alone = Command::new(ALONE);
    alone.stdin(Stdio::null());
    let mut under_exec = Command::new(program()?);
    under_exec.args(["exec", "--no-progress", "--task", "bench", "--root"]).arg(root.path());
    under_exec.args(["--", ALONE]).stdin(Stdio::null());
    let names = [ALONE, UNDER_EXEC, INSTANCE, BLOCKING_INSTANCE];
    let mut contenders: Vec<Box<dyn Contender>> = vec![
        Box::new(Process(alone)),
        Box::new(Process(under_exec)),
        Box::new(Instance(root.path().into())),
        Box::new(BlockingInstance(root.path().into())),
    ];
    let samples = take_turns(&mut contenders, length, 0, 1).await?.samples;
    root.close()?;

    let figures: Vec<_> = samples.iter().map(|samples| Figures::of(samples, 1)).collect();
    let rows = names.into_iter().zip(&figures).map(|(name, figures_of)| {
        let row = Row::new(CASE, 0, name, *figures_of, ALONE);
        row.against(ALONE, figures_of.ratio(&figures[0]))
    });
    report.add(rows.collect());
    Ok(())
}

/// `cargo xtask bench` builds it beside this program.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("tandem");
    if !path.is_file() {
        return Err(format!("there is no {}: run `cargo xtask bench`", path.display()).into());
    }
    Ok(path)
}

/// A program, from its start to its end.
struct Process(Command);

impl Contender for Process {
    fn turn(&mut self, _: u32) -> BoxFuture<'_, Result<Sample>> {
        async {
            let start = Instant::now();
            let status = self.0.status()?;
            let time = start.elapsed();
            if !status.success() {
                return Err(
                    format!("{} ended with {status}", self.0.get_program().display()).into()
                );
            }
            Ok(Sample { time, cpu: Duration::ZERO })
        }
        .boxed()
    }
}

/// A store, an instance in it, and its first call, which reads a history that is not there.
struct Instance(Box<Path>);

impl Contender for Instance {
    fn turn(&mut self, _: u32) -> BoxFuture<'_, Result<Sample>> {
        async {
            let mut made = None;
            let sample = here(async {
                let builder = Tandem::builder().dir(&*self.0);
                let tandem = builder.build().await?;
                tandem.history(HistoryOptions::new("bench-none")).await?;
                made = Some(tandem);
                Ok(())
            })
            .await?;
            if let Some(tandem) = made {
                tandem.shutdown().await;
            }
            Ok(sample)
        }
        .boxed()
    }
}

/// The same by calls that wait.
struct BlockingInstance(Box<Path>);

impl Contender for BlockingInstance {
    fn turn(&mut self, _: u32) -> BoxFuture<'_, Result<Sample>> {
        here(async {
            tandem_blocking::host(&self.0)?.history(HistoryOptions::new("bench-none"))?;
            Ok(())
        })
        .boxed()
    }
}
