//! What many processes complete at once is all kept, and everything tells the same of it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, Read};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Guarded, history, kill, run, tandem, text, wait_for, with_default_signals};
use crate::talk::{Feed, with};

/// Commands as one types them, with the exit code of `exec`, or none where it is not known.
const COMMANDS: [(&str, &[&str], Option<i64>); 26] = [
    ("true", &["true"], Some(0)),
    ("false", &["false"], Some(1)),
    ("exit-3", &["sh", "-c", "exit 3"], Some(3)),
    ("exit-255", &["sh", "-c", "exit 255"], Some(255)),
    ("killed", &["sh", "-c", "kill -9 $$"], Some(137)),
    ("aborted", &["sh", "-c", "kill -ABRT $$"], Some(134)),
    ("missing", &["no-such-command"], Some(127)),
    ("not-executable", &["/etc/passwd"], Some(126)),
    ("cargo", &["cargo", "--version"], Some(0)),
    ("rustc", &["rustc", "--version"], Some(0)),
    ("ls", &["ls", "-la", "/"], Some(0)),
    ("ls-missing", &["ls", "/no/such/directory"], None),
    ("sort", &["sort", "/etc/passwd"], Some(0)),
    ("seq", &["seq", "10000"], Some(0)),
    ("echo", &["echo", "Zoë", "$HOME", "a  b", "\"'"], Some(0)),
    ("printf", &["printf", "\\033[31m"], Some(0)),
    ("cat", &["cat", "/dev/null"], Some(0)),
    ("head", &["head", "-c", "100000", "/dev/zero"], Some(0)),
    ("grep", &["grep", "no such line", "/dev/null"], Some(1)),
    ("test", &["test", "-d", "/"], Some(0)),
    ("expr", &["expr", "0"], Some(1)),
    ("date", &["date"], Some(0)),
    ("env", &["env"], Some(0)),
    ("pipe", &["sh", "-c", "yes | head -n 1000 | wc -l"], Some(0)),
    ("both", &["sh", "-c", "echo out; echo err >&2; exit 7"], Some(7)),
    ("sleep", &["sleep", "0"], Some(0)),
];
const TASKS: [&str; 3] = ["build", "test", "nightly"];

#[test]
fn history_and_status_agree_with_what_ran() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    // Each task is worked on by two at once.
    let ended: BTreeMap<(String, String), i64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..2 * TASKS.len())
            .map(|worker| {
                scope.spawn(move || {
                    let of_worker = COMMANDS.iter().enumerate().filter(|(n, _)| n % 6 == worker);
                    of_worker.map(|(n, command)| exec(root, TASKS[n % 3], command)).collect()
                })
            })
            .collect();
        let cancelled = scope.spawn(|| vec![cancel(root, "nightly", "cancelled")]);
        let ended = workers.into_iter().chain([cancelled]).map(|worker| worker.join().unwrap());
        ended.collect::<Vec<Vec<_>>>().into_iter().flatten().collect()
    });
    assert_eq!(ended.len(), COMMANDS.len() + 1);

    let told = |args: &[&str]| {
        let output = run(tandem(args).arg("--root").arg(root));
        assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""), "{args:?}");
        text(&output.stdout)
    };
    let status: Vec<Value> = serde_json::from_str(&told(&["status", "--json"])).unwrap();
    assert_eq!(status.len(), ended.len());
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_status: BTreeMap<_, _> = status
        .iter()
        .map(|row| {
            let (task, run) = (string(&row["task"]), string(&row["run"]));
            ((task, run), (string(&row["state"]), row["exit_code"].as_i64().unwrap()))
        })
        .collect();

    let mut of_history = BTreeMap::new();
    for task in TASKS {
        let shown = told(&["history", "--task", task, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let runs = shown["runs"].as_array().unwrap();
        assert_eq!(shown["total"], runs.len());
        assert_eq!(shown["lastRunAt"], runs[0]["timestamp"]);
        let mut oldest_first = runs.clone();
        oldest_first.reverse();
        assert_eq!(history(root, task)["runs"], json!(oldest_first));
        assert!(oldest_first.is_sorted_by_key(|run| string(&run["timestamp"])));
        let table = told(&["history", "--task", task]);
        assert_eq!(table.lines().count(), runs.len() + 1, "{table}");
        for (line, run) in table.lines().skip(1).zip(runs) {
            assert_eq!(run["taskId"], task);
            assert_eq!(line.split_whitespace().next(), run["runId"].as_str());
            let state = match string(&run["status"]).as_str() {
                "succeeded" => "done".to_owned(),
                other => other.to_owned(),
            };
            assert_eq!(line.split_whitespace().nth(3), Some(&*state), "{line}");
            let key = (task.to_owned(), string(&run["runId"]));
            of_history.insert(key, (state, run["exitCode"].as_i64().unwrap()));
        }
    }
    assert_eq!(of_history, of_status);
    let codes: BTreeMap<_, _> =
        of_history.iter().map(|(name, (_, code))| (name.clone(), *code)).collect();
    assert_eq!(codes, ended);
    for ((_, run), (state, code)) in &of_history {
        let expected = match (run.as_str(), code) {
            ("cancelled", _) => "cancelled",
            (_, 0) => "done",
            _ => "failed",
        };
        assert_eq!(state, expected, "{run}");
    }
}

/// Runs a command; gives its name and its exit code.
fn exec(
    root: &Path,
    task: &str,
    (run_id, command, code): &(&str, &[&str], Option<i64>),
) -> ((String, String), i64) {
    let mut exec = tandem(&["exec", "--task", task, "--run", run_id, "--root"]);
    let output = run(exec.arg(root).arg("--").args(*command));
    let ended = i64::from(output.status.code().unwrap());
    assert!(!text(&output.stderr).contains("warning"), "{}", text(&output.stderr));
    if let Some(code) = code {
        assert_eq!(ended, *code, "{command:?}");
    }
    ((task.to_owned(), (*run_id).to_owned()), ended)
}

/// Runs a command that a signal to `exec` ends.
fn cancel(root: &Path, task: &str, run_id: &str) -> ((String, String), i64) {
    let mut exec = tandem(&["exec", "--task", task, "--run", run_id, "--root"]);
    exec.arg(root).args(["--", "sleep", "1000"]);
    let mut child = Guarded::spawn(exec.stdin(Stdio::null()));
    let manifest = root.join(format!(".runs/{task}/cli/{run_id}/manifest.json"));
    wait_for("the start", || {
        std::fs::read_to_string(&manifest).is_ok_and(|text| text.contains("\"running\""))
    });
    kill(&child, Signal::TERM);
    ((task.to_owned(), run_id.to_owned()), i64::from(child.wait().code().unwrap()))
}

const PROCESSES: usize = 8;

/// The `n`th completion of one of the processes. Their times interleave.
fn completion(process: usize, n: usize) -> Value {
    let at = (n * 37 % 50) * PROCESSES + process;
    let timestamp = format!("2026-01-06T00:{:02}:{:02}.000Z", at / 60, at % 60);
    let run = format!("p{process}-{n}");
    let summary = json!({"taskId": "task", "runId": run, "timestamp": timestamp, "n": n});
    json!({"id": run, "op": "record", "task": "task", "summary": summary})
}

/// The run ids of the history, which must be whole, sorted and without doubles.
fn runs(root: &Path) -> BTreeSet<String> {
    let history = history(root, "task");
    let runs = history["runs"].as_array().unwrap();
    let text = |run: &Value, field: &str| run[field].as_str().unwrap().to_owned();
    assert!(runs.is_sorted_by_key(|run| text(run, "timestamp")));
    assert_eq!(history["lastRunAt"], runs.last().unwrap()["timestamp"]);
    let ids: BTreeSet<String> = runs.iter().map(|run| text(run, "runId")).collect();
    assert_eq!(ids.len(), runs.len());
    ids
}

#[test]
fn fifty_completions_of_each_of_eight_processes_are_all_kept_in_order() {
    const EACH: usize = 50;
    /// As many are asked for at once.
    const BURST: usize = 5;

    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    thread::scope(|scope| {
        for process in 0..PROCESSES {
            scope.spawn(move || {
                let mut feed = Feed::start(root);
                for burst in 0..EACH / BURST {
                    let of_burst = burst * BURST..(burst + 1) * BURST;
                    of_burst.clone().for_each(|n| feed.send(&completion(process, n)));
                    for _ in of_burst {
                        let answer = feed.answer();
                        assert!(answer["ok"].is_object(), "{answer}");
                    }
                }
                let output = feed.end();
                assert_eq!((output.status.code(), &*text(&output.stderr)), (Some(0), ""));
            });
        }
    });
    let kept = runs(root);
    assert_eq!(kept.len(), PROCESSES * EACH);
    let expected = |process| (0..EACH).map(move |n| format!("p{process}-{n}"));
    assert_eq!(kept, (0..PROCESSES).flat_map(expected).collect());
    let state = std::fs::read_dir(root.join(".runs")).unwrap();
    let locks = state.map(|entry| entry.unwrap().file_name()).filter(|name| name == "task.lock");
    assert_eq!(locks.count(), 0);
}

#[test]
fn what_was_acknowledged_before_a_kill_is_in_the_history() {
    /// How often each process is killed.
    const KILLS: usize = 4;
    /// A holder that was killed delays the others by this.
    const LEASE_MS: u64 = 200;

    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let seed = RandomState::new().hash_one(0);
    eprintln!("the seed is {seed}");
    let acknowledged: Vec<BTreeSet<String>> = thread::scope(|scope| {
        let processes: Vec<_> = (0..PROCESSES)
            .map(|process| {
                scope.spawn(move || {
                    let mut random = Random(seed ^ process as u64);
                    let mut acknowledged = BTreeSet::new();
                    let mut next = 0;
                    for _ in 0..KILLS {
                        let mut feed = Feed::start(root);
                        let (answered, asked) = (1 + random.below(3), 1 + random.below(4));
                        let lease = json!({"lease_ms": LEASE_MS});
                        let request = |n| with(completion(process, n), lease.clone());
                        for n in next..next + answered {
                            acknowledge(&feed.ask(&request(n)), &mut acknowledged);
                        }
                        next += answered;
                        (next..next + asked).for_each(|n| feed.send(&request(n)));
                        next += asked;
                        // About as long as it takes to record them: kills hit every step of it.
                        (0..random.below(300_000)).for_each(|_| std::hint::spin_loop());
                        kill(&feed.child, Signal::KILL);
                        // What it has said before it was killed counts.
                        for line in feed.answers.by_ref().lines() {
                            let answer = serde_json::from_str(&line.unwrap());
                            acknowledge(&answer.unwrap_or_default(), &mut acknowledged);
                        }
                        feed.child.wait();
                    }
                    acknowledged
                })
            })
            .collect();
        processes.into_iter().map(|process| process.join().unwrap()).collect()
    });
    // The next one finds everything in order, whatever the killed ones left.
    let mut feed = Feed::start(root);
    let last = with(completion(0, 1_000), json!({"lease_ms": LEASE_MS}));
    assert!(feed.ask(&last)["ok"].is_object());
    assert_eq!(feed.end().status.code(), Some(0));

    let kept = runs(root);
    let acknowledged: BTreeSet<String> = acknowledged.into_iter().flatten().collect();
    eprintln!("{} of {} completions were acknowledged", acknowledged.len(), kept.len());
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// Notes the run of an answer that is whole.
fn acknowledge(answer: &Value, acknowledged: &mut BTreeSet<String>) {
    if answer["ok"].is_object() {
        acknowledged.insert(answer["id"].as_str().unwrap().to_owned());
    }
    assert!(answer["error"].is_null(), "{answer}");
}

/// Numbers that differ from run to run of the test.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // Knuth's MMIX generator; the high bits are the good ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
