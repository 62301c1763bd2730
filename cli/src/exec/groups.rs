//! Process groups and sessions, as numbers: one that was made outside of a container has none inside,
//! and is 0 there.

#![allow(unsafe_code, reason = "the safe calls know no group without a number")]

use rustix::process::Pid;

/// The group of this process.
pub fn own() -> i32 {
    // SAFETY: it only asks.
    unsafe { libc::getpgrp() }
}

/// The group of a process.
pub fn of(process: Pid) -> Option<i32> {
    // SAFETY: it only asks.
    let group = unsafe { libc::getpgid(process.as_raw_nonzero().get()) };
    (group >= 0).then_some(group)
}

/// The session of a process, or of this one.
pub fn session(process: Option<Pid>) -> Option<i32> {
    // SAFETY: it only asks.
    let session = unsafe { libc::getsid(process.map_or(0, |pid| pid.as_raw_nonzero().get())) };
    (session >= 0).then_some(session)
}

/// Waits until whoever is signalling a group has signalled all of it. The system keeps a lock
/// meanwhile, which it also needs before it finds that there is no such process.
#[cfg(target_os = "linux")]
pub fn wait_for_senders() {
    // SAFETY: no process has this number.
    unsafe { libc::setpgid(i32::MAX, 1) };
}
