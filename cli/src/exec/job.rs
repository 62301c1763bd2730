//! A command in a group of its own, and what it leaves behind: it is asked to end, then killed.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::handler::send;
use super::processes::{Process, Processes};

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
    /// Children that were there before the command.
    foreign: Vec<i32>,
}

impl Options {
    /// From now on, what loses its parents becomes a child of this process.
    pub fn new(kill_after: Duration) -> Self {
        #[cfg(target_os = "linux")]
        // Without it, what has left the group is not found.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        let all = Processes::look();
        let foreign = all.iter().flat_map(|all| all.below(|_| false));
        let foreign = foreign.map(|process| process.pid).collect();
        Options { kill_after, foreign }
    }
}

/// The group of a command that was started, with all that came from it.
pub struct Job {
    /// The number of the command and of its group.
    pub group: Pid,
    options: Options,
    /// When the command had ended.
    since: Option<Instant>,
    asked: BTreeMap<i32, String>,
    killed: BTreeMap<i32, String>,
    stays: BTreeMap<i32, String>,
}

impl Job {
    /// The command is the leader of its group.
    pub fn new(group: Pid, options: Options) -> Self {
        let (asked, killed, stays) = Default::default();
        Job { group, options, since: None, asked, killed, stays }
    }

    /// Sends a signal to the whole group; one that is queued comes to each process with its value.
    pub fn signal(&self, signal: i32, queued: Option<usize>) -> io::Result<()> {
        let group = self.group.as_raw_nonzero().get();
        // To a group as a whole nothing can be queued.
        let Some(all) = queued.and_then(|_| Processes::look()) else {
            return send(-group, signal, None);
        };
        let sent = all.of_group(group).map(|process| send(process.pid, signal, queued));
        // As with a group, one that has it is enough.
        sent.reduce(|sent, other| sent.or(other))
            .unwrap_or_else(|| Err(io::Error::from_raw_os_error(libc::ESRCH)))
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
                && !(is_first && left.group == self.group.as_raw_nonzero().get())
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

    /// All that came from the command; where that cannot be told, whether anything is in its group.
    fn left(&self) -> Vec<Process> {
        let Some(all) = Processes::look() else {
            let group = self.group.as_raw_nonzero().get();
            let is_there = send(-group, 0, None).is_ok();
            let name = "group".to_owned();
            let whole = Process { pid: -group, parent: 0, group, name, has_ended: false };
            return is_there.then_some(whole).into_iter().collect();
        };
        let left = all.below(|process| self.options.foreign.contains(&process.pid));
        left.into_iter().filter(|process| !process.has_ended).cloned().collect()
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
