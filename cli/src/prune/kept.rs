//! How a run stands, by what is in its own directory.

use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;

use super::directories::{is_temporary, subdirectory};
use super::end_state::EndState;
use super::found_run::{ALIVE_FOR, FoundRun};
use crate::status::known::{Known, Missing};
use crate::status::row::{Row, is_ahead};
use crate::status::scan::{self, HEARTBEAT, file, look};
use crate::status::state::State;
use crate::table::time;

/// A run that has no manifest yet is about to have one for so long.
const OPENING: Duration = Duration::from_secs(30);
/// The library counts in milliseconds.
const ALIVE_FOR_MAX: Duration = Duration::from_millis(u64::MAX);

/// How a run stands that has a directory of its own.
pub enum Kept {
    Over(FoundRun),
    /// Over, if it is a run: somebody else may have made it.
    Doubtful(FoundRun),
    Live,
    /// Somebody has removed it meanwhile.
    Gone,
}

/// How a run stands that has a directory of its own.
pub fn kept(cli: &Dir, task: &str, run: &str) -> Kept {
    let Some(entry) = look(cli, task.as_ref(), run.as_ref(), None, &|_, _| {}) else {
        return Kept::Gone;
    };
    // It is taken after the look: what is written between them would be ahead of it.
    stands(entry.known, SystemTime::now(), || has_sign(cli, run))
}

/// How a run stands, by what is known of it. `has_sign` tells whether its place is Tandem's, if it has
/// no status.
pub fn stands(known: Known, now: SystemTime, has_sign: impl Fn() -> bool) -> Kept {
    let run = known.run.clone();
    let has_status = known.manifest.as_ref().is_ok_and(|manifest| manifest.status.is_some());
    let over = |state, ended: SystemTime, alive_for| {
        let found = FoundRun { run: run.clone(), state, ended: ended.min(now), alive_for };
        match has_status || has_sign() {
            true => Kept::Over(found),
            false => Kept::Doubtful(found),
        }
    };
    let written = known.signs.written.unwrap_or(now);
    let (completed, silent_seconds_max) = match &known.manifest {
        Ok(manifest) => {
            (manifest.completed_at.as_deref().and_then(time), manifest.stale_after_seconds)
        }
        Err(Missing { state: State::Empty, .. }) => {
            let age = now.duration_since(written).unwrap_or_default();
            let is_opening = age < OPENING && !is_ahead(written, now);
            return if is_opening { Kept::Live } else { over(EndState::Empty, written, ALIVE_FOR) };
        }
        Err(_) => (None, 0.0),
    };
    let row = Row::new(known, now);
    let Some(state) = EndState::of(row.state) else { return Kept::Live };
    let is_over = matches!(row.state, State::Done | State::Failed | State::Cancelled);
    let completed = completed.filter(|at| is_over && !is_ahead(*at, now));
    let heartbeat = row.heartbeat_at.as_deref().and_then(time).filter(|at| !is_ahead(*at, now));
    let last_sign = heartbeat.unwrap_or(written).max(written);
    let alive_for = match state {
        EndState::Stale => Duration::try_from_secs_f64(silent_seconds_max).unwrap_or(ALIVE_FOR_MAX),
        _ => ALIVE_FOR,
    };
    over(state, completed.unwrap_or(last_sign), alive_for.clamp(ALIVE_FOR, ALIVE_FOR_MAX))
}

/// Whether the directory of a run without a status is Tandem's: it has a heartbeat, or nothing but
/// what a killed process leaves.
fn has_sign(cli: &Dir, run: &str) -> bool {
    let Ok(Some(dir)) = subdirectory(cli, run) else { return false };
    let is_tandems = |dir| {
        let (names, problem) = scan::names(dir, "");
        problem.is_none() && names.iter().all(|name| name.to_str().is_some_and(is_temporary))
    };
    matches!(file::find(&dir, HEARTBEAT), Ok(Some(_))) || is_tandems(&dir)
}
