//! Commands that stand still and go on, and commands in a group of their own.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Guarded, assert_one_line, kill, pid, run, send, send_to_group, tandem, text, wait_for,
    wait_for_stop, with_default_signals,
};
use crate::terminal::Terminal;

/// `exec`, in a group of its own as a shell starts it, on a script that tells its number.
struct Job {
    root: TempDir,
    child: Guarded,
    lines: BufReader<ChildStdout>,
    command: Pid,
}

impl Job {
    fn start(flags: &[&str], script: &str) -> Self {
        with_default_signals();
        let root = tempfile::tempdir().unwrap();
        let mut exec = exec(root.path(), flags, script);
        exec.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Guarded::spawn(&mut exec);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let command = number(&mut lines);
        Job { root, child, lines, command }
    }

    fn number(&mut self) -> Pid {
        number(&mut self.lines)
    }

    fn group(&self) -> Pid {
        pid(&self.child)
    }

    fn heartbeat(&self) -> Vec<u8> {
        fs::read(self.root.path().join(".runs/task/cli/run/.heartbeat")).unwrap()
    }

    fn status(&self) -> Value {
        status(self.root.path())
    }

    /// Waits for the end of `exec`, and gives its exit code and warnings.
    fn end(&mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let code = self.child.wait().code();
        let mut warnings = String::new();
        let stderr = self.child.stderr.take().unwrap();
        BufReader::new(stderr).lines().for_each(|line| warnings += &line.unwrap());
        (code, warnings)
    }
}

fn exec(root: &Path, flags: &[&str], script: &str) -> Command {
    let mut exec = tandem(&["exec", "--task", "task", "--run", "run", "--heartbeat", "20"]);
    exec.arg("--root").arg(root).args(flags).args(["--", "sh", "-c", script]);
    exec
}

pub fn status(root: &Path) -> Value {
    let text = fs::read(root.join(".runs/task/cli/run/manifest.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["status"].clone()
}

fn number(lines: &mut impl BufRead) -> Pid {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    Pid::from_raw(line.trim().parse().unwrap_or_else(|_| panic!("{line:?}"))).unwrap()
}

/// Whether a process stands still.
fn is_stopped(process: Pid) -> bool {
    state(process).is_some_and(|state| state == 'T')
}

/// A letter, as the system has it; nothing of a process that is gone.
fn state(process: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// What the system calls it.
fn name(process: Pid) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{}/comm", process.as_raw_nonzero())).ok()?;
    Some(name.trim_end().to_owned())
}

fn is_gone(process: Pid) -> bool {
    test_kill_process(process).is_err() || state(process) == Some('Z')
}

const SLEEPS: &str = "echo $$; exec sleep 1000";

#[cfg(target_os = "linux")]
#[test]
fn a_job_stands_still_and_goes_on_with_its_command() {
    for flags in [&[][..], &["--group"]] {
        let mut job = Job::start(flags, SLEEPS);
        for is_for_group in [true, false] {
            let send = if is_for_group { send_to_group } else { send };
            send(job.group(), libc::SIGTSTP);
            wait_for_stop(&job.child);
            assert!(is_stopped(job.command));
            send(job.group(), libc::SIGCONT);
            wait_for("the command to go on", || !is_stopped(job.command));
            let seen = job.heartbeat();
            wait_for("a heartbeat", || job.heartbeat() != seen);
        }
        kill(&job.child, Signal::TERM);
        assert_eq!(job.end(), (Some(143), String::new()));
        assert_eq!(job.status(), "cancelled");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_job_stands_still_when_its_command_does_so_by_itself() {
    for flags in [&[][..], &["--group"]] {
        // What it has written is passed on before.
        let mut job = Job::start(flags, "echo $$; read go; kill -TSTP $$; exit 6");
        job.child.stdin.as_ref().unwrap().write_all(b"go\n").unwrap();
        wait_for_stop(&job.child);
        send_to_group(job.group(), libc::SIGCONT);
        assert_eq!(job.end(), (Some(6), String::new()));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_does_not_stand_still_keeps_its_job_going() {
    let mut job = Job::start(&[], "trap '' TSTP; echo $$; exec sleep 1000");
    send_to_group(job.group(), libc::SIGTSTP);
    kill(&job.child, Signal::TERM);
    assert_eq!(job.end(), (Some(143), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_somebody_else_stopped_is_watched_on() {
    let mut job = Job::start(&[], SLEEPS);
    kill_process(job.command, Signal::STOP).unwrap();
    wait_for("the command to stand still", || is_stopped(job.command));
    for _ in 0..5 {
        let seen = job.heartbeat();
        wait_for("a heartbeat", || job.heartbeat() != seen);
    }
    kill_process(job.command, Signal::CONT).unwrap();
    kill(&job.child, Signal::TERM);
    assert_eq!(job.end(), (Some(143), String::new()));
}

/// An interactive bash, on a terminal.
pub fn shell(root: &Path) -> Terminal {
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "--noediting", "-i"]).env("PS1", "> ").env("HISTFILE", "");
    bash.env("TANDEM", env!("CARGO_BIN_EXE_tandem")).current_dir(root);
    let mut shell = Terminal::start(&mut bash, Some("dumb"));
    // What is typed is shown too, so far.
    shell.press("stty -echo; echo be''gins\n");
    wait_for("a prompt", || shell.shows("begins"));
    shell
}

pub const EXEC: &str = "$TANDEM exec --no-progress --task task --run run";

#[cfg(target_os = "linux")]
#[test]
fn in_a_shell_a_job_is_stopped_and_brought_back_by_keys_and_words() {
    let script = "echo pid $$.; read line; echo got $line; read line; echo then $line";
    let exec = |group| format!("{EXEC} {group} -- sh -c \"$SCRIPT\"");
    let (plain, apart) = (exec(""), exec("--group"));
    for line in [
        plain.clone(),
        apart.clone(),
        // Others of the job stand still too, which the keys do not reach.
        format!("{plain} | cat"),
        format!("{apart} | cat"),
        format!("sh -c '{apart}; :'"),
    ] {
        with_default_signals();
        let root = tempfile::tempdir().unwrap();
        let mut shell = shell(root.path());
        shell.press(&format!("export SCRIPT='{script}'; {line}; echo ended $?\n"));
        wait_for("the command", || shell.shows("pid "));
        shell.press("\x1a");
        wait_for("the prompt", || shell.shows("Stopped"));
        shell.press("echo between\n");
        wait_for("the shell", || shell.shows("between"));
        shell.press("fg\n");
        // Bash tells what it brings back. The command reads from the terminal again.
        shell.press("one\n");
        wait_for("the command's answer", || shell.shows("got one"));
        shell.press("two\n");
        wait_for("the command's end", || shell.shows("then two") && shell.shows("ended "));
        shell.press("exit\n");
        let shown = shell.end();
        assert_eq!(status(root.path()), "succeeded", "{shown}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminals_key_reaches_a_command_wherever_it_is() {
    // A signal that comes just before a sleep waits in Python until after it.
    let ends = "import os, signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL)";
    let moves = &format!("{ends}; os.setpgid(0, 0); print('ready.', flush=True); time.sleep(1000)");
    let stays = &format!("{ends}; print('ready.', flush=True); time.sleep(1000)");
    for (group, script) in [("", moves), ("", stays), ("--group", stays), ("--group", moves)] {
        let root = tempfile::tempdir().unwrap();
        let mut shell = shell(root.path());
        shell.press(&format!("{EXEC} {group} -- python3 -c \"{script}\"; echo ended $?\n"));
        wait_for("the command", || shell.shows("ready."));
        shell.press("\x03");
        wait_for("the end", || shell.shows("ended 130"));
        shell.press("exit\n");
        shell.end();
        assert_eq!(status(root.path()), "cancelled", "{group} {script}");
    }
}

/// Runs this under `exec --group`, then, in the group of `exec`, reads from the terminal.
fn read_after(command: &[&str]) -> String {
    let root = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    // Nobody but `exec` gives this group the terminal back.
    shell.args(["-c", "\"$0\" \"$@\"; echo ended $?; read line; echo \"got $line.\""]);
    shell.arg(env!("CARGO_BIN_EXE_tandem")).current_dir(root.path());
    shell.args(["exec", "--no-progress", "--group", "--"]).args(command);
    let mut terminal = Terminal::start(&mut shell, Some("dumb"));
    wait_for("the end", || terminal.shows("ended "));
    terminal.press("word\n");
    terminal.end()
}

#[cfg(target_os = "linux")]
#[test]
fn the_terminal_comes_back_from_a_group_that_the_command_gave_it_to() {
    for end in ["time.sleep(1000)", "os._exit(0)"] {
        let script = format!(
            "
import os, signal, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child:
    os.setpgid(child, child)
    os.tcsetpgrp(0, child)
    os._exit(3)
while os.tcgetpgrp(0) != os.getpid(): time.sleep(0.01)
{end}
"
        );
        let shown = read_after(&["python3", "-c", &script]);
        assert!(shown.contains("ended 3") && shown.contains("got word."), "{shown}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn who_reads_from_the_terminal_by_its_name_is_in_the_foreground_whatever_the_input_is() {
    let read = "echo rea''dy; read line < /dev/tty; echo \"<$line>\"; exit 3";
    for redirected in ["< /dev/null", "< /dev/null 2> /dev/null | cat"] {
        let root = tempfile::tempdir().unwrap();
        let mut shell = Command::new("bash");
        let script = format!(
            "set -o pipefail; \"$0\" \"$@\" {redirected}; echo ended $?; read line; echo \"got $line.\""
        );
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_tandem")]).current_dir(root.path());
        shell.args(["exec", "--no-progress", "--group", "--", "sh", "-c", read]);
        let mut terminal = Terminal::start(&mut shell, Some("dumb"));
        wait_for("the command", || terminal.shows("ready"));
        terminal.press("one\n");
        wait_for("the end", || terminal.shows("ended 3"));
        assert!(terminal.shows("<one>"));
        terminal.press("two\n");
        let shown = terminal.end();
        assert!(shown.contains("got two."), "{shown}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_job_that_reads_in_the_background_is_stopped_and_brought_back() {
    let exec = format!("{EXEC} --group -- sh -c \"$SCRIPT\"");
    for line in [exec.clone(), format!("{exec} | cat"), format!("sh -c '{exec}; :'")] {
        with_default_signals();
        let root = tempfile::tempdir().unwrap();
        let mut shell = shell(root.path());
        let script = "read line < /dev/tty; echo got $line.";
        shell.press(&format!("export SCRIPT='{script}'; {line} & until jobs | grep Stopped; do sleep 0.01; done; fg\n"));
        wait_for("a job that stands still", || shell.shows("Stopped"));
        shell.press("word\n");
        wait_for("the answer", || shell.shows("got word."));
        shell.press("exit\n");
        let shown = shell.end();
        assert_eq!(status(root.path()), "succeeded", "{shown}");
    }
}

/// Whoever is not the first of a group, and who has a command in a group of its own too.
#[cfg(target_os = "linux")]
#[test]
fn whoever_reads_below_a_command_of_a_pipeline_gets_the_terminal_too() {
    let read = "read go < two; read line < /dev/tty; echo command got $line.";
    let other = "read go < one; read line < /dev/tty; echo other got $line.; echo > two; exec cat";
    let first = format!(
        "$TANDEM exec --run first --group -- sh -c 'echo > one; exec $UNDER sh -c \"{read}\"'"
    );
    let second = format!("$TANDEM exec --run second --group -- sh -c '{other}'");
    for (under, other) in [
        ("timeout 1000", format!("sh -c '{other}'")),
        ("$TANDEM exec --task inner --", format!("sh -c '{other}'")),
        ("", second),
    ] {
        with_default_signals();
        let root = tempfile::tempdir().unwrap();
        run(Command::new("mkfifo").args(["one", "two"]).current_dir(root.path()));
        let mut shell = shell(root.path());
        let first = first.replace("$UNDER", under).replace("$line", "\\$line");
        shell.press(&format!("{first} | {other}; echo ended $?\n"));
        shell.press("first\n");
        wait_for("the other's answer", || shell.shows("other got first."));
        shell.press("second\n");
        wait_for("the end", || shell.shows("command got second.") && shell.shows("ended 0"));
        shell.press("exit\n");
        shell.end();
    }
}

/// As a pager that starts when the command has just ended.
#[cfg(target_os = "linux")]
#[test]
fn whoever_asks_for_the_terminal_as_the_command_ends_gets_it() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let mut shell = shell(root.path());
    for n in 0..20 {
        let other = "cat > all; stty -echoe < /dev/tty; stty -echoe < /dev/tty";
        shell
            .press(&format!("$TANDEM exec --group -- seq 20 | sh -c '{other}'; echo ended {n}.\n"));
        wait_for("the end", || shell.shows(&format!("ended {n}.")));
    }
    shell.press("exit\n");
    let shown = shell.end();
    assert!(!shown.contains("Stopped"), "{shown}");
}

/// As `less` and `sudo` do in a pipeline, and then the command: the terminal is not with who asks.
#[cfg(target_os = "linux")]
#[test]
fn whoever_in_a_pipeline_asks_for_the_terminal_gets_it_from_a_group_of_the_commands_own() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    run(Command::new("mkfifo").args(["one", "two"]).current_dir(root.path()));
    let mut shell = shell(root.path());
    let command = "echo > one; read go < two; read line < /dev/tty; echo command got $line.";
    let other = "read go < one; stty -echoe < /dev/tty; echo before; read line < /dev/tty; \
                 echo other got $line.; echo > two; exec cat";
    shell.press(&format!("{EXEC} --group -- sh -c '{command}' | sh -c '{other}'; echo ended $?\n"));
    wait_for("the other one", || shell.shows("before"));
    shell.press("first\n");
    wait_for("its answer", || shell.shows("other got first."));
    shell.press("second\n");
    wait_for("the end", || shell.shows("command got second.") && shell.shows("ended 0"));
    shell.press("exit\n");
    let shown = shell.end();
    assert_eq!(status(root.path()), "succeeded", "{shown}");
}

#[test]
fn the_terminal_comes_back_from_a_command_that_cannot_start() {
    for (command, code) in [("no-such-command", 127), ("/", 126)] {
        let shown = read_after(&[command]);
        assert!(shown.contains(&format!("ended {code}")), "{shown}");
        assert!(shown.contains("got word."), "{shown}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_group_of_its_own_leaves_nothing_behind_and_says_so() {
    // The last one has left the group.
    let script =
        "echo $$; sleep 1000 & echo $!; setsid sh -c 'echo $$; exec sleep 1001' & read end; exit 3";
    let mut job = Job::start(&["--group"], script);
    let left = [job.number(), job.number()];
    for pid in left {
        wait_for("the program of a process", || name(pid).as_deref() == Some("sleep"));
    }
    let (code, warnings) = job.end();
    assert_eq!(code, Some(3));
    let begin = "tandem exec: warning: the command left processes behind: ";
    assert!(warnings.starts_with(begin), "{warnings}");
    for pid in left {
        assert!(is_gone(pid));
        assert!(warnings.contains(&format!("sleep ({})", pid.as_raw_nonzero())), "{warnings}");
    }
    assert!(!warnings.contains("killed"), "{warnings}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_does_not_end_when_it_is_asked_to_is_killed() {
    let script = "trap '' TERM; echo $$; (echo ready; while :; do sleep 1000; done) & read end";
    let mut job = Job::start(&["--group", "--kill-after", "50"], script);
    let mut line = String::new();
    job.lines.read_line(&mut line).unwrap();
    let (code, warnings) = job.end();
    assert_eq!(code, Some(1), "{warnings}");
    assert!(warnings.contains("; killed: "), "{warnings}");
    wait_for("end of the group", || rustix::process::test_kill_process_group(job.command).is_err());
}

#[test]
fn a_signal_reaches_all_of_a_group_of_its_own() {
    let script = "echo $$; sleep 1000 & echo $!; wait";
    let mut job = Job::start(&["--group", "--kill-after", "3600000"], script);
    let child = job.number();
    // With SIGHUP: what is left behind would get SIGTERM.
    kill(&job.child, Signal::HUP);
    assert_eq!(job.end().0, Some(129));
    assert!(is_gone(child));
    assert_eq!(job.status(), "cancelled");
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_there_before_the_command_is_not_its_own() {
    let root = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        r#"sleep 1000 > /dev/null 2>&1 & echo $!; exec "$0" "$@""#,
        env!("CARGO_BIN_EXE_tandem"),
    ]);
    shell.args(["exec", "--group", "--root"]).arg(root.path()).args(["--", "true"]);
    let mut child =
        Guarded::spawn(shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let sleeps = number(&mut lines);
    let done = child.output();
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(0), ""));
    assert!(!is_gone(sleeps));
    kill_process(sleeps, Signal::KILL).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn an_orphan_of_others_is_not_the_commands_own() {
    let root = tempfile::tempdir().unwrap();
    let others = "until [ -e go ]; do sleep 0.01; done; sleep 1000 > /dev/null 2>&1 & echo $! > new; mv new orphan";
    let command = "touch go; until [ -e orphan ]; do sleep 0.01; done; read orphan < orphan
        until grep -q \"^PPid:.$PPID\\$\" /proc/$orphan/status; do sleep 0.01; done; echo $orphan";
    let mut shell = Command::new("sh");
    let start = format!("({others}) & exec \"$0\" \"$@\"");
    shell.args(["-c", &start, env!("CARGO_BIN_EXE_tandem")]).current_dir(root.path());
    shell.args(["exec", "--group", "--", "sh", "-c", command]);
    let mut child =
        Guarded::spawn(shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let orphan = number(&mut lines);
    let done = child.output();
    assert_eq!((done.status.code(), &*text(&done.stderr)), (Some(0), ""));
    assert!(!is_gone(orphan));
    kill_process(orphan, Signal::KILL).unwrap();
}

/// Needs unshare of util-linux, and root or user namespaces: there a number can be chosen.
#[cfg(target_os = "linux")]
#[test]
fn a_group_that_was_empty_gets_no_signal_when_another_has_its_number() {
    let script = r#"
import os, signal, subprocess, sys, time
def wait(what):
    while not what(): time.sleep(0.01)
left = "trap '' TERM; touch left; until [ -e end ]; do sleep 0.01; done"
command = 'echo $$ > new; mv new command; setsid sh -c "$LEFT" & until [ -e left ]; do sleep 0.01; done'
exec = subprocess.Popen([sys.argv[1], "exec", "--no-capture", "--group", "--kill-after", "3600000",
    "--", "sh", "-c", command], env=dict(os.environ, LEFT=left), stderr=subprocess.DEVNULL)
wait(lambda: os.path.exists("command"))
group = int(open("command").read())
wait(lambda: not os.path.exists(f"/proc/{group}"))
# The system gives the next number; others may be faster.
for again in range(1000):
    with open("/proc/sys/kernel/ns_last_pid", "w") as last: last.write(str(group - 1))
    another = os.fork()
    if another == 0:
        os.setpgid(0, 0)
        while True: signal.pause()
    if another == group: break
    os.kill(another, signal.SIGKILL)
    os.waitpid(another, 0)
else: sys.exit("the number cannot be had")
wait(lambda: os.getpgid(another) == another)
exec.send_signal(signal.SIGUSR1)
# It is behind the other, and its end shows that both were looked at.
open("end", "w").close()
code = exec.wait()
print(code, os.waitpid(another, os.WNOHANG))
os.kill(another, signal.SIGKILL)
"#;
    let root = tempfile::tempdir().unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    unshare.args(["python3", "-c", script, env!("CARGO_BIN_EXE_tandem")]);
    let done = run(unshare.current_dir(root.path()));
    assert_eq!((&*text(&done.stdout), &*text(&done.stderr)), ("0 (0, 0)\n", ""));
}

#[test]
fn a_time_to_kill_needs_a_group() {
    let wrong = run(&mut tandem(&["exec", "--kill-after", "5", "--", "true"]));
    assert!(assert_one_line(&wrong, 2).contains("--group"));
}
