//! What a process of hosts tells of itself, a line each.

use std::fmt;
use std::str::FromStr;

/// A run, by its task and its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The task.
    pub task: String,
    /// The run's id in it.
    pub run: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.task, self.run)
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// All its runs are open.
    Ready,
    /// A run is open, and its manifest has this number; 0 if there was none.
    Opened(Name, u64),
    /// The manifest with this number was acknowledged as durable.
    Manifest(Name, u64),
    /// A heartbeat was acknowledged, so much later than it was due, in milliseconds.
    Heartbeat(u64),
    /// A recorded run was acknowledged: summary and history are durable.
    Record(Name),
    /// The run belongs to somebody else, and this process has stopped writing it.
    Conflict(Name),
    /// A call failed: its name, and the kind of its error.
    Failed(String, String),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Ready => f.write_str("ready"),
            Word::Opened(name, number) => write!(f, "opened {name} {number}"),
            Word::Manifest(name, number) => write!(f, "manifest {name} {number}"),
            Word::Heartbeat(late_ms) => write!(f, "heartbeat {late_ms}"),
            Word::Record(name) => write!(f, "record {name}"),
            Word::Conflict(name) => write!(f, "conflict {name}"),
            Word::Failed(call, kind) => write!(f, "failed {call} {kind}"),
        }
    }
}

impl FromStr for Word {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let parts: Vec<&str> = line.split(' ').collect();
        let name = |task: &str, run: &str| Name { task: task.to_owned(), run: run.to_owned() };
        let number = |text: &str| text.parse().map_err(|_| format!("this is no number: {text}"));
        Ok(match *parts {
            ["ready"] => Word::Ready,
            ["opened", task, run, text] => Word::Opened(name(task, run), number(text)?),
            ["manifest", task, run, text] => Word::Manifest(name(task, run), number(text)?),
            ["heartbeat", late_ms] => Word::Heartbeat(number(late_ms)?),
            ["record", task, run] => Word::Record(name(task, run)),
            ["conflict", task, run] => Word::Conflict(name(task, run)),
            ["failed", call, kind] => Word::Failed(call.to_owned(), kind.to_owned()),
            _ => return Err(format!("no host says this: {line}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_back_as_it_was() {
        let name = || Name { task: "shared-1".into(), run: "a-0-1".into() };
        for word in [
            Word::Ready,
            Word::Opened(name(), 0),
            Word::Manifest(name(), 7),
            Word::Heartbeat(12),
            Word::Record(name()),
            Word::Conflict(name()),
            Word::Failed("manifest".into(), "storage".into()),
        ] {
            assert_eq!(word.to_string().parse(), Ok(word));
        }
    }

    #[test]
    fn a_line_that_no_host_says_is_refused() {
        for line in ["", "ready now", "manifest t r", "manifest t r x", "heartbeat -1"] {
            assert!(line.parse::<Word>().is_err(), "{line}");
        }
    }
}
