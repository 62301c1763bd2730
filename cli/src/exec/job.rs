//! A command in a group of its own, and what it leaves behind: it is asked to end, then killed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::handler::send;
use super::processes::{Process, Processes, started};

/// How long what was killed may take to be gone.
const KILLED_WITHIN: Duration = Duration::from_secs(2);
/// The shortest and the longest time between two looks at what is left.
const PAUSE: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(100)];
/// More are counted and not named.
const NAMES_MAX: usize = 20;

/// How to run a command in a group of its own.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long what it leaves behind may take to end before it is killed.
    pub kill_after: Duration,
    /// What came from this process before the command: numbers, and when each was started.
    foreign: Vec<(i32, u64)>,
}

impl Options {
    /// From now on, what loses its parents becomes a child of this process.
    pub fn new(kill_after: Duration) -> Self {
        #[cfg(target_os = "linux")]
        // Without it, what has left the group is not found.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        let all = Processes::look();
        let foreign = all.iter().flat_map(|all| all.below(|_| false));
        let foreign = foreign.map(|process| (process.pid, process.started)).collect();
        Options { kill_after, foreign }
    }
}

/// The group of a command that was started, with all that came from it.
pub struct Job {
    /// The number of the command and of its group.
    pub group: Pid,
    options: Options,
    /// When the command was started, as the system counts.
    started: u64,
    /// When the command had ended.
    since: Option<Instant>,
    /// Nothing was in the group any more after the command: its number may be another's.
    is_empty: Cell<bool>,
    asked: BTreeMap<i32, String>,
    killed: BTreeMap<i32, String>,
    stays: BTreeMap<i32, String>,
}

impl Job {
    /// The command is the leader of its group.
    pub fn new(group: Pid, options: Options) -> Self {
        let (asked, killed, stays) = Default::default();
        let started = started(group.as_raw_nonzero().get()).unwrap_or_default();
        let is_empty = Cell::new(false);
        Job { group, options, started, since: None, is_empty, asked, killed, stays }
    }

    /// Sends a signal to the whole group; one that is queued comes to each process with its value.
    pub fn signal(&self, signal: i32, queued: Option<usize>) -> io::Result<()> {
        if self.since.is_some() {
            self.left();
            if self.is_empty.get() {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
        }
        let group = self.number();
        // To a group as a whole nothing can be queued.
        let Some(all) = queued.and_then(|_| Processes::look()) else {
            return send(-group, signal, None);
        };
        let sent = all.of_group(group).map(|process| send(process.pid, signal, queued));
        // As with a group, one that has it is enough.
        sent.reduce(|sent, other| sent.or(other))
            .unwrap_or_else(|| Err(io::Error::from_raw_os_error(libc::ESRCH)))
    }

    fn number(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// Ends what a command left behind that has ended. Can be dropped and called again.
    pub async fn end(&mut self) {
        let since = *self.since.get_or_insert_with(Instant::now);
        let kill_at = since + self.options.kill_after;
        let [mut pause, longest] = PAUSE;
        loop {
            let left = self.left();
            let now = Instant::now();
            if left.is_empty() {
                return;
            }
            if now < kill_at {
                self.ask(&left);
            } else if now < kill_at + KILLED_WITHIN {
                self.kill(&left);
            } else {
                self.stays = left.into_iter().map(|left| (left.pid, left.name)).collect();
                return;
            }
            let until_kill = kill_at.saturating_duration_since(now);
            let next = if until_kill.is_zero() { pause } else { pause.min(until_kill) };
            tokio::time::sleep(next).await;
            pause = (2 * pause).min(longest);
        }
    }

    /// What was left behind, and what became of it.
    pub fn told(&self) -> Option<String> {
        if self.asked.is_empty() && self.killed.is_empty() {
            return None;
        }
        let ended: BTreeMap<i32, String> =
            self.asked.iter().map(|(&pid, name)| (pid, name.clone())).collect();
        let mut told =
            format!("the command left processes behind: {}", names(&all(ended, &self.killed)));
        for (what, these) in [("killed", &self.killed), ("still there", &self.stays)] {
            if !these.is_empty() {
                told = format!("{told}; {what}: {}", names(these));
            }
        }
        Some(told)
    }

    fn ask(&mut self, left: &[Process]) {
        let is_first = self.asked.is_empty();
        if is_first {
            // The group as a whole: nobody in it can start another one meanwhile. What stands still
            // has to go on to end.
            let _ = self.signal(libc::SIGTERM, None);
            let _ = self.signal(libc::SIGCONT, None);
        }
        for left in left {
            if self.asked.insert(left.pid, left.name.clone()).is_none()
                && !(is_first && left.group == self.number())
            {
                let _ = send(left.pid, libc::SIGTERM, None);
                let _ = send(left.pid, libc::SIGCONT, None);
            }
        }
    }

    fn kill(&mut self, left: &[Process]) {
        for left in left {
            let _ = send(left.pid, libc::SIGKILL, None);
            self.killed.insert(left.pid, left.name.clone());
        }
    }

    /// All that came from the command, which was waited for; where that cannot be told, whether anything
    /// is in its group.
    fn left(&self) -> Vec<Process> {
        let group = self.number();
        let left = match Processes::look() {
            Some(all) => {
                let left = all.below(|process| self.is_foreign(&all, process)).into_iter();
                left.filter(|process| !process.has_ended).cloned().collect()
            }
            None if self.is_empty.get() || send(-group, 0, None).is_err() => Vec::new(),
            None => vec![Process {
                pid: -group,
                parent: 0,
                group,
                session: 0,
                started: 0,
                name: "group".to_owned(),
                has_ended: false,
                is_stopped: false,
            }],
        };
        if !left.iter().any(|left| left.group == group) {
            self.is_empty.set(true);
        }
        left
    }

    /// Whether a process is the command's own, which may have lost its parents.
    pub fn is_own(&self, pid: i32) -> bool {
        Processes::look().is_some_and(|all| {
            let below = all.below(|process| self.is_foreign(&all, process));
            below.iter().any(|process| process.pid == pid)
        })
    }

    /// Whether something below this process did not come from the command: it was there before, or its
    /// parents were, and it was given to this process when they ended. Of such an orphan only its
    /// group, session and age tell.
    fn is_foreign(&self, all: &Processes, process: &Process) -> bool {
        if self.options.foreign.contains(&(process.pid, process.started)) {
            return true;
        }
        let Some(own) = all.own().filter(|own| process.parent == own.pid) else { return false };
        let is_of_foreign_session = process.session != own.session
            && match all.find(process.session) {
                Some(leader) => !all.below(|_| false).contains(&leader),
                // One from outside of this container has no number here.
                None => process.session == 0,
            };
        process.group == own.group || process.started < self.started || is_of_foreign_session
    }
}

fn all(mut some: BTreeMap<i32, String>, more: &BTreeMap<i32, String>) -> BTreeMap<i32, String> {
    some.extend(more.iter().map(|(&pid, name)| (pid, name.clone())));
    some
}

/// `sleep (17), cat (18)`.
fn names(processes: &BTreeMap<i32, String>) -> String {
    let named = processes.iter().take(NAMES_MAX).map(|(pid, name)| format!("{name} ({pid})"));
    let mut names = named.collect::<Vec<_>>().join(", ");
    if let Some(more) = processes.len().checked_sub(NAMES_MAX).filter(|&more| more > 0) {
        names = format!("{names} and {more} more");
    }
    names
}
