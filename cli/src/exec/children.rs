//! What becomes of the children of `exec`: its command, and processes that the system gave it because
//! their own parent ended, as it does to process 1.

#![allow(unsafe_code, reason = "the safe calls do not tell which child it is")]

use std::mem;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, waitid, waitpid,
};

/// What a command does without ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It stands still, by this signal.
    Stopped(i32),
    /// It goes on.
    Continued,
}

/// The last change of a child since the last time; its end is left to who waits for it.
pub fn change(child: Pid) -> Option<Change> {
    let options = WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED | WaitIdOptions::NOHANG;
    let status = waitid(WaitId::Pid(child), options).ok()??;
    match status.stopping_signal() {
        Some(signal) => Some(Change::Stopped(signal)),
        None => status.continued().then_some(Change::Continued),
    }
}

/// Has a child go on that stands still before it is its command, where nobody would: its parent waits
/// for it. `but` is no such one.
pub fn go_on_but(but: Option<Pid>) {
    if let Some(stopped) = child(libc::WSTOPPED).filter(|stopped| Some(*stopped) != but) {
        // One that has ended needs nothing.
        let _ = kill_process(stopped, Signal::CONT);
    }
}

/// Waits for every child that has ended but these, which somebody else waits for. One of these that
/// has ended may hide others until it was waited for.
pub fn reap(but: &[Pid]) {
    while let Some(ended) = ended_child().filter(|ended| !but.contains(ended)) {
        if waitpid(Some(ended), WaitOptions::NOHANG).is_err() {
            return;
        }
    }
}

/// A child that has ended. It still is there afterwards.
fn ended_child() -> Option<Pid> {
    child(libc::WEXITED)
}

/// A child that has changed so, which can be asked for again.
fn child(change: i32) -> Option<Pid> {
    // SAFETY: what is told is read if the call wrote it; else there is no child with number 0.
    unsafe {
        let mut info: libc::siginfo_t = mem::zeroed();
        let options = change | libc::WNOHANG | libc::WNOWAIT;
        if libc::waitid(libc::P_ALL, 0, &mut info, options) != 0 {
            return None;
        }
        Pid::from_raw(info.si_pid())
    }
}
