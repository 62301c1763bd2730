//! A manifest and a heartbeat, of one run or of several at once: of a new document in each turn, or
//! of the same one.

use std::path::Path;

use clap::ValueEnum;

use crate::Result;
use crate::contender::{Length, Taken, stop_all, take_turns};
use crate::figures::Figures;
use crate::kind::{BASE, CONTROL, Kind};
use crate::memory;
use crate::noise::Noise;
use crate::report::{Report, Row};
use crate::work::{
    Case, HEARTBEAT, HEARTBEAT_BYTES, MANIFEST, Measured, Work, directory, run_name,
};

const BYTES: [usize; 3] = [2_048, 32_768, 262_144];
pub const RUNS_AT_ONCE: [usize; 4] = [1, 8, 32, 64];
/// Larger manifests are flushed by one run at a time, unless the arguments say otherwise.
const BYTES_AT_ONCE_MAX: usize = 32_768;

/// What to choose from everything.
pub struct Choice {
    pub cases: Vec<Case>,
    pub bytes: Option<Vec<usize>>,
    pub runs_at_once: Option<Vec<usize>>,
    pub contenders: Vec<Kind>,
    pub without: Vec<Kind>,
}

impl Choice {
    /// In the order in which they are done.
    pub fn works(&self, measured: Measured) -> Result<Vec<Work>> {
        let sizes = self.bytes.as_deref().unwrap_or(&BYTES);
        let is_all = self.bytes.is_some() && self.runs_at_once.is_some();
        let mut works = Vec::new();
        for runs in self.runs_at_once.as_deref().unwrap_or(&RUNS_AT_ONCE) {
            for bytes in sizes.iter().filter(|b| is_all || *runs == 1 || **b <= BYTES_AT_ONCE_MAX) {
                for case in &self.cases {
                    works.push(Work::new(measured, *case, *bytes, *runs)?);
                }
            }
        }
        Ok(works)
    }

    /// Those that are asked for, and what they are set against.
    pub fn kinds(&self, may: impl Fn(Kind) -> bool) -> Vec<Kind> {
        let is_asked = |kind: Kind| self.contenders.is_empty() || self.contenders.contains(&kind);
        let is_chosen = |kind: &Kind| {
            let is_in = is_asked(*kind) && !self.without.contains(kind);
            may(*kind) && (is_in || [BASE, CONTROL].contains(kind))
        };
        Kind::value_variants().iter().copied().filter(is_chosen).collect()
    }
}

pub async fn run(
    measured: Measured,
    choice: &Choice,
    length: Length,
    report: &mut Report,
) -> Result<()> {
    for work in choice.works(measured)? {
        run_case(&work, choice, length, report).await?;
    }
    Ok(())
}

async fn run_case(work: &Work, choice: &Choice, length: Length, report: &mut Report) -> Result<()> {
    // Beside the other products of the build, so on a real disk.
    let root = tempfile::Builder::new().prefix("bench-").tempdir_in(crate::scratch()?)?;
    let kinds = choice.kinds(|kind| kind.syncs(work.case).is_some());
    let mut contenders = Vec::new();
    for kind in &kinds {
        contenders.push(kind.set_up(&root.path().join(kind.name()), work).await?);
    }
    let Taken { samples, last } = take_turns(&mut contenders, length, 0, 1).await?;
    let versions: Vec<_> = contenders.iter().map(|contender| contender.version()).collect();
    stop_all(contenders).await?;
    for kind in kinds.iter().filter(|kind| kind.keeps_files()) {
        check_files(&root.path().join(kind.name()), work, last)
            .map_err(|error| format!("{} left other files: {error}", kind.name()))?;
    }
    root.close()?;

    let samples_of = |kind: Kind| {
        let at = kinds.iter().position(|of| *of == kind);
        at.and_then(|at| samples.get(at)).map_or(&[][..], Vec::as_slice)
    };
    let noise = Noise::of(samples_of(BASE), samples_of(CONTROL));
    let figures_of = |kind: Kind| Figures::of(samples_of(kind), work.runs_at_once);
    let mut rows = Vec::new();
    for (kind, version) in kinds.iter().zip(versions) {
        let figures = figures_of(*kind);
        let row = Row {
            runs_at_once: Some(work.runs_at_once),
            version: version.or_else(|| kind.version()),
            memory_peak_bytes: memory::peak_bytes(*kind, work)?,
            syncs: kind.syncs(work.case),
            noise: noise.warning(),
            noise_percent: Some(noise.percent),
            ..Row::new(work.name(), work.bytes, kind.name(), figures, BASE.name())
        };
        rows.push(row.against(BASE.name(), figures.ratio(&figures_of(BASE))));
        if let Some(other) = kind.also_against(work.case).filter(|other| kinds.contains(other)) {
            rows.push(row.against(other.name(), figures.ratio(&figures_of(other))));
        }
    }
    report.add(rows);
    Ok(())
}

/// A figure for other work than the others do would be worth nothing.
fn check_files(root: &Path, work: &Work, turn: u32) -> Result<()> {
    let manifest = work.file(turn);
    for run in 0..work.runs_at_once {
        let directory = directory(root, &run_name(run));
        if std::fs::read(directory.join(MANIFEST))? != manifest.as_bytes() {
            return Err("the manifest is another one".into());
        }
        if std::fs::read(directory.join(HEARTBEAT))?.len() != HEARTBEAT_BYTES {
            return Err("the heartbeat is no time".into());
        }
        if std::fs::read_dir(directory)?.count() != 2 {
            return Err("there are more than two".into());
        }
    }
    Ok(())
}
