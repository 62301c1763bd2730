//! Signals that `exec` gets reach its command, and each once.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Guarded, blocking, ignoring, kill, pid, run, send, send_to_group, tandem, temp_files, text,
    wait_for, wait_for_stop, with_default_signals,
};

/// Tells every signal that it gets, until its input ends.
pub const TELL: &str = r"
import os, select, signal
def tell(number, frame): os.write(1, b'%d\n' % number)
for number in signal.valid_signals() - {signal.SIGCHLD}:
    if number in (signal.SIGHUP, signal.SIGINT) and signal.getsignal(number) == signal.SIG_IGN:
        continue
    try: signal.signal(number, tell)
    except (OSError, ValueError): pass
WAIT
";

/// Says that it is there, and waits for the end of its input; handlers run meanwhile. Between its look
/// for signals and a plain read, Python would keep one for after the read.
const WAIT: &str = r"
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
os.write(1, b'ready\n')
while 0 not in select.select([0, woken], [], [])[0]: os.read(woken, 4096)
";

/// `exec`, in a group of its own, and a command that tells its signals.
pub struct Telling {
    root: TempDir,
    child: Guarded,
    lines: BufReader<ChildStdout>,
}

impl Telling {
    pub fn start(change: impl FnOnce(&mut Command)) -> Self {
        Telling::start_with(&[], TELL, change)
    }

    pub fn start_with(flags: &[&str], script: &str, change: impl FnOnce(&mut Command)) -> Self {
        with_default_signals();
        let root = tempfile::tempdir().unwrap();
        let mut exec = exec(root.path(), flags, &["python3", "-c", &script.replace("WAIT", WAIT)]);
        change(exec.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut child = Guarded::spawn(&mut exec);
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut telling = Telling { root, child, lines };
        assert_eq!(telling.line(), "ready");
        telling
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn group(&self) -> Pid {
        pid(&self.child)
    }

    /// Ends the command's input; nothing more may come.
    pub fn end(mut self) -> Value {
        drop(self.child.stdin.take());
        assert_eq!(self.line(), "");
        assert_eq!(self.child.wait().code(), Some(0));
        manifest(self.root.path())
    }
}

fn exec(root: &Path, flags: &[&str], command: &[&str]) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--root"]);
    exec.arg(root).args(flags).arg("--").args(command);
    exec
}

fn manifest(root: &Path) -> Value {
    let text = fs::read(root.join(".runs/task/cli/run/manifest.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// What README says is passed on.
fn passed_on() -> Vec<i32> {
    let kept = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGCHLD,
        libc::SIGSEGV,
        libc::SIGILL,
        libc::SIGFPE,
        libc::SIGBUS,
        libc::SIGPIPE,
        libc::SIGXFSZ,
    ];
    let named = (1..=31).filter(|signal| !kept.contains(signal));
    #[cfg(target_os = "linux")]
    let named = named.chain(libc::SIGRTMIN()..=libc::SIGRTMAX());
    named.collect()
}

#[test]
fn every_signal_that_can_be_caught_is_passed_on_once_and_exec_outlives_it() {
    let mut telling = Telling::start(|_| {});
    for signal in passed_on() {
        send(telling.group(), signal);
        assert_eq!(telling.line(), signal.to_string());
    }
    assert_eq!(telling.end()["status"], "succeeded");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_the_group_got_is_not_sent_again() {
    let mut telling = Telling::start(|_| {});
    for signal in passed_on() {
        send_to_group(telling.group(), signal);
        assert_eq!(telling.line(), signal.to_string());
        // What comes now is behind a second one. Two of one number at once may be one.
        let next = if signal == libc::SIGUSR2 { libc::SIGUSR1 } else { libc::SIGUSR2 };
        send(telling.group(), next);
        assert_eq!(telling.line(), next.to_string());
    }
    assert_eq!(telling.end()["status"], "succeeded");
}

/// Queues a real-time signal to `exec`.
#[cfg(target_os = "linux")]
fn queue(exec: Pid, value: usize) {
    let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
    // SAFETY: plain values.
    let queued =
        unsafe { libc::sigqueue(exec.as_raw_nonzero().get(), libc::SIGRTMIN() + 3, value) };
    assert_eq!(queued, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_queued_comes_with_its_value() {
    let script = "
import os, signal
number = signal.SIGRTMIN + 3
signal.pthread_sigmask(signal.SIG_BLOCK, [number])
os.write(1, b'ready\\n')
for n in range(3): os.write(1, b'%d\\n' % signal.sigwaitinfo([number]).si_status)
";
    let mut telling = Telling::start_with(&[], script, |_| {});
    for value in [5, 6, 7] {
        queue(telling.group(), value);
    }
    // Python has no name for the value, which is where the status of a child would be.
    assert_eq!([telling.line(), telling.line(), telling.line()], ["5", "6", "7"]);
    telling.end();
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_queued_comes_with_its_value_to_each_of_a_group() {
    let script = "
import os, signal
number = signal.SIGRTMIN + 3
signal.pthread_sigmask(signal.SIG_BLOCK, [number])
child = os.fork()
if child: os.write(1, b'ready\\n')
for n in range(3): os.write(1, b'%d\\n' % signal.sigwaitinfo([number]).si_status)
if child: os.waitpid(child, 0)
";
    let mut telling = Telling::start_with(&["--group"], script, |_| {});
    for value in [5, 6, 7] {
        queue(telling.group(), value);
    }
    let mut values: Vec<String> = (0..6).map(|_| telling.line()).collect();
    values.sort();
    assert_eq!(values, ["5", "5", "6", "6", "7", "7"]);
    telling.end();
}

#[test]
fn a_group_of_the_commands_own_gets_what_somebody_sends_that_a_terminal_sends_too() {
    let mut telling = Telling::start_with(&["--group"], TELL, |_| {});
    for signal in [libc::SIGTTOU, libc::SIGTTIN] {
        send(telling.group(), signal);
        assert_eq!(telling.line(), signal.to_string());
    }
    telling.end();
}

#[test]
fn a_signal_that_the_caller_ignores_is_not_passed_on() {
    let mut telling = Telling::start(|exec| {
        ignoring(exec, Signal::HUP);
    });
    send(telling.group(), libc::SIGHUP);
    send(telling.group(), libc::SIGUSR1);
    assert_eq!(telling.line(), libc::SIGUSR1.to_string());
    telling.end();
}

#[test]
fn a_signal_that_the_caller_blocks_is_passed_on_and_the_command_has_it_when_it_will() {
    let script = "
import os, signal, sys
signal.signal(signal.SIGTERM, lambda number, frame: os.write(1, b'%d\\n' % number))
os.write(1, b'ready\\n')
while signal.SIGTERM not in signal.sigpending(): pass
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
sys.stdin.read()
";
    let mut telling = Telling::start_with(&[], script, |exec| {
        blocking(exec, Signal::TERM);
    });
    send(telling.group(), libc::SIGTERM);
    assert_eq!(telling.line(), libc::SIGTERM.to_string());
    telling.end();
}

#[test]
fn a_command_that_a_signal_to_the_group_ended_is_cancelled_whatever_its_exit_code() {
    let script = "
import os, signal, sys
signal.signal(signal.SIGTERM, lambda number, frame: os._exit(3))
os.write(1, b'ready\\n')
sys.stdin.read()
";
    for flags in [&[][..], &["--group"]] {
        let mut telling = Telling::start_with(flags, script, |_| {});
        kill_process_group(telling.group(), Signal::TERM).unwrap();
        assert_eq!(telling.child.wait().code(), Some(3));
        let manifest = manifest(telling.root.path());
        assert_eq!(manifest["status"], "cancelled");
        assert_eq!(manifest["status_detail"], "exit code 3, after SIGTERM (15)");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_of_the_commands_own_cancels_nothing() {
    with_default_signals();
    // Until it is another program, what is in the background may run the trap too, as an orphan.
    let other = "until grep -qs sleep /proc/$!/comm; do :; done";
    let cleans_up = &*format!("trap 'trap : TERM; kill 0' EXIT; sleep 1000 & {other}; exit 2");
    let signals_exec = "trap 'exit 2' TERM; kill -TERM $PPID; while :; do sleep 0.01; done";
    for (script, flags) in [(cleans_up, &[][..]), (signals_exec, &[]), (signals_exec, &["--group"])]
    {
        let root = tempfile::tempdir().unwrap();
        let mut exec = exec(root.path(), flags, &["bash", "-c", script]);
        let done = run(exec.process_group(0));
        assert_eq!(done.status.code(), Some(2));
        let manifest = manifest(root.path());
        let end = (&manifest["status"], &manifest["status_detail"]);
        assert_eq!(end, (&"failed".into(), &"exit code 2".into()), "{script}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_of_what_the_command_has_started_cancels_nothing() {
    with_default_signals();
    // The command has the signal once `exec` has passed it on, and its sender is there until then, or
    // until the test is over.
    let wait = "trap 'exit 2' TERM; while [ -e .runs ]; do sleep 0.01; done";
    let signal = "kill -TERM $EXEC; while [ -e .runs ]; do sleep 0.01; done";
    let child = format!("export EXEC=$PPID; sh -c '{signal}' & {wait}");
    // It waits until its parent is gone.
    let late = format!("until [ $(ps -o ppid= $$) = $EXEC ]; do sleep 0.01; done; {signal}");
    let orphan = format!("export EXEC=$PPID; (sh -c '{late}' &); {wait}");
    for (script, flags) in [(child, &[][..]), (orphan, &["--group"])] {
        let root = tempfile::tempdir().unwrap();
        let mut exec = exec(root.path(), flags, &["sh", "-c", &script]);
        let done = run(exec.process_group(0).current_dir(root.path()));
        assert_eq!(done.status.code(), Some(2));
        assert_eq!(manifest(root.path())["status"], "failed", "{script}");
    }
}

#[test]
fn exec_in_exec_gives_its_command_each_signal_once() {
    let inner = tempfile::tempdir().unwrap();
    let script = format!(
        "import os; os.execv({tandem:?}, [{tandem:?}, 'exec', '--root', {root:?}, '--', 'python3', \
         '-c', r\"\"\"{TELL}\"\"\"])",
        tandem = env!("CARGO_BIN_EXE_tandem"),
        root = inner.path(),
    );
    let mut telling = Telling::start_with(&[], &script, |_| {});
    for signal in [libc::SIGUSR1, libc::SIGTERM, libc::SIGUSR2] {
        send(telling.group(), signal);
        assert_eq!(telling.line(), signal.to_string());
        send_to_group(telling.group(), signal);
        assert_eq!(telling.line(), signal.to_string());
    }
    telling.end();
}

#[test]
fn a_command_in_another_group_gets_what_exec_gets_alone() {
    let script = format!("import os; os.setpgid(0, 0)\n{TELL}");
    let mut telling = Telling::start_with(&[], &script, |_| {});
    send(telling.group(), libc::SIGUSR1);
    assert_eq!(telling.line(), libc::SIGUSR1.to_string());
    // It would have got this one with its group.
    kill_process_group(telling.group(), Signal::TERM).unwrap();
    assert_eq!(telling.line(), libc::SIGTERM.to_string());
    telling.end();
}

/// The witness of this `exec`.
#[cfg(target_os = "linux")]
pub fn witness(exec: Pid) -> Option<i32> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let begin = |pid: i32| format!("{pid} (signal-witness) S {} ", exec.as_raw_nonzero());
    let is_witness = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| stat.starts_with(&begin(*pid)))
    };
    pids.into_iter().find(is_witness)
}

#[cfg(target_os = "linux")]
#[test]
fn the_witness_has_another_name_and_nothing_open_and_ends_with_exec() {
    for end in [Signal::TERM, Signal::KILL] {
        let script = "import time; print('ready', flush=True); time.sleep(1000)";
        let mut telling = Telling::start_with(&[], script, |_| {});
        let witness = witness(telling.group()).unwrap();
        let proc = Path::new("/proc").join(witness.to_string());
        let line = fs::read(proc.join("cmdline")).unwrap();
        assert_eq!(text(&line).trim_end_matches('\0'), "signal-witness");
        // Of a process whose program is hidden only root sees these.
        if rustix::process::geteuid().is_root() {
            assert_eq!(fs::read_dir(proc.join("fd")).unwrap().count(), 1);
            assert_eq!(fs::read_link(proc.join("cwd")).unwrap(), Path::new("/"));
        }
        kill(&telling.child, end);
        assert!(!telling.child.wait().success());
        wait_for("end of the witness", || {
            let stat = fs::read_to_string(proc.join("stat")).unwrap_or_default();
            !stat.contains("signal-witness") || stat.contains(") Z ")
        });
        // `exec` itself left none to be waited for by others.
        assert!(end == Signal::KILL || !proc.exists());
        let _ = kill_process_group(telling.group(), Signal::KILL);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_witness_signals_are_passed_on() {
    let mut telling = Telling::start(|_| {});
    let witness = witness(telling.group()).unwrap();
    send(Pid::from_raw(witness).unwrap(), libc::SIGKILL);
    wait_for("end of the witness", || !Path::new(&format!("/proc/{witness}")).exists());
    for signal in [libc::SIGTERM, libc::SIGUSR1] {
        send(telling.group(), signal);
        assert_eq!(telling.line(), signal.to_string());
    }
    telling.end();
}

#[cfg(target_os = "linux")]
#[test]
fn a_witness_that_was_stopped_with_the_group_goes_on_with_exec() {
    let mut telling = Telling::start(|_| {});
    let stat = format!("/proc/{}/stat", witness(telling.group()).unwrap());
    send_to_group(telling.group(), libc::SIGSTOP);
    wait_for_stop(&telling.child);
    wait_for("a witness that stands still", || {
        fs::read_to_string(&stat).unwrap().contains("(signal-witness) T ")
    });
    // Whoever has `exec` go on by its number does not know the witness.
    send(telling.group(), libc::SIGCONT);
    assert_eq!(telling.line(), libc::SIGCONT.to_string());
    for _ in 0..2 {
        send_to_group(telling.group(), libc::SIGUSR1);
        assert_eq!(telling.line(), libc::SIGUSR1.to_string());
        // What comes now is behind a second one.
        send(telling.group(), libc::SIGUSR2);
        assert_eq!(telling.line(), libc::SIGUSR2.to_string());
    }
    telling.end();
}

/// Needs root, and setpriv of util-linux: the command is another user's whom `exec` may not signal.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_may_not_be_sent_is_told_once() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(root.path(), Some(61_907), Some(61_907)).unwrap();
    let program = root.path().join("tandem");
    fs::copy(env!("CARGO_BIN_EXE_tandem"), &program).unwrap();
    let mut exec = Command::new("setpriv");
    exec.args(["--reuid=61907", "--clear-groups", "--inh-caps=-all,+setuid"]);
    exec.args(["--ambient-caps=-all,+setuid", "--bounding-set=-kill"]).arg(&program);
    exec.args(["exec", "--task", "task", "--run", "run", "--root"]).arg(root.path());
    exec.args(["--", "setpriv", "--reuid=0", "sh", "-c", "echo ready; read end; exit 4"]);
    exec.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Guarded::spawn(&mut exec);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let mut warnings = BufReader::new(child.stderr.take().unwrap());
    for (signal, name) in [(Signal::USR1, "SIGUSR1 (10)"), (Signal::TERM, "SIGTERM (15)")] {
        kill(&child, signal);
        let mut warning = String::new();
        warnings.read_line(&mut warning).unwrap();
        let expected = format!("tandem exec: warning: cannot pass on {name}: kill: ");
        assert!(warning.starts_with(&expected), "{warning:?}");
        kill(&child, signal);
    }
    drop(child.stdin.take());
    assert_eq!(child.wait().code(), Some(4));
    let mut more = String::new();
    assert_eq!(warnings.read_line(&mut more).unwrap(), 0, "{more}");
    // What it did not get has not cancelled it.
    assert_eq!(manifest(root.path())["status"], "failed");
}

/// Needs unshare of util-linux, and root or user namespaces.
#[cfg(target_os = "linux")]
#[test]
fn as_process_1_it_waits_for_what_others_left_and_keeps_the_commands_exit_code() {
    let root = tempfile::tempdir().unwrap();
    let script = r#"
for i in 1 2 3; do (sh -c 'echo $$ > new.'$i'; mv new.'$i' pid.'$i &); done
for i in 1 2 3; do
    until [ -e pid.$i ]; do :; done
    # One that has ended and that nobody waited for stays here.
    while [ -e /proc/$(cat pid.$i) ]; do :; done
done
exit 7
"#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    unshare.arg(env!("CARGO_BIN_EXE_tandem"));
    unshare.args(["exec", "--task", "task", "--run", "run", "--", "sh", "-c", script]);
    let done = run(unshare.current_dir(root.path()));
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(7), ""));
    assert_eq!(manifest(root.path())["status"], "failed");
}

#[cfg(target_os = "linux")]
#[test]
fn as_process_1_it_passes_on_what_asks_it_to_end() {
    for flags in [&[][..], &["--group"]] {
        let root = tempfile::tempdir().unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]);
        // Somebody beside the command, as one from outside of its container.
        let other = "(until [ -e ready ]; do sleep 0.01; done; kill -TERM 1) & exec \"$0\" \"$@\"";
        unshare.args(["sh", "-c", other, env!("CARGO_BIN_EXE_tandem")]);
        unshare.args(["exec", "--task", "task", "--run", "run"]).args(flags);
        unshare.args(["--", "sh", "-c", ": > ready; exec sleep 1000"]);
        let done = run(unshare.current_dir(root.path()));
        assert_eq!(done.status.code(), Some(128 + libc::SIGTERM), "{}", text(&done.stderr));
        assert_eq!(manifest(root.path())["status"], "cancelled");
    }
}

/// How many times `exec` is signalled here; `TANDEM_SIGNALS` has it be more, `TANDEM_SEED` others.
const SIGNALS: u64 = 40;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn signalled_at_random_moments_a_run_has_a_true_end_or_no_file() {
    with_default_signals();
    let count = number("TANDEM_SIGNALS", SIGNALS);
    let mut random = Random(number("TANDEM_SEED", 20_261_130));
    let signals = passed_on();
    let mut ends = std::collections::BTreeMap::<String, u32>::new();
    for n in 0..count {
        let root = tempfile::tempdir().unwrap();
        let command = ["true", "sleep 0.02", "sleep 0.02; exit 3", "trap '' TERM; sleep 0.02"];
        let command = command[random.below(4) as usize];
        // Half of them in a group of their own.
        let flags = if random.below(2) == 0 { &[][..] } else { &["--group"] };
        let mut exec = exec(root.path(), flags, &["sh", "-c", command]);
        exec.process_group(0).stdin(Stdio::null()).stderr(Stdio::null());
        let mut child = Guarded::spawn(&mut exec);
        let signal = signals[random.below(signals.len() as u64) as usize];
        std::thread::sleep(std::time::Duration::from_micros(random.below(60_000)));
        let group = pid(&child);
        if random.below(2) == 0 {
            send(group, signal);
        } else {
            send_to_group(group, signal);
        }
        // A shell cannot stand still while what it starts has not become its program, and does so, so
        // that nobody is told: then it is the user who has all of it go on.
        let mut looks = 0_u32;
        wait_for(&format!("end of number {n}, signal {signal}, {flags:?}, {command:?}"), || {
            looks += 1;
            if looks.is_multiple_of(100) {
                send_to_group(group, libc::SIGCONT);
            }
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            waitid(WaitId::Pid(group), ended).unwrap().is_some()
        });
        let status = child.wait();
        let what = format!("number {n}, signal {signal}, {flags:?}, {command:?}, {status:?}");
        wait_for(&format!("end of the group: {what}"), || test_kill_process_group(group).is_err());
        let dir = root.path().join(".runs/task/cli/run");
        let end = match fs::read(dir.join("manifest.json")) {
            Ok(text) => {
                let manifest: Value = serde_json::from_slice(&text).unwrap();
                assert!(manifest["completed_at"].is_string(), "{what}: {manifest}");
                assert!(temp_files(&dir).is_empty(), "{what}");
                assert!(!root.path().join(".runs/task.lock").exists(), "{what}");
                manifest["status"].as_str().unwrap().to_owned()
            }
            Err(_) => "no file".to_owned(),
        };
        let is_true = match &*end {
            "succeeded" => status.code() == Some(0),
            "failed" | "cancelled" => status.code().is_some_and(|code| code != 0),
            _ => !root.path().join(".runs/task/run").exists() && end == "no file",
        };
        assert!(is_true, "{what}: {end}");
        *ends.entry(end).or_default() += 1;
    }
    eprintln!("{count} signals at random moments: {ends:?}");
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
