//! Commands in the background of an interactive shell, and the terminal there.

use std::fs;

use crate::job::{EXEC, shell, status};
use crate::support::{wait_for, with_default_signals};

/// Typed: waits until the shell has seen its job stand still.
const UNTIL_STOPPED: &str = "until jobs -s | grep -q .; do sleep 0.01; done; echo is st''opped\n";

#[test]
fn a_job_that_reads_from_the_terminal_stands_still_until_it_is_brought_back() {
    for group in ["", "--group"] {
        with_default_signals();
        let root = tempfile::tempdir().unwrap();
        let mut shell = shell(root.path());
        shell.press(&format!("{EXEC} {group} cat &\n"));
        shell.press(UNTIL_STOPPED);
        wait_for("a job that stands still", || shell.shows("is stopped"));
        assert_eq!(status(root.path()), "in_progress");
        shell.press("fg; echo ended $?\n");
        shell.press("what it reads\n");
        wait_for("what it reads", || shell.shows("what it reads"));
        shell.press("\x04");
        wait_for("the end", || shell.shows("ended 0"));
        shell.press("exit\n");
        let shown = shell.end();
        assert_eq!(status(root.path()), "succeeded", "{shown}");
    }
}

#[test]
fn a_job_whose_output_the_terminal_stops_stands_still_until_it_is_brought_back() {
    with_default_signals();
    // The second is below another process of the job.
    for begin in ["", "sh -c '\"$@\"; exit $?' sh "] {
        let root = tempfile::tempdir().unwrap();
        let mut shell = shell(root.path());
        shell.press("stty tostop\n");
        shell.press(&format!("{begin}{EXEC} -- sh -c 'echo o\"\"ut; echo e\"\"rr >&2' &\n"));
        shell.press(UNTIL_STOPPED);
        wait_for("a job that stands still", || shell.shows("is stopped"));
        assert!(!shell.shows("out") && !shell.shows("err"));
        shell.press("fg; echo ended $?\n");
        wait_for("the end", || shell.shows("ended 0"));
        shell.press("exit\n");
        let shown = shell.end();
        assert!(shown.contains("out") && shown.contains("err"), "{shown}");
        assert_eq!(status(root.path()), "succeeded", "{shown}");
    }
}

#[test]
fn a_terminal_that_stops_writers_is_not_tried_again_and_again() {
    with_default_signals();
    let root = tempfile::tempdir().unwrap();
    let mut shell = shell(root.path());
    // Each attempt to write signals all of the job. This command does not stand still.
    let script = "
import os, signal, time
def tell(number, frame):
    with open('signals', 'a') as signals: signals.write('%d\\n' % number)
signal.signal(signal.SIGTTOU, tell)
print('o' + 'ut', flush=True)
while not os.path.exists('signals'): time.sleep(0.01)
seen = set()
while len(seen) < 20:
    seen.add(open('.runs/task/cli/run/.heartbeat').read())
    time.sleep(0.005)
open('end', 'w').close()
";
    fs::write(root.path().join("script"), script).unwrap();
    shell.press(&format!("stty tostop; {EXEC} --heartbeat 20 python3 script &\n"));
    wait_for("twenty heartbeats", || root.path().join("end").exists());
    assert!(!shell.shows("out"));
    let signals = fs::read_to_string(root.path().join("signals")).unwrap();
    assert_eq!(signals, format!("{}\n", libc::SIGTTOU));
    shell.press("fg; echo ended $?\n");
    wait_for("the end", || shell.shows("ended 0"));
    assert!(shell.shows("out"));
    shell.press("exit\n");
    shell.end();
}

#[test]
fn what_exec_itself_has_to_say_is_said_in_the_background_too() {
    let root = tempfile::tempdir().unwrap();
    let mut shell = shell(root.path());
    shell.press(&format!("stty tostop; {EXEC} no-such-command & wait $!; echo ended $?\n"));
    wait_for("the end", || shell.shows("ended 127"));
    assert!(shell.shows("command not found: no-such-command"));
    shell.press("exit\n");
    shell.end();
}
