//! The keys of what a run has in a store: its paths below a root.

use crate::status::scan::{CLI, HEARTBEAT, MANIFEST, RUNS, can_be_run, can_be_task};

/// What all runs are below.
pub const ALL: &str = ".runs/";

/// Which document of a run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPart {
    Manifest,
    Heartbeat,
}

/// What all runs of a task are below.
pub fn task_prefix(task: &str) -> String {
    format!("{RUNS}/{task}/{CLI}/")
}

/// The key of a run's manifest; none if no run can have these names.
pub fn manifest_key(task: &str, run: &str) -> Option<String> {
    let can_be = can_be_task(task.as_ref()) && can_be_run(run.as_ref());
    can_be.then(|| format!("{}{run}/{MANIFEST}", task_prefix(task)))
}

/// The task and the run that a document is of; none if it is no run's.
pub fn parsed(key: &str) -> Option<(&str, &str, RunPart)> {
    let mut steps = key.split('/');
    let [runs, task, cli, run, name] =
        [steps.next()?, steps.next()?, steps.next()?, steps.next()?, steps.next()?];
    let part = match name {
        MANIFEST => RunPart::Manifest,
        HEARTBEAT => RunPart::Heartbeat,
        _ => return None,
    };
    let is_run = steps.next().is_none()
        && (runs, cli) == (RUNS, CLI)
        && can_be_task(task.as_ref())
        && can_be_run(run.as_ref());
    is_run.then_some((task, run, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_the_run_and_what_of_it() {
        let key = manifest_key("t", "r").unwrap();
        assert!(key.starts_with(ALL) && key.starts_with(&task_prefix("t")));
        assert_eq!(parsed(&key), Some(("t", "r", RunPart::Manifest)));
        assert_eq!(parsed(".runs/t/cli/r/.heartbeat"), Some(("t", "r", RunPart::Heartbeat)));
    }

    #[test]
    fn what_is_no_runs_is_none() {
        for key in [
            "",
            "out/t/runs.json",
            ".runs/t/r/manifest.json",
            ".runs/t/cli/r/other.json",
            ".runs/t/cli/r/manifest.json/x",
            ".runs/t/cli/.r.tandem-tmp/manifest.json",
            ".runs/t.lock/cli/r/manifest.json",
            ".runs//cli/r/manifest.json",
            ".tandem/t/cli/r/manifest.json",
        ] {
            assert_eq!(parsed(key), None, "{key}");
        }
        assert_eq!(manifest_key("t", "../../r"), None);
        assert_eq!(manifest_key(".t", "r"), None);
    }
}
