//! The terminal of a command in a group of its own: who reads from a terminal, and who its keys
//! signal, is the group in its foreground.

#![allow(unsafe_code, reason = "a child takes the terminal before its program starts")]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr;

use rustix::process::{Pid, getppid, setpgid};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use tokio::process::Command;

use super::groups;
use super::handler::{is_gone, send};
use super::processes::Processes;
use super::steps::Steps;

/// Starts the command as the leader of a group of its own, in the foreground of the terminal if this
/// group is.
pub fn lead(command: &mut Command, steps: &mut Steps) {
    let terminal = terminal().filter(|terminal| of(terminal) == Some(groups::own()));
    // SAFETY: system calls alone, on a file that stays open.
    unsafe {
        steps.add(command, "setpgid", || Ok(setpgid(None, None)?));
        steps.add(command, "tcsetpgrp", move || {
            if let Some(terminal) = &terminal {
                // It would stop a group that takes the terminal.
                let mut stop = MaybeUninit::<libc::sigset_t>::uninit();
                let mut before = MaybeUninit::<libc::sigset_t>::uninit();
                libc::sigemptyset(stop.as_mut_ptr());
                libc::sigaddset(stop.as_mut_ptr(), libc::SIGTTOU);
                libc::sigprocmask(libc::SIG_BLOCK, stop.as_ptr(), before.as_mut_ptr());
                // Without a terminal the command reads what there is.
                libc::tcsetpgrp(terminal.as_raw_fd(), libc::getpid());
                libc::sigprocmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
            }
            Ok(())
        });
    }
}

/// Gives the terminal to the command's group, if it is this group's: after a shell's `fg` it is. Tells
/// whether it was given.
pub fn give(group: Pid) -> bool {
    is_ours() && terminal().is_some_and(|terminal| tcsetpgrp(terminal, group).is_ok())
}

/// Takes the terminal, which was lent to a command that has ended, back from the command's group, or
/// from another that it came to there: of processes below those of this group, or empty by now. It stays
/// with a shell that has taken it meanwhile.
pub fn take_back(command: Pid) {
    let is_empty = |group: i32| send(-group, 0, None).is_err_and(|error| is_gone(&error));
    reclaim_from(|group| is_empty(group) || is_lent(group, command));
}

/// Takes the terminal from the command's group, or from another that it came to there. From an empty one a
/// shell is about to take it, whose job this group may be in the background.
pub fn take(command: Pid) {
    reclaim_from(|group| is_lent(group, command));
}

fn reclaim_from(is_right: impl FnOnce(i32) -> bool) {
    let Some(group) = of_terminal().filter(|group| *group != groups::own()) else { return };
    // A shell may have taken it while all were looked at.
    if is_right(group) && of_terminal() == Some(group) {
        reclaim();
    }
}

/// Whether a group has the terminal from this one: it is the command's, or all of it is below this group.
fn is_lent(group: i32, command: Pid) -> bool {
    group == number(command)
        || Processes::look().is_some_and(|all| {
            let below = all.below_group(groups::own());
            let mut others = all.of_group(group).peekable();
            // One whose processes cannot be seen is somebody else's.
            others.peek().is_some() && others.all(|process| below.contains(&process))
        })
}

/// Takes the terminal back.
pub fn reclaim() {
    if let Some((terminal, own)) = terminal().zip(Pid::from_raw(groups::own())) {
        let _ = tcsetpgrp(terminal, own);
    }
}

/// Whether this group, or the command's, is in the foreground.
pub fn is_here(command: Pid) -> bool {
    of_terminal().is_some_and(|group| group == groups::own() || groups::of(command) == Some(group))
}

/// Whether this process is a job of a shell, which waits for it to stand still and has it go on.
pub fn is_job() -> bool {
    let Some(parent) = getppid() else { return false };
    groups::of(parent).is_some_and(|group| group != groups::own())
        && groups::session(Some(parent)) == groups::session(None)
}

/// Whether a shell may have this group go on that stands still: one is the parent of somebody in it.
pub fn can_stand_still() -> bool {
    let is_shells = |all: &Processes| {
        let own = all.own()?;
        let others = all.of_group(own.group).filter(|process| !process.has_ended);
        let mut parents = others.filter_map(|process| all.find(process.parent));
        Some(parents.any(|up| up.group != own.group && up.session == own.session))
    };
    is_job() || Processes::look().and_then(|all| is_shells(&all)).unwrap_or(false)
}

/// Has all of this group stand still, as the system does with those that write to a terminal behind
/// another group, if it is set so.
pub fn stop_group() {
    let _ = send(0, libc::SIGTTOU, None);
}

/// Has all of this group go on that stand still. This process drops the signal, which is its own.
pub fn go_on() {
    let _ = send(0, libc::SIGCONT, None);
}

/// Whether this group is in the foreground.
pub fn is_ours() -> bool {
    of_terminal() == Some(groups::own())
}

fn of_terminal() -> Option<i32> {
    terminal().as_ref().and_then(of)
}

/// The group in the foreground; none, if it is not this process's terminal.
fn of(terminal: &OwnedFd) -> Option<i32> {
    tcgetpgrp(terminal).ok().map(number)
}

/// The terminal of this process. Who reads from it may do so by its name, whatever standard input is.
fn terminal() -> Option<OwnedFd> {
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let own = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
    let mut own = own.into_iter().filter(|file| tcgetpgrp(file).is_ok());
    let own = own.find_map(|file| file.try_clone_to_owned().ok());
    own.or_else(|| File::options().read(true).write(true).open("/dev/tty").ok().map(OwnedFd::from))
}

fn number(group: Pid) -> i32 {
    group.as_raw_nonzero().get()
}
