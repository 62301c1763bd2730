//! What the system said of a call that failed, in words, with the limit of the process that it met:
//! as errors of this library have it, for disks and programs that tell of calls of their own.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// Why nothing is opened, made or removed through such a link.
pub const LEADS_OUT: &str = "a link is absolute or leads out of the root";

/// A failed call: its name, what the system said, and the limit if one is the cause.
pub fn failed_call(call: &str, error: &io::Error) -> String {
    format!("{call}: {}", in_words(error))
}

/// What the system said, and the limit if one is the cause.
pub fn in_words(error: &io::Error) -> String {
    // That is how cap-std tells it, where the system has no error of its own.
    if error.raw_os_error().is_none() && error.kind() == io::ErrorKind::PermissionDenied {
        return LEADS_OUT.to_owned();
    }
    match Errno::from_io_error(error).and_then(met_by) {
        Some(limit) => format!("{error}, {limit}"),
        None => error.to_string(),
    }
}

/// The limits of this process that such an error comes from, if it comes from one.
pub(crate) fn met_by(errno: Errno) -> Option<String> {
    let limit = |resource, what| {
        getrlimit(resource).current.map(|value| format!("the limit of {what} is {value}"))
    };
    let files = || limit(Resource::Nofile, "open files (ulimit -n)");
    let bytes = || limit(Resource::Fsize, "bytes in a file (ulimit -f)");
    let address_space = || limit(Resource::As, "bytes of address space (ulimit -v)");
    let data = || limit(Resource::Data, "bytes of data (ulimit -d)");
    let tasks = || limit(Resource::Nproc, "tasks of this user (ulimit -u)");
    let met: Vec<String> = match errno {
        Errno::MFILE => files().into_iter().collect(),
        Errno::FBIG => bytes().into_iter().collect(),
        Errno::NOMEM => [address_space(), data()].into_iter().flatten().collect(),
        // Of threads and processes. A thread has a stack.
        Errno::AGAIN => {
            [tasks(), tasks_of_group(), address_space(), data()].into_iter().flatten().collect()
        }
        _ => Vec::new(),
    };
    (!met.is_empty()).then(|| met.join(", "))
}

/// The limit of this process's control group.
#[cfg(target_os = "linux")]
fn tasks_of_group() -> Option<String> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    // In version 2 there is one, numbered 0 and without a controller.
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = std::fs::read_to_string(format!("/sys/fs/cgroup/{path}/pids.max")).ok()?;
    let count: u64 = limit.trim().parse().ok()?;
    Some(format!("the limit of tasks of this control group (pids.max) is {count}"))
}

#[cfg(not(target_os = "linux"))]
fn tasks_of_group() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_is_told_with_the_limit_that_it_met() {
        let told = |errno: Errno| failed_call("open", &errno.into());
        assert_eq!(told(Errno::ROFS), "open: Read-only file system (os error 30)");
        let many = told(Errno::MFILE);
        let limit = getrlimit(Resource::Nofile).current;
        assert!(many.starts_with("open: Too many open files (os error 24)"), "{many}");
        assert_eq!(many.contains(", the limit of open files (ulimit -n) is"), limit.is_some());
    }
}
