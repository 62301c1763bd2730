//! Calls of the system that hardly ever fail, and fail here by a filter of the system: what `exec`
//! tells of each.

use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::support::{assert_one_line, before_start, run, tandem, text};

/// A call by its number, what its second argument is if that counts, and its error.
type Failing = (libc::c_long, Option<u32>, i32);

/// Has this call fail in the command and in all that it starts.
fn with_failing(command: &mut Command, (call, argument, errno): Failing) -> &mut Command {
    const LOAD: u16 = 0x20;
    const SKIP_UNLESS: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const FAIL: u32 = 0x0005_0000;
    const ALLOW: u32 = 0x7fff_0000;
    // Where the system has the number and the second argument, but on machines of the other byte order.
    const NUMBER: u32 = 0;
    const ARGUMENT: u32 = 24;
    let one = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let skip = |k, jf| libc::sock_filter { code: SKIP_UNLESS, jt: 0, jf, k };
    let argument_at = argument.map_or(NUMBER, |_| ARGUMENT);
    let filter = [
        one(LOAD, NUMBER),
        skip(call as u32, 3),
        one(LOAD, argument_at),
        skip(argument.unwrap_or(call as u32), 1),
        one(RETURN, FAIL | errno as u32),
        one(RETURN, ALLOW),
    ];
    before_start(command, move || {
        let program =
            libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
        // SAFETY: system calls, and a filter that is as long as is told.
        unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program);
        }
    })
}

fn exec(root: &Path, flag: &str) -> Command {
    let mut exec = tandem(&["exec", "--root"]);
    exec.arg(root).args([flag, "--", "true"]);
    exec
}

#[track_caller]
fn assert_told(flag: &str, failing: Failing, told: &str) {
    let root = tempfile::tempdir().unwrap();
    let done = run(with_failing(&mut exec(root.path(), flag), failing));
    let line = assert_one_line(&done, 125);
    let expected = format!("tandem exec: cannot run a command: {told}");
    assert!(line.starts_with(&expected) && line.ends_with(": true\n"), "{line}");
}

#[test]
fn a_step_between_the_fork_and_the_program_that_fails_is_an_error_of_exec() {
    let said = "Operation not permitted (os error 1): true";
    for (flag, call, argument, name) in [
        ("--group", libc::SYS_setpgid, None, "setpgid"),
        ("--pty", libc::SYS_setsid, None, "setsid"),
        ("--pty", libc::SYS_ioctl, Some(libc::TIOCSCTTY as u32), "ioctl TIOCSCTTY"),
        #[cfg(target_arch = "x86_64")]
        ("--group", libc::SYS_dup2, None, "dup2"),
        // Without a step of its own a command is started in another way.
        #[cfg(target_arch = "x86_64")]
        ("--no-progress", libc::SYS_dup2, None, "dup2"),
    ] {
        assert_told(flag, (call, argument, libc::EPERM), &format!("{name}: {said}"));
    }
}

#[test]
fn a_child_that_cannot_be_had_is_told_with_the_call() {
    // Threads are made by a newer call.
    let lacks = |errno| (libc::SYS_clone, None, errno);
    let said = "fork: Resource temporarily unavailable (os error 11)";
    assert_told("--group", lacks(libc::EAGAIN), said);
    assert_told("--group", lacks(libc::ENOMEM), "fork: Cannot allocate memory (os error 12)");
}

#[test]
fn a_terminal_that_cannot_be_made_is_told_with_the_call_and_the_limit() {
    let unlock = Some(libc::TIOCSPTLCK as u32);
    let set = Some(libc::TCSETS2 as u32);
    for (argument, errno, told) in [
        (
            unlock,
            libc::EMFILE,
            "openpty /dev/ptmx: Too many open files (os error 24), the limit of open files (ulimit -n) is ",
        ),
        (
            unlock,
            libc::ENOSPC,
            "openpty /dev/ptmx: No space left on device (os error 28), the limit of terminals (kernel.pty.max) is ",
        ),
        (set, libc::EIO, "tcsetattr: Input/output error (os error 5): "),
    ] {
        assert_told("--pty", (libc::SYS_ioctl, argument, errno), told);
    }
}

#[test]
fn what_a_command_needs_and_cannot_be_opened_is_told_with_the_call_and_the_limit() {
    let mut told = 0;
    for limit in 20..48 {
        let root = tempfile::tempdir().unwrap();
        let mut exec = exec(root.path(), "--pty");
        before_start(&mut exec, move || {
            let _ =
                setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum: Some(limit) });
        });
        let done = run(&mut exec);
        // The files of the run may miss some too, before that or after.
        let stderr = text(&done.stderr);
        let begin = "tandem exec: cannot run a command: ";
        let Some(call) = stderr.lines().find_map(|line| line.strip_prefix(begin)) else { continue };
        assert_eq!(done.status.code(), Some(125), "{stderr}");
        let calls = ["pipe: ", "openpty /dev/ptmx: ", "dup: "];
        assert!(calls.iter().any(|begin| call.starts_with(begin)), "{call}");
        let limit = format!("the limit of open files (ulimit -n) is {limit}: true");
        assert!(call.contains("Too many open files") && call.ends_with(&limit), "{call}");
        told += 1;
    }
    assert!(told > 0);
}
