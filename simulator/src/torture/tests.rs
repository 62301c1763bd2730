//! Each rule of the judge, broken by hand.

use super::acknowledged::{Acknowledged, AcknowledgedRecord};
use super::judge::{self, Crash};
use super::plan::{self, Act, Plan, Removal};
use super::recovery::Observation;
use super::removal::{self, Traffic};
use crate::sim::tree::Tree;
use tandem_host::Durability::{Durable, Visible};
use tandem_host::testing::bindings::records;
use tandem_host::{Reached, Recovery, TaskHistory};

/// Files by their paths.
fn tree(files: &[(String, &str)]) -> Tree {
    let mut tree = Tree::new();
    for (path, content) in files {
        tree.put(path, content.as_bytes(), 0);
    }
    tree
}

/// A run with two versions, the second of them acknowledged.
fn updated(reached: Reached) -> (Plan, Acknowledged, [String; 2]) {
    let plan = Plan::updates(2, Durable, Visible);
    let mut acknowledged = Acknowledged::new(&plan);
    let files = [0, 1].map(|version| plan::document(0, version, 10).1);
    acknowledged.runs[0].versions = files.to_vec();
    acknowledged.acknowledge_manifest(0, 2, reached);
    (plan, acknowledged, files)
}

/// Two runs, the first of them recorded.
fn recorded() -> (Plan, Acknowledged, [String; 2]) {
    let plan = Plan::records(2, Durable, Durable);
    let mut acknowledged = Acknowledged::new(&plan);
    let files = [0, 1].map(|run| plan::summary(run, 0, 10).1);
    acknowledged.records =
        [0, 1].map(|run| AcknowledgedRecord::new(run, files[run].clone())).to_vec();
    let first = &mut acknowledged.records[0];
    (first.summary_visible, first.summary_durable) = (true, true);
    (first.history_visible, first.history_durable) = (true, true);
    (plan, acknowledged, files)
}

/// A history's file with these entries.
fn history(entries: &[&str]) -> String {
    let entries: Vec<serde_json::Value> =
        entries.iter().map(|entry| serde_json::from_str(entry).expect("an entry")).collect();
    let last = entries.last().map_or("", |entry| entry["timestamp"].as_str().expect("a time"));
    serde_json::json!({"taskId": plan::TASK, "lastRunAt": last, "runs": entries}).to_string()
}

#[track_caller]
fn judged(files: &[(String, &str)], known: (&Plan, &Acknowledged), crash: Crash, sentence: &str) {
    match judge::files(&tree(files), known.0, known.1, crash) {
        Ok(()) => assert_eq!(sentence, "", "it must be found"),
        Err(told) if sentence.is_empty() => panic!("nothing is wrong: {told}"),
        Err(told) => assert!(told.contains(sentence), "{told}"),
    }
}

#[test]
fn an_acknowledged_manifest_is_there_or_a_newer_one() {
    let path = plan::manifest_path(0);
    let (plan, acknowledged, [old, new]) = updated(Reached::Durable);
    let known = (&plan, &acknowledged);
    for crash in [Crash::None, Crash::Process, Crash::PowerLoss] {
        judged(&[(path.clone(), &new)], known, crash, "");
        judged(&[(path.clone(), &old)], known, crash, "holds version 0");
        judged(&[], known, crash, "is gone");
        let sentence = if crash == Crash::PowerLoss { "is torn" } else { "a reader finds" };
        judged(&[(path.clone(), &new[..20])], known, crash, sentence);
    }
}

#[test]
fn what_is_visible_only_may_be_lost_by_a_power_loss_and_by_nothing_else() {
    let path = plan::manifest_path(0);
    let (plan, acknowledged, [old, _]) = updated(Reached::Visible);
    let known = (&plan, &acknowledged);
    judged(&[(path.clone(), &old)], known, Crash::PowerLoss, "");
    judged(&[], known, Crash::PowerLoss, "");
    judged(&[(path, &old)], known, Crash::Process, "acknowledged as written");
    judged(&[], known, Crash::Process, "is gone");
}

#[test]
fn an_acknowledged_heartbeat_is_whole_and_not_older() {
    let path = plan::heartbeat_path(0);
    let plan = Plan::updates(1, Durable, Visible);
    let mut acknowledged = Acknowledged::new(&plan);
    acknowledged.acknowledge_heartbeat(0, 1_767_659_236_820, Reached::Visible);
    let known = (&plan, &acknowledged);
    let beat = |text| [(path.clone(), text)];
    judged(&beat("2026-01-06T00:27:16.820Z\n"), known, Crash::Process, "");
    judged(&beat("2026-01-06T00:27:16.819Z\n"), known, Crash::Process, "older");
    judged(&beat("2026-01-06T00:27:16.820Z"), known, Crash::Process, "not whole");
    judged(&beat(""), known, Crash::PowerLoss, "");
    judged(&[], known, Crash::Process, "is gone");
}

#[test]
fn a_recorded_run_is_in_the_history_once() {
    let (plan, acknowledged, [first, second]) = recorded();
    let known = (&plan, &acknowledged);
    let summary = (plan::summary_path(0), &*first);
    let with = |entries: &[&str], sentence| {
        let text = history(entries);
        let files = [summary.clone(), (plan::history_path(), &*text)];
        judged(&files, known, Crash::PowerLoss, sentence);
    };
    with(&[&first], "");
    with(&[&first, &second], "");
    with(&[&second], "the history lost run");
    with(&[&first, &first], "twice");
    with(&[&second, &first], "not in the order of time");
    with(&[&first, &plan::summary(7, 0, 10).1], "which nobody recorded");
    with(&[&plan::summary(0, 3, 10).1], "none that was recorded");
    judged(std::slice::from_ref(&summary), known, Crash::PowerLoss, "is gone");
    let torn = [summary, (plan::history_path(), "{\"taskId\"")];
    judged(&torn, known, Crash::PowerLoss, "a history is not whole");
}

#[test]
fn an_acknowledged_summary_is_there_and_whole() {
    let (plan, acknowledged, [first, _]) = recorded();
    let text = history(&[&first]);
    let with = |files: &[(String, &str)], sentence| {
        let files = [&[(plan::history_path(), &*text)], files].concat();
        judged(&files, (&plan, &acknowledged), Crash::PowerLoss, sentence);
    };
    with(&[(plan::summary_path(0), &first)], "");
    with(&[(plan::summary_path(0), "{}")], "a summary is not whole");
    with(&[], "an acknowledged summary is gone");
}

/// The files of a workload that begins with runs that were recorded long ago, but for those whose
/// paths have one of these parts.
fn files_without(plan: &Plan, parts: &[&str]) -> Tree {
    let (whole, _) = plan.start();
    let mut tree = Tree::new();
    for (path, ino) in whole.walk() {
        let is_kept = !parts.iter().any(|part| path.contains(part));
        if let Ok((data, modified_ns)) = whole.file(ino)
            && is_kept
        {
            tree.put(&path, data, modified_ns);
        }
    }
    tree
}

#[track_caller]
fn told(verdict: Result<(), String>, sentence: &str) {
    let told = verdict.err().unwrap_or_default();
    assert!(told.contains(sentence) && told.is_empty() == sentence.is_empty(), "{told}");
}

#[test]
fn a_run_that_is_to_be_removed_is_whole_or_gone() {
    let plan = Plan::removal(false);
    let (whole, mut acknowledged) = plan.start();
    let [run, summary] = [plan::run_dir(0), plan::summary_dir(0)];
    let [manifest, artifact] = [plan::manifest_path(0), plan::artifact_path(0)];
    let cases: [&[&str]; 6] =
        [&[], &[&run], &[&summary], &[&run, &summary], &[&manifest], &[&artifact]];
    let judged = |acknowledged: &Acknowledged, crash, sentences: [&str; 6]| {
        for (without, sentence) in cases.iter().zip(sentences) {
            let tree = files_without(&plan, without);
            told(judge::files(&tree, &plan, acknowledged, crash), sentence);
        }
    };
    assert_eq!(judge::files(&whole, &plan, &acknowledged, Crash::None), Ok(()));
    let is_gone = "acknowledged summary is gone";
    let all = ["", "is gone", is_gone, "is gone", "is gone", "what a user left"];
    judged(&acknowledged, Crash::Process, all);
    acknowledged.ask_removal(0, false, true);
    for crash in [Crash::None, Crash::Process, Crash::PowerLoss] {
        judged(&acknowledged, crash, ["", "", "", "", "is gone", "what a user left"]);
    }
    // What a disk that syncs no directory brings back is emptied by then.
    acknowledged.may_undo_renames = true;
    judged(&acknowledged, Crash::PowerLoss, [""; 6]);
    judged(&acknowledged, Crash::Process, ["", "", "", "", "is gone", "what a user left"]);
}

#[test]
fn an_acknowledged_removal_stays() {
    let plan = Plan::removal(true);
    let (_, mut acknowledged) = plan.start();
    acknowledged.ask_removal(0, false, true);
    acknowledged.acknowledge_removal(0, false, Reached::Durable);
    let [run, summary] = [plan::run_dir(0), plan::summary_dir(0)];
    let gone = files_without(&plan, &[&run, &summary]);
    let back = [files_without(&plan, &[&run]), files_without(&plan, &[&summary])];
    for crash in [Crash::None, Crash::Process, Crash::PowerLoss] {
        told(judge::files(&gone, &plan, &acknowledged, crash), "");
        for back in &back {
            told(judge::files(back, &plan, &acknowledged, crash), "its directory is there");
        }
    }
    acknowledged.acknowledge_removal(0, true, Reached::Durable);
    told(judge::files(&gone, &plan, &acknowledged, Crash::PowerLoss), "which was removed from it");
    acknowledged.acknowledge_removal(0, true, Reached::DataSynced);
    told(judge::files(&gone, &plan, &acknowledged, Crash::PowerLoss), "");
    told(judge::files(&gone, &plan, &acknowledged, Crash::Process), "which was removed from it");
}

#[test]
fn a_directory_made_anew_beside_a_removal_that_touched_nothing_lacks_what_an_earlier_one_took() {
    let plan = Plan::removal(true);
    let (_, start) = plan.start();
    let taken = files_without(&plan, &[&plan::heartbeat_path(0), &plan::artifact_path(0)]);
    let is_gone = "an acknowledged heartbeat is gone";
    // Whether an earlier removal was asked for, whether the run was opened, and whether it was in use.
    for (was_removed, is_opened, was_used, sentence) in
        [(true, true, false, ""), (true, false, true, is_gone), (false, true, false, is_gone)]
    {
        let mut acknowledged = start.clone();
        if was_removed {
            // Nobody knows what came of it.
            acknowledged.ask_removal(0, false, true);
        }
        let known = &acknowledged.runs[0];
        let before = (known.may_be_gone, known.is_anew);
        let mut traffic = Traffic::new(&plan);
        let (removal, known) = (Act::Remove(Removal::of(0b1)), |_| before);
        let seen = traffic.begin(&removal, &taken, 0, known, &[]);
        acknowledged.ask_removal(0, false, !was_used);
        if is_opened {
            traffic.begin(&Act::Open(0), &taken, 0, known, &[]);
            acknowledged.runs[0].ask_directory();
        }
        let made = traffic.made_since(&seen.runs()[0]);
        acknowledged.runs[0].restore(before.0, before.1, made);
        told(judge::files(&taken, &plan, &acknowledged, Crash::Process), sentence);
    }
}

#[test]
fn what_a_killed_process_has_in_flight_may_still_be_made() {
    let plan = Plan::removal(true);
    let (tree, _) = plan.start();
    let act = Act::Remove(Removal::of(0b11));
    let late = [plan::manifest_path(0)];
    let mut traffic = Traffic::new(&plan);
    let seen = traffic.begin(&act, &tree, tree.newest_ns(), |_| Default::default(), &late);
    assert!(seen.has_late);
    assert!(!traffic.is_alone(&seen.runs()[0]) && traffic.is_alone(&seen.runs()[1]));
}

#[test]
fn a_removal_answers_what_becomes_of_each_run() {
    const MS: u64 = 1_000_000;
    let plan = Plan::living();
    let (mut tree, _) = plan.start();
    let now_ns = tree.newest_ns() + 3_600_000 * MS;
    // Of three runs the first one is open, and the second one lives.
    tree.put(&plan::heartbeat_path(1), b"", now_ns - MS);
    let mut traffic = Traffic::new(&plan);
    traffic.opened(0);
    let removal = Removal::of(0b111);
    let act = Act::Remove(removal);
    let seen = traffic.begin(&act, &tree, now_ns, |_| Default::default(), &[]);
    let left =
        |run: usize, reason| records::LeftRun { run_id: plan::run_id(run), reason, failure: None };
    let removed = records::Removed {
        runs: vec![plan::run_id(2)],
        absent: Vec::new(),
        left: vec![left(0, records::LeftReason::Open), left(1, records::LeftReason::Alive)],
        entries: 0,
        swept: 0,
        remaining: Vec::new(),
    };
    let check = |removed: records::Removed, end_ns, may_fail| {
        let trouble = removal::Trouble { may_fail, has_late: false };
        removal::check(&plan, &traffic, removal, &seen, &removed.into(), end_ns, trouble)
    };
    told(check(removed.clone(), now_ns, false), "");
    let all = (0..3).map(plan::run_id).collect();
    let taken = records::Removed { runs: all, left: Vec::new(), ..removed.clone() };
    told(check(taken.clone(), now_ns, false), "tells Removed and must Left(Open)");
    told(check(taken, now_ns, true), "");
    let spared = vec![left(0, records::LeftReason::Open), left(2, records::LeftReason::Alive)];
    let runs = vec![plan::run_id(1)];
    let swapped = records::Removed { runs, left: spared, ..removed.clone() };
    told(check(swapped.clone(), now_ns, false), "tells Removed and must Left(Alive)");
    // Its sign of life has ended by the end of the call.
    told(check(swapped, now_ns + 30_000 * MS, false), "tells Left(Alive) and must Removed");
    let counted = records::Removed { entries: 1, ..removed.clone() };
    told(check(counted, now_ns, false), "tells of 1 entries and must of 0");
    let silent = records::Removed { left: Vec::new(), ..removed };
    told(check(silent, now_ns, true), "does not tell each run once");
}

/// What an open tells.
fn recovery(document: Option<&str>, set_aside: &[String], swept: u32) -> Recovery {
    let (document, set_aside) = (document.map(str::to_owned), set_aside.to_vec());
    let (directory, heartbeat, heartbeat_age_ms) = (String::new(), None, None);
    records::Recovery { directory, document, heartbeat, heartbeat_age_ms, swept, set_aside }.into()
}

/// What a fresh instance that opens one run tells.
fn observed(recovery: Recovery, found: Tree, old: usize) -> Observation {
    let (old, opened) = (vec![old], vec![Ok(recovery)]);
    Observation { old, opened, history: None, found, used: None, use_failed: None }
}

#[test]
fn recovery_tells_what_is_there_and_sets_aside_what_is_torn() {
    let path = plan::manifest_path(0);
    let (whole, torn) = (tree(&[(path.clone(), "{}\n")]), tree(&[(path.clone(), "{")]));
    let told = |document, set_aside| recovery(document, set_aside, 0);
    let aside = format!("{path}.corrupt-0123456789abcdef");
    let kept = |text| tree(&[(aside.clone(), text)]);
    for (before, recovery, found, sentence) in [
        (&whole, told(Some("{}\n"), &[]), whole.clone(), ""),
        (&whole, told(None, &[]), whole.clone(), "does not return what"),
        (&torn, told(None, &[]), torn.clone(), "does not set a corrupt"),
        (&torn, told(Some("{"), &[]), torn.clone(), "does not set a corrupt"),
        (&torn, told(None, std::slice::from_ref(&aside)), kept("{"), ""),
        (&torn, told(None, std::slice::from_ref(&aside)), kept("}"), "with other bytes"),
        (&torn, told(None, std::slice::from_ref(&aside)), tree(&[]), "with other bytes"),
    ] {
        let verdict = judge::recovery(before, &observed(recovery, found, 0));
        let told = verdict.err().unwrap_or_default();
        assert!(told.contains(sentence) && told.is_empty() == sentence.is_empty(), "{told}");
    }
}

#[test]
fn abandoned_files_are_swept_and_counted() {
    let temp = ".manifest.json.0123456789abcdef0123456789abcdef.tandem-tmp";
    let before = tree(&[(format!("{}/{temp}", plan::run_dir(0)), "")]);
    let verdict =
        |swept, found| judge::recovery(&before, &observed(recovery(None, &[], swept), found, 1));
    assert_eq!(verdict(1, Tree::new()), Ok(()));
    assert!(verdict(0, Tree::new()).is_err_and(|told| told.contains("says 0 swept of 1")));
    assert!(verdict(1, before.clone()).is_err_and(|told| told.contains("leaves 1 temporary")));
}

#[test]
fn history_tells_what_its_file_holds() {
    let entries = [0, 1].map(|run| plan::summary(run, 0, 10).1);
    let text = history(&[&entries[0], &entries[1]]);
    let before = tree(&[(plan::history_path(), &text)]);
    let last_run_at = "2026-01-06T01:00:00.5Z".to_owned();
    let newest_first = entries.iter().rev().cloned().collect();
    let good = records::TaskHistory { last_run_at, total: 2, runs: newest_first };
    let verdict = |history: records::TaskHistory| {
        let history = TaskHistory::from(history);
        let history = Some(Ok(history));
        let opened = Vec::new();
        let found = Tree::new();
        judge::recovery(
            &before,
            &Observation { old: Vec::new(), opened, history, found, used: None, use_failed: None },
        )
    };
    assert_eq!(verdict(good.clone()), Ok(()));
    for bad in [
        records::TaskHistory { total: 1, ..good.clone() },
        records::TaskHistory { last_run_at: String::new(), ..good.clone() },
        records::TaskHistory { runs: entries.to_vec(), ..good.clone() },
        records::TaskHistory { runs: Vec::new(), ..good },
    ] {
        assert!(verdict(bad.clone()).is_err(), "{bad:?}");
    }
}
