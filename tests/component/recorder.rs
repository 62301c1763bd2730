//! A process of its own that records runs, and stops itself at a chosen call of the disk.
//!
//! It is this test binary again, told by its environment to run one test only. It takes one order
//! a line from standard input and answers each with a line on standard output.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tandem_host::testing::DiskExt;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde::{Deserialize, Serialize};
use tandem_host::disk::{ErrorCode, OsDisk};
use tandem_host::testing::DiskOperation::{Rename, Write as WriteFile};
use tandem_host::testing::{Call, Layer, load_component};
use tandem_host::{Durability, RecordOptions, Tandem};
use tokio::sync::watch;

use crate::record_support::{LOCK, PATIENCE_MS, SUMMARY, summary};

/// Holds the path of the granted directory.
const ROOT: &str = "TANDEM_TEST_RECORDER";
const TEST: &str = "recorder::a_process_that_records";
/// Begins an answer; whatever else the test harness prints does not.
const ANSWER: &str = "answer: ";
/// Told when the component is compiled.
const READY: &str = "ready";
/// A process that hangs is killed, and its test fails.
const LIMIT: Duration = Duration::from_secs(170);

/// How long a lock that nobody touches may stop others here.
pub const LEASE_MS: u64 = 50;

/// One run to record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The directory that holds both roots.
    pub case: String,
    pub run: String,
    pub timestamp: String,
    pub stop: Option<Stop>,
    /// Count calls only from the first one in the directory of those who take a lock over.
    pub is_taker: bool,
    pub lock_wait_ms: u64,
}

/// Where to stop: at a call for the history or its lock, counted from 1.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Stop {
    pub at: usize,
    /// After the call took effect, instead of before it.
    pub is_after: bool,
}

/// What became of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The error, if the run is not acknowledged.
    pub error: Option<String>,
    /// The calls that were counted.
    pub calls: Vec<String>,
}

/// The same options for every process.
pub fn options(case: &str) -> RecordOptions {
    RecordOptions::new()
        .runs_root(format!("{case}/.runs"))
        .history_root(format!("{case}/out"))
        .summary_durability(Durability::Visible)
        .lease(Duration::from_millis(LEASE_MS))
        .lock_wait(Duration::from_millis(PATIENCE_MS))
}

/// Counts the calls for the history and its lock, and stops the process at one of them.
#[derive(Clone)]
struct Steps {
    state: Arc<Mutex<State>>,
    /// Whether the summary is written, so that what a process leaves behind does not depend on how
    /// far that was.
    summary: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    stop: Option<Stop>,
    has_begun: bool,
    calls: Vec<Call>,
}

impl Steps {
    fn new() -> Self {
        Steps { state: Arc::default(), summary: watch::Sender::new(false) }
    }

    fn begin(&self, order: &Order) {
        let has_begun = !order.is_taker;
        *self.state.lock().unwrap() = State { stop: order.stop, has_begun, calls: Vec::new() };
        self.summary.send_replace(false);
    }

    fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.iter().map(ToString::to_string).collect()
    }

    /// Counts a call, and tells whether to stop before it.
    fn count(&self, call: &Call) -> bool {
        let mut state = self.state.lock().unwrap();
        state.has_begun |= call.path.contains(".takeover");
        let is_summary = call.path.contains("/.runs/task/");
        // How often a holder touches its lock depends on how fast it is.
        let is_touch = call.is(WriteFile, LOCK)
            && state.calls.iter().any(|old| old.is(WriteFile, LOCK) && old.path == call.path);
        if !state.has_begun || is_summary || is_touch {
            return false;
        }
        state.calls.push(call.clone());
        state.stop.is_some_and(|stop| stop.at == state.calls.len() && !stop.is_after)
    }

    fn is_stop_after(&self, call: &Call) -> bool {
        let state = self.state.lock().unwrap();
        let Some(Stop { at, is_after: true }) = state.stop else { return false };
        state.calls.get(at - 1).is_some_and(|counted| counted.id == call.id)
    }

    async fn stop(&self) {
        self.summary.subscribe().wait_for(|is_written| *is_written).await.unwrap();
        // The signal goes to this thread, which therefore does nothing more before it takes effect.
        signal_hook::low_level::raise(Signal::STOP.as_raw()).unwrap();
    }
}

impl Layer for Steps {
    async fn before(&self, call: &Call) -> Result<(), ErrorCode> {
        if self.count(call) {
            self.stop().await;
        }
        Ok(())
    }

    async fn after(&self, call: &Call, outcome: Result<(), ErrorCode>) -> Result<(), ErrorCode> {
        if call.is(Rename, SUMMARY) {
            self.summary.send_replace(true);
        }
        if self.is_stop_after(call) {
            self.stop().await;
        }
        outcome
    }
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn a_process_that_records() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    load_component().unwrap();
    println!("\n{READY}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let steps = Steps::new();
        let disk = OsDisk::open(root).unwrap().layered(steps.clone());
        let tandem = Tandem::builder().disk(disk).build().await.unwrap();
        for line in std::io::stdin().lines() {
            let order: Order = serde_json::from_str(&line.unwrap()).unwrap();
            steps.begin(&order);
            let text = summary(&order.run, &order.timestamp);
            let options = options(&order.case).lock_wait(Duration::from_millis(order.lock_wait_ms));
            let outcome = tandem.record_run(text, options).await;
            let error = outcome.err().map(|error| format!("{:?}: {error}", error.kind()));
            let answer = Answer { error, calls: steps.calls() };
            println!("\n{ANSWER}{}", serde_json::to_string(&answer).unwrap());
        }
    });
}

/// Reads up to this line.
fn wait_for_line(from: &mut impl BufRead, wanted: &str) {
    let mut lines = from.lines().map_while(Result::ok);
    assert!(lines.any(|line| line == wanted), "the process ends before it says {wanted}");
}

/// The other end of such a process.
pub struct Recorder {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Its end calls off the thread that would kill the process.
    _watch: Sender<()>,
}

impl Recorder {
    /// Starts one that records below `root`.
    pub fn start(root: &Path) -> Self {
        let program: PathBuf = std::env::current_exe().unwrap();
        let mut child = Command::new(program)
            .args([TEST, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROOT, root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        wait_for_line(&mut answers, READY);
        let pid = Pid::from_child(&child);
        let (watch, ended) = channel();
        thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("a recorder hangs and is killed: {pid:?}");
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Recorder { child, orders, answers, _watch: watch }
    }

    pub fn order(&mut self, order: &Order) {
        writeln!(self.orders, "{}", serde_json::to_string(order).unwrap()).unwrap();
    }

    pub fn answer(&mut self) -> Answer {
        loop {
            let mut line = String::new();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the recorder is gone");
            if let Some(answer) = line.strip_prefix(ANSWER) {
                return serde_json::from_str(answer).unwrap();
            }
        }
    }

    /// Waits until the process has stopped itself.
    #[track_caller]
    pub fn wait_for_stop(&self) {
        let events = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let event = waitid(WaitId::Pid(self.pid()), events).unwrap().unwrap();
        // One that ended is left to its handle.
        assert!(event.stopped(), "the recorder ended instead of stopping");
        waitid(WaitId::Pid(self.pid()), WaitIdOptions::STOPPED).unwrap();
    }

    /// Lets a stopped process go on.
    pub fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// Kills the process, wherever it stands.
impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
