//! What was acknowledged against what is found.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use tandem_documents::Documents;

use crate::kept::{history_key, ids, manifest_key, number, summary_key};
use crate::ledger::Lines;
use crate::word::Name;

/// Documents by their keys.
pub type Found = BTreeMap<String, Arc<[u8]>>;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Runs and recorded runs of which something was acknowledged.
    pub acknowledged: usize,
    /// How many of them were found as they must be.
    pub found: usize,
    /// What is not as it must be, a sentence each.
    pub wrong: Vec<String>,
}

/// All documents of a store.
///
/// # Errors
/// The store does not answer.
pub fn found<D: Documents>(store: &D) -> Result<Found, String> {
    let (mut found, mut cursor) = (Found::new(), None);
    loop {
        let changes = block_on(store.changes("", cursor.as_ref()));
        let changes = changes.map_err(|trouble| format!("the store cannot be read: {trouble}"))?;
        if changes.is_anew {
            found.clear();
        }
        for changed in changes.changed {
            match changed.document.body {
                Some(body) => drop(found.insert(changed.key, body)),
                None => drop(found.remove(&changed.key)),
            }
        }
        if !changes.has_more {
            return Ok(found);
        }
        cursor = Some(changes.next);
    }
}

/// Compares them. The lines are those of before the documents were read.
pub fn judge(lines: &Lines, found: &Found) -> Verdict {
    let mut verdict = Verdict::default();
    for name in lines.runs.keys() {
        if let Some(outcome) = run(lines, name, found) {
            verdict.count(outcome);
        }
    }
    for (task, runs) in &lines.records {
        let history = found.get(&history_key(task)).map(|body| ids(body, task));
        let ids = match history {
            Some(Ok(ids)) => ids,
            Some(Err(error)) => {
                verdict.wrong.push(error);
                Vec::new()
            }
            None => Vec::new(),
        };
        let mut counts = BTreeMap::<&str, usize>::new();
        ids.iter().for_each(|id| *counts.entry(id).or_default() += 1);
        let doubled = counts.iter().filter(|(_, count)| **count > 1);
        let doubled =
            doubled.map(|(id, count)| format!("{task} {id}: {count} times in the history"));
        verdict.wrong.extend(doubled);
        for run in runs {
            let name = Name { task: task.clone(), run: run.clone() };
            let outcome = if !counts.contains_key(&**run) {
                Err(format!("{name}: acknowledged, and not in the history"))
            } else if !found.contains_key(&summary_key(&name)) {
                Err(format!("{name}: acknowledged, and its summary is not there"))
            } else {
                Ok(())
            };
            verdict.count(outcome);
        }
    }
    verdict
}

/// What becomes of one run; none if nothing of it was acknowledged.
fn run(lines: &Lines, name: &Name, found: &Found) -> Option<Result<(), String>> {
    let owners = &lines.runs[name];
    // Of two owners, the earlier one is acknowledged nothing that the later one has not found.
    for (place, later) in owners.iter().enumerate() {
        let earlier = owners[..place].iter().find(|earlier| earlier.acknowledged > later.found);
        if let Some(earlier) = earlier {
            return Some(Err(format!(
                "{name}: {} is acknowledged {}, {} found {}",
                earlier.owner, earlier.acknowledged, later.owner, later.found
            )));
        }
    }
    let acknowledged = owners.iter().map(|owner| owner.acknowledged).max().unwrap_or_default();
    if acknowledged == 0 {
        return None;
    }
    let number = match found.get(&manifest_key(name)) {
        Some(body) => number(body, name),
        None => Ok(0),
    };
    Some(number.and_then(|number| match number >= acknowledged {
        true => Ok(()),
        false => Err(format!("{name}: {acknowledged} is acknowledged, {number} is found")),
    }))
}

impl Verdict {
    fn count(&mut self, outcome: Result<(), String>) {
        self.acknowledged += 1;
        match outcome {
            Ok(()) => self.found += 1,
            Err(wrong) => self.wrong.push(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::{manifest, summary};
    use crate::ledger::Ledger;

    fn name() -> Name {
        Name { task: "t".into(), run: "r".into() }
    }

    fn lines(said: &[(&str, &str)]) -> Lines {
        let ledger = Ledger::default();
        said.iter().for_each(|(owner, line)| ledger.note(owner, line));
        assert!(ledger.bad().is_empty());
        ledger.lines()
    }

    fn with_number(number: u64) -> Found {
        let text = manifest(&name(), "a", number);
        [(manifest_key(&name()), text.into_bytes().into())].into()
    }

    #[test]
    fn a_manifest_that_is_older_than_acknowledged_is_lost() {
        let lines = lines(&[("a", "opened t r 0"), ("a", "manifest t r 2")]);
        for (number, is_found) in [(1, false), (2, true), (3, true)] {
            let verdict = judge(&lines, &with_number(number));
            assert_eq!((verdict.acknowledged, verdict.found), (1, usize::from(is_found)));
            assert_eq!(verdict.wrong.is_empty(), is_found);
        }
        assert_eq!(judge(&lines, &Found::new()).wrong.len(), 1);
    }

    #[test]
    fn what_nobody_acknowledged_may_be_gone() {
        let verdict = judge(&lines(&[("a", "opened t r 0")]), &Found::new());
        assert_eq!((verdict.acknowledged, verdict.wrong.len()), (0, 0));
    }

    #[test]
    fn an_owner_that_was_replaced_is_acknowledged_nothing_more() {
        let mut said = vec![("a", "opened t r 0"), ("a", "manifest t r 2"), ("b", "opened t r 2")];
        said.push(("b", "manifest t r 3"));
        assert!(judge(&lines(&said), &with_number(3)).wrong.is_empty());
        said.push(("a", "manifest t r 3"));
        assert_eq!(judge(&lines(&said), &with_number(3)).wrong.len(), 1);
    }

    #[test]
    fn an_acknowledged_record_is_in_its_history_exactly_once() {
        let lines = lines(&[("a", "record t x")]);
        let completed = Name { run: "x".into(), ..name() };
        let with = |runs: &str| -> Found {
            let history = format!(r#"{{"taskId":"t","runs":[{runs}]}}"#);
            let summary = summary(&completed).into_bytes().into();
            [(history_key("t"), history.into_bytes().into()), (summary_key(&completed), summary)]
                .into()
        };
        let x = r#"{"runId":"x"}"#;
        assert!(judge(&lines, &with(x)).wrong.is_empty());
        assert_eq!(judge(&lines, &with("")).wrong.len(), 1);
        assert_eq!(judge(&lines, &with(&format!("{x},{x}"))).wrong.len(), 1);
        let mut without_summary = with(x);
        without_summary.remove(&summary_key(&completed));
        assert_eq!(judge(&lines, &without_summary).wrong.len(), 1);
    }
}
