//! Signals that come to `exec` and its command one after the other: which are one, and which are two.

use std::fs;

use rustix::process::Pid;

use crate::signals::{TELL, Telling, witness};
use crate::support::{send, send_to_group};

/// The command of this `exec`, its only child beside the witness.
fn command(exec: Pid) -> Pid {
    let witness = witness(exec);
    let of_exec = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        parent == Some(&exec.as_raw_nonzero().to_string()) && Some(*pid) != witness
    };
    let processes = fs::read_dir("/proc").unwrap();
    let mut numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Pid::from_raw(numbers.find(of_exec).unwrap()).unwrap()
}

/// It would be behind one more of those that came before.
fn assert_no_more(telling: &mut Telling) {
    send(telling.group(), libc::SIGUSR1);
    assert_eq!(telling.line(), libc::SIGUSR1.to_string());
}

/// As systemd does it.
#[test]
fn who_signals_each_process_of_a_control_group_gives_the_command_one() {
    let mut telling = Telling::start(|_| {});
    let exec = telling.group();
    let (witness, command) = (Pid::from_raw(witness(exec).unwrap()).unwrap(), command(exec));
    for order in [[exec, witness, command], [command, witness, exec]] {
        for pid in order {
            send(pid, libc::SIGTERM);
        }
        assert_eq!(telling.line(), libc::SIGTERM.to_string());
        assert_no_more(&mut telling);
    }
    telling.end();
}

#[test]
fn who_signals_each_process_of_a_control_group_gives_a_group_of_the_commands_own_two() {
    let mut telling = Telling::start_with(&["--group"], TELL, |_| {});
    let exec = telling.group();
    assert_eq!(witness(exec), None);
    let command = command(exec);
    for order in [[exec, command], [command, exec]] {
        for pid in order {
            send(pid, libc::SIGTERM);
            // Two that wait for the command would be one.
            assert_eq!(telling.line(), libc::SIGTERM.to_string());
        }
        assert_no_more(&mut telling);
    }
    telling.end();
}

#[test]
fn two_signals_of_one_number_are_two_if_the_command_had_the_first() {
    for flags in [&[][..], &["--group"]] {
        let mut telling = Telling::start_with(flags, TELL, |_| {});
        for _ in 0..3 {
            send(telling.group(), libc::SIGTERM);
            assert_eq!(telling.line(), libc::SIGTERM.to_string());
        }
        assert_no_more(&mut telling);
        telling.end();
    }
    // The group has them from who sends them.
    let mut telling = Telling::start(|_| {});
    for _ in 0..3 {
        send_to_group(telling.group(), libc::SIGTERM);
        assert_eq!(telling.line(), libc::SIGTERM.to_string());
    }
    assert_no_more(&mut telling);
    telling.end();
}

#[test]
fn two_signals_of_a_queue_are_two_however_soon() {
    let script = "
import os, signal
number = signal.SIGRTMIN + 3
signal.pthread_sigmask(signal.SIG_BLOCK, [number])
os.write(1, b'ready\\n')
for n in range(4): os.write(1, b'%d\\n' % signal.sigwaitinfo([number]).si_signo)
";
    let number = libc::SIGRTMIN() + 3;
    for flags in [&[][..], &["--group"]] {
        let mut telling = Telling::start_with(flags, script, |_| {});
        for _ in 0..4 {
            send(telling.group(), number);
        }
        for _ in 0..4 {
            assert_eq!(telling.line(), number.to_string());
        }
        telling.end();
    }
}
