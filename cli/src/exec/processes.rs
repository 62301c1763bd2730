//! The processes that come from this one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::process::getpid;

/// A process that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    pub name: String,
}

/// All that came from this process, but not from these of its children. Nothing where the system does
/// not tell.
pub fn below(but: &[i32]) -> Option<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").ok()? {
        let pid = entry.ok()?.file_name().into_string().ok();
        let Some(pid) = pid.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else {
            continue;
        };
        // One that has just ended has no file any more.
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        all.extend(parse(&String::from_utf8_lossy(&stat)));
    }
    let own = getpid().as_raw_nonzero().get();
    // A /proc of other processes than these tells nothing.
    fs::read_link("/proc/self").ok().filter(|link| link.as_os_str() == own.to_string().as_str())?;
    Some(below_of(own, but, all))
}

/// One that lives, of the system's line about it.
fn parse(stat: &str) -> Option<Process> {
    // The name may hold anything, brackets too.
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let is_alive = !matches!(state, "Z" | "X" | "x");
    is_alive.then_some(Process { pid: pid.parse().ok()?, parent, group, name: name.to_owned() })
}

fn below_of(own: i32, but: &[i32], all: Vec<Process>) -> Vec<Process> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for process in &all {
        children.entry(process.parent).or_default().push(process.pid);
    }
    let mut found = BTreeSet::new();
    let mut from = vec![own];
    while let Some(parent) = from.pop() {
        let new = children.remove(&parent).unwrap_or_default();
        from.extend(new.into_iter().filter(|child| !but.contains(child) && found.insert(*child)));
    }
    all.into_iter().filter(|process| found.contains(&process.pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let process = parse("17 (a) b (c) S 4 5 6 0").unwrap();
        assert_eq!((process.pid, process.parent, process.group), (17, 4, 5));
        assert_eq!(process.name, "a) b (c");
        assert_eq!(parse("17 (a) Z 4 5 6"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn children_of_children_are_found_and_those_of_others_are_not() {
        let process = |pid, parent| Process { pid, parent, group: 1, name: String::new() };
        let all =
            [(2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 9)].map(|(pid, up)| process(pid, up));
        let found = below_of(1, &[5], all.to_vec());
        assert_eq!(found.iter().map(|process| process.pid).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
