//! One run, as it is shown.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::known::{IN_PROGRESS, Known, Signs};
use super::state::State;
use crate::table::{time, timestamp};

/// How far the clock of who keeps a run may be ahead. A heartbeat from later tells nothing: it
/// would look recent until its time has come.
const AHEAD_MAX: Duration = Duration::from_secs(5);

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    pub task: String,
    pub run: String,
    pub state: State,
    pub started_at: Option<String>,
    pub heartbeat_at: Option<String>,
    /// Moves by itself: it is no change of the run.
    pub heartbeat_age_ms: Option<u64>,
    pub exit_code: Option<i64>,
    pub detail: Option<String>,
    /// Newest first.
    #[serde(skip)]
    pub began: Option<SystemTime>,
}

/// Whether a time is so far ahead of now that it tells nothing.
pub fn is_ahead(at: SystemTime, now: SystemTime) -> bool {
    at.duration_since(now).is_ok_and(|by| by > AHEAD_MAX)
}

impl Row {
    /// How a run stands at a time.
    pub fn new(known: Known, now: SystemTime) -> Self {
        let Known { task, run, manifest, signs } = known;
        let row = Row { task, run, began: signs.written, ..Row::default() };
        let manifest = match manifest {
            Ok(manifest) => manifest,
            Err(missing) => {
                return Row { state: missing.state, detail: Some(missing.why), ..row };
            }
        };
        let told = manifest.heartbeat_at.as_deref().and_then(time);
        let pulse = Pulse::at(now, signs, told);
        let mut detail = manifest.detail;
        let state = match manifest.status.as_deref() {
            Some("queued") => State::Queued,
            Some("succeeded") => State::Done,
            Some("failed") => State::Failed,
            Some("cancelled") => State::Cancelled,
            Some(IN_PROGRESS) if pulse.is_alive(manifest.stale_after_seconds) => State::Live,
            Some(IN_PROGRESS) => {
                detail = pulse.ahead.map(ahead_of_clock).or(detail);
                State::Stale
            }
            Some(other) => {
                detail = Some(format!("status {other:?}"));
                State::Unknown
            }
            None => {
                detail = Some("no status".to_owned());
                State::Unknown
            }
        };
        Row {
            state,
            began: manifest.started_at.as_deref().and_then(time).or(signs.written),
            started_at: manifest.started_at,
            heartbeat_at: pulse.last.or(pulse.ahead).and_then(timestamp),
            heartbeat_age_ms: pulse
                .age
                .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            exit_code: manifest.exit_code,
            detail,
            ..row
        }
    }

    /// Whether both show the same, but for the time that goes by.
    pub fn is_same(&self, other: &Self) -> bool {
        fn still(row: &Row) -> impl PartialEq {
            let Row {
                task, run, state, started_at, heartbeat_at, exit_code, detail, began, ..
            } = row;
            (task, run, state, started_at, heartbeat_at, exit_code, detail, began)
        }
        still(self) == still(other)
    }
}

/// The signs of life, seen from a time.
struct Pulse {
    /// The newest one that can be true.
    last: Option<SystemTime>,
    age: Option<Duration>,
    /// One that cannot.
    ahead: Option<SystemTime>,
    /// Since when nothing was heard of the run.
    silent: Option<Duration>,
}

impl Pulse {
    fn at(now: SystemTime, signs: Signs, told: Option<SystemTime>) -> Self {
        let is_ahead = |at: &SystemTime| is_ahead(*at, now);
        let age = |at: SystemTime| now.duration_since(at).unwrap_or_default();
        let heartbeats = || [signs.heartbeat, told].into_iter().flatten();
        let last = heartbeats().filter(|at| !is_ahead(at)).max();
        let ahead = heartbeats().filter(is_ahead).max();
        // A run that has just begun has no heartbeat yet.
        let written = signs.written.filter(|at| ahead.is_none() && !is_ahead(at));
        let silent = last.or(written).map(|at| age(at).saturating_sub(signs.unseen));
        Pulse { last, age: last.map(age), ahead, silent }
    }

    fn is_alive(&self, stale_after_seconds: f64) -> bool {
        self.silent.is_some_and(|silent| silent.as_secs_f64() <= stale_after_seconds)
    }
}

fn ahead_of_clock(at: SystemTime) -> String {
    let shown = timestamp(at).unwrap_or_else(|| "beyond the year 9999".to_owned());
    format!("heartbeat is ahead of the clock: {shown}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::manifest::FoundManifest;

    const SECOND: Duration = Duration::from_secs(1);

    fn row(manifest: &str, signs: Signs, now: &str) -> Row {
        let manifest = FoundManifest::read(manifest.as_bytes()).unwrap();
        Row::new(Known::new("t".as_ref(), "r".as_ref(), Ok(manifest), signs), time(now).unwrap())
    }

    #[test]
    fn the_newest_sign_of_life_counts() {
        let manifest = r#"{"status":"in_progress","heartbeat_at":"2026-01-01T00:00:00.000Z"}"#;
        let now = "2026-01-01T00:01:00.000Z";
        assert_eq!(row(manifest, Signs::default(), now).state, State::Stale);
        let newer = time(now).map(|now| now - 29 * SECOND);
        let signs = Signs { heartbeat: newer, ..Signs::default() };
        let row = row(manifest, signs, now);
        assert_eq!((row.state, row.heartbeat_age_ms), (State::Live, Some(29_000)));
        assert_eq!(row.heartbeat_at.as_deref(), Some("2026-01-01T00:00:31.000Z"));
    }

    #[test]
    fn a_run_is_stale_past_its_own_limit_and_not_at_it() {
        let manifest = r#"{"status":"in_progress","heartbeat_stale_after_seconds":60,
            "heartbeat_at":"2026-01-01T00:00:00.000Z"}"#;
        let state = |now| row(manifest, Signs::default(), now).state;
        assert_eq!(state("2026-01-01T00:01:00.000Z"), State::Live);
        assert_eq!(state("2026-01-01T00:01:00.001Z"), State::Stale);
    }

    #[test]
    fn only_a_run_in_progress_can_be_stale() {
        for (status, state) in [
            ("queued", State::Queued),
            ("succeeded", State::Done),
            ("failed", State::Failed),
            ("cancelled", State::Cancelled),
            ("paused", State::Unknown),
        ] {
            let manifest =
                format!(r#"{{"status":"{status}","heartbeat_at":"2000-01-01T00:00:00.000Z"}}"#);
            assert_eq!(row(&manifest, Signs::default(), "2026-01-01T00:00:00Z").state, state);
        }
    }

    #[test]
    fn a_run_without_heartbeat_is_as_old_as_its_manifest() {
        let manifest = r#"{"status":"in_progress"}"#;
        let now = "2026-01-01T00:01:00.000Z";
        let written = |seconds| Signs {
            written: time(now).map(|now| now - seconds * SECOND),
            ..Signs::default()
        };
        assert_eq!(row(manifest, written(1), now).state, State::Live);
        assert_eq!(row(manifest, written(31), now).state, State::Stale);
        assert_eq!(row(manifest, written(1), now).heartbeat_age_ms, None);
    }

    #[test]
    fn a_heartbeat_a_few_seconds_ahead_is_fresh_and_a_later_one_is_no_life() {
        let manifest = r#"{"status":"in_progress","heartbeat_at":"2026-01-01T00:00:05.000Z"}"#;
        let fresh = row(manifest, Signs::default(), "2026-01-01T00:00:00Z");
        assert_eq!((fresh.state, fresh.heartbeat_age_ms), (State::Live, Some(0)));
        let now = "2025-12-31T23:59:59.999Z";
        let stale = row(manifest, Signs::default(), now);
        assert_eq!((stale.state, stale.heartbeat_age_ms), (State::Stale, None));
        assert_eq!(stale.heartbeat_at.as_deref(), Some("2026-01-01T00:00:05.000Z"));
        // Neither is the manifest, then.
        let signs = Signs { written: time(now), ..Signs::default() };
        assert_eq!(row(manifest, signs, now).state, State::Stale);
    }

    #[test]
    fn a_time_that_cannot_be_written_is_shown_without() {
        let manifest = r#"{"status":"in_progress"}"#;
        let epoch = SystemTime::UNIX_EPOCH;
        for at in [epoch - 70 * 366 * 86_400 * SECOND, epoch - Duration::from_nanos(1)] {
            let signs = Signs { heartbeat: Some(at), written: Some(at), ..Signs::default() };
            let row = row(manifest, signs, "2026-01-01T00:00:00Z");
            assert_eq!((row.state, row.heartbeat_at), (State::Stale, None));
            assert!(row.heartbeat_age_ms.is_some());
        }
        // Years that no text has, up to the last second that a system can tell.
        for s in [253_402_300_800, i64::MAX as u64] {
            let at = epoch.checked_add(Duration::from_secs(s));
            let signs = Signs { heartbeat: at, written: at, ..Signs::default() };
            let row = row(manifest, signs, "2026-01-01T00:00:00Z");
            assert_eq!((row.state, row.heartbeat_at), (State::Stale, None));
            assert_eq!(
                row.detail.as_deref(),
                Some("heartbeat is ahead of the clock: beyond the year 9999")
            );
        }
    }
}
