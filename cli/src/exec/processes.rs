//! The processes that there are, and which of them come from this one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::process::getpid;

/// Where these stand in the system's line, as its documents count.
const SESSION: usize = 6;
const STARTED: usize = 22;
/// More parents than this are no line of them: numbers were given anew meanwhile.
const DEPTH_MAX: usize = 1000;

/// A process that was not waited for yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// When it was started, in ticks of the system. With the number it names one process.
    pub started: u64,
    pub name: String,
    pub has_ended: bool,
    /// It stands still.
    pub is_stopped: bool,
}

/// All processes at one time.
pub struct Processes {
    own: i32,
    all: Vec<Process>,
}

impl Processes {
    /// Looks. Nothing where the system does not tell.
    pub fn look() -> Option<Self> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc").ok()? {
            let pid = entry.ok()?.file_name().into_string().ok();
            let Some(pid) = pid.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            else {
                continue;
            };
            all.extend(of_number(&pid));
        }
        let own = getpid().as_raw_nonzero().get();
        // A /proc of other processes than these tells nothing.
        let link = fs::read_link("/proc/self").ok()?;
        (link.as_os_str() == own.to_string().as_str()).then_some(Processes { own, all })
    }

    /// One of them.
    pub fn find(&self, pid: i32) -> Option<&Process> {
        self.all.iter().find(|process| process.pid == pid)
    }

    /// This one.
    pub fn own(&self) -> Option<&Process> {
        self.find(self.own)
    }

    /// All of a group.
    pub fn of_group(&self, group: i32) -> impl Iterator<Item = &Process> {
        self.all.iter().filter(move |process| process.group == group)
    }

    /// All that came from this process, but not what came from those that are `but`.
    pub fn below(&self, but: impl Fn(&Process) -> bool) -> Vec<&Process> {
        self.from(vec![self.own], but)
    }

    /// All that came from a group.
    pub fn below_group(&self, group: i32) -> Vec<&Process> {
        self.from(self.of_group(group).map(|process| process.pid).collect(), |_| false)
    }

    fn from(&self, mut from: Vec<i32>, but: impl Fn(&Process) -> bool) -> Vec<&Process> {
        let mut children: BTreeMap<i32, Vec<&Process>> = BTreeMap::new();
        for process in &self.all {
            children.entry(process.parent).or_default().push(process);
        }
        let mut found = BTreeSet::new();
        while let Some(parent) = from.pop() {
            let new = children.remove(&parent).unwrap_or_default();
            let new = new.into_iter().filter(|child| !but(child) && found.insert(child.pid));
            from.extend(new.map(|child| child.pid));
        }
        self.all.iter().filter(|process| found.contains(&process.pid)).collect()
    }
}

/// The child of this process that another came from, or is; the other itself if that cannot be told, as
/// of one that is gone.
pub fn child_of_own(pid: i32) -> i32 {
    let own = getpid().as_raw_nonzero().get();
    let mut child = pid;
    for _ in 0..DEPTH_MAX {
        match of_number(&child.to_string()) {
            Some(process) if process.parent == own => return child,
            Some(process) if process.parent > 0 => child = process.parent,
            _ => break,
        }
    }
    pid
}

/// Whether a process stands still, where the system tells.
pub fn is_stopped(pid: i32) -> Option<bool> {
    Some(of_number(&pid.to_string())?.is_stopped)
}

/// When a process was started, where the system tells.
pub fn started(pid: i32) -> Option<u64> {
    Some(of_number(&pid.to_string())?.started)
}

fn of_number(pid: &str) -> Option<Process> {
    // One that has just gone has no file any more.
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(&String::from_utf8_lossy(&stat))
}

/// One, of the system's line about it.
fn parse(stat: &str) -> Option<Process> {
    // The name may hold anything, brackets too.
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let has_ended = matches!(state, "Z" | "X" | "x");
    let is_stopped = state == "T";
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let started = fields.nth(STARTED - SESSION - 1)?.parse().ok()?;
    let (pid, name) = (pid.parse().ok()?, name.to_owned());
    Some(Process { pid, parent, group, session, started, name, has_ended, is_stopped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let rest = "4 5 6 0 -1 4194304 1 0 0 0 7 8 0 0 20 0 1 0 9876 4096 1";
        let process = parse(&format!("17 (a) b (c) S {rest}")).unwrap();
        assert_eq!((process.pid, process.parent, process.group), (17, 4, 5));
        assert_eq!((&*process.name, process.has_ended), ("a) b (c", false));
        assert!(!process.is_stopped && parse(&format!("17 (a) T {rest}")).unwrap().is_stopped);
        assert_eq!((process.session, process.started), (6, 9876));
        assert!(parse(&format!("17 (a) Z {rest}")).unwrap().has_ended);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn children_of_children_are_found_and_those_of_others_are_not() {
        let process = |pid, parent| Process {
            pid,
            parent,
            group: 1,
            session: 1,
            started: 0,
            name: String::new(),
            has_ended: false,
            is_stopped: false,
        };
        let all =
            [(2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 9)].map(|(pid, up)| process(pid, up));
        let all = Processes { own: 1, all: all.to_vec() };
        let found = all.below(|process| process.pid == 5);
        assert_eq!(found.iter().map(|process| process.pid).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
