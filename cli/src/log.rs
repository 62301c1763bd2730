//! `TANDEM_LOG`: what Tandem does, line by line, in a file or through a descriptor.
//!
//! Lines are written by a thread of their own, so that neither a run nor its command waits for
//! whoever reads them.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{FileType, OFlags, fstat};
use rustix::termios::isatty;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::inherited;
use super::plain::complain;
use super::waiting::Waiting;

const VARIABLE: &str = "TANDEM_LOG";
const DESCRIPTOR: &[u8] = b"fd:";
/// Only the library's own events are told.
const TARGET: &str = "tandem_host";
/// Lines that wait to be written; what comes above that is counted and lost.
const LINES_MAX: usize = 4_096;
/// How long the end waits for lines that nobody takes.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A log that is written until its end.
pub struct Log(Option<Lines>);

/// Where lines wait.
#[derive(Clone)]
struct Lines {
    queue: Sender<Message>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    waiting: AtomicUsize,
    lost: AtomicUsize,
}

enum Message {
    Line(Vec<u8>),
    /// Everything before it is to be written, then it is dropped.
    End(Sender<()>),
}

/// Where a log is to go, if `TANDEM_LOG` asks for one.
pub struct OpenedLog(Option<Result<(LevelFilter, File), String>>);

impl OpenedLog {
    /// Opens what `TANDEM_LOG` names. Comes before anything else is opened, which could get the number
    /// of a descriptor that the variable names and the caller forgot.
    pub fn open() -> Self {
        let asked = std::env::var_os(VARIABLE).filter(|asked| !asked.is_empty());
        OpenedLog(asked.map(|asked| {
            let (level, place) = parse(&asked)?;
            Ok((level, open(place)?))
        }))
    }

    /// Starts the log. One that cannot be kept is no reason not to work: it is warned of.
    pub fn start(self, command: &'static str) -> Log {
        let started = self.0.map(|opened| {
            let (level, file) = opened?;
            keep(command, level, file)
        });
        match started {
            None => Log(None),
            Some(Ok(lines)) => Log(Some(lines)),
            Some(Err(why)) => {
                complain(command, &format!("warning: no log is kept: {why}"));
                Log(None)
            }
        }
    }
}

impl Log {
    /// Waits until everything is written, but not long for a reader that does not read.
    pub fn end(self) {
        let Some(lines) = self.0 else { return };
        let (end, ended) = channel();
        if lines.queue.send(Message::End(end)).is_ok() {
            // Nothing is ever sent.
            let _ = ended.recv_timeout(LAST_LINES);
        }
    }
}

/// Where the log goes.
#[derive(Debug, PartialEq)]
enum Destination {
    Descriptor(i32),
    File(OsString),
}

/// `LEVEL:PATH` or `LEVEL:fd:N`.
fn parse(asked: &OsStr) -> Result<(LevelFilter, Destination), String> {
    let rule = || format!("{VARIABLE} is not LEVEL:PATH or LEVEL:fd:N: {asked:?}");
    let bytes = asked.as_bytes();
    let colon = bytes.iter().position(|&byte| byte == b':').ok_or_else(rule)?;
    let (level, place) = (&bytes[..colon], &bytes[colon + 1..]);
    let level = match level {
        b"error" => LevelFilter::ERROR,
        b"warn" => LevelFilter::WARN,
        b"info" => LevelFilter::INFO,
        b"debug" => LevelFilter::DEBUG,
        b"trace" => LevelFilter::TRACE,
        _ => {
            let levels = "error, warn, info, debug or trace";
            return Err(format!("the level of {VARIABLE} is not {levels}: {asked:?}"));
        }
    };
    let place = match place.strip_prefix(DESCRIPTOR) {
        Some(number) => {
            let number = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
            // The first three are the command's.
            let number = number.filter(|&number: &i32| number > 2);
            let rule = || format!("the descriptor of {VARIABLE} is no number above 2: {asked:?}");
            Destination::Descriptor(number.ok_or_else(rule)?)
        }
        None if place.is_empty() => return Err(rule()),
        None => Destination::File(OsString::from_vec(place.to_owned())),
    };
    Ok((level, place))
}

fn open(place: Destination) -> Result<File, String> {
    let (opened, shown) = match place {
        Destination::Descriptor(number) => {
            (inherited::descriptor(number).map(File::from), format!("descriptor {number}"))
        }
        Destination::File(path) => {
            // A pipe that nobody reads is told, not waited for.
            let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
            let mut options = OpenOptions::new();
            let opened = options.append(true).create(true).custom_flags(flags).open(&path);
            (opened, format!("{path:?}"))
        }
    };
    let file = opened.map_err(|error| format!("cannot open {shown}: {error}"))?;
    if is_output(&file) {
        return Err(format!("it would be mixed with an output: {shown}"));
    }
    Ok(file)
}

/// Whether it is the same file, pipe or terminal as one of this process's outputs. Devices such as
/// `/dev/null` may be both. A terminal has more names than one, such as `/dev/tty`, so none is taken
/// where an output is one.
fn is_output(file: &File) -> bool {
    if isatty(file) {
        return isatty(io::stdout()) || isatty(io::stderr());
    }
    let Ok(own) = fstat(file) else { return false };
    if FileType::from_raw_mode(own.st_mode) == FileType::CharacterDevice {
        return false;
    }
    let is_same = |other: &dyn AsFd| {
        fstat(other.as_fd())
            .is_ok_and(|other| (other.st_dev, other.st_ino) == (own.st_dev, own.st_ino))
    };
    is_same(&io::stdout()) || is_same(&io::stderr())
}

/// Has the library's events written to a file.
fn keep(command: &'static str, level: LevelFilter, file: File) -> Result<Lines, String> {
    let (queue, messages) = channel();
    let lines = Lines { queue, counts: Arc::default() };
    let counts = lines.counts.clone();
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || {
            if let Err(error) = write(&messages, &counts, Waiting::new(file)) {
                complain(command, &format!("warning: the log ends here: {error}"));
            }
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    let writer = lines.clone();
    let told =
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let targets = Targets::new().with_target(TARGET, level);
    let started = tracing_subscriber::registry().with(targets).with(told).try_init();
    started.map_err(|error| error.to_string())?;
    Ok(lines)
}

/// Writes what comes, until the end.
fn write(messages: &Receiver<Message>, counts: &Counts, mut file: impl Write) -> io::Result<()> {
    while let Ok(message) = messages.recv() {
        let lost = counts.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            writeln!(file, "{lost} lines are missing here: they came faster than they were taken")?;
        }
        match message {
            Message::Line(line) => {
                file.write_all(&line)?;
                counts.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            Message::End(end) => drop(end),
        }
    }
    Ok(())
}

impl Write for Lines {
    /// Takes one event.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) >= LINES_MAX {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            // A log that has ended, which was told, takes no more.
            let _ = self.queue.send(Message::Line(line.to_vec()));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_and_a_place_are_asked_for() {
        let file = |path: &str| Destination::File(path.into());
        for (asked, level, place) in [
            ("debug:/tmp/a:b", LevelFilter::DEBUG, file("/tmp/a:b")),
            ("warn:fd:3", LevelFilter::WARN, Destination::Descriptor(3)),
            ("trace:fd", LevelFilter::TRACE, file("fd")),
        ] {
            assert_eq!(parse(asked.as_ref()), Ok((level, place)));
        }
        for asked in
            ["debug", "debug:", "DEBUG:x", "loud:x", ":x", "info:fd:", "info:fd:2", "info:fd:-1"]
        {
            let why = parse(asked.as_ref()).unwrap_err();
            assert!(why.contains(VARIABLE) && why.ends_with(&format!("{asked:?}")), "{why}");
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_counted_and_not_waited_for() {
        let (queue, messages) = channel();
        let mut lines = Lines { queue, counts: Arc::default() };
        for _ in 0..LINES_MAX + 7 {
            lines.write_all(b"line\n").unwrap();
        }
        let counts = lines.counts.clone();
        drop(lines);
        let mut written = Vec::new();
        write(&messages, &counts, &mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(written.starts_with("7 lines are missing here"), "{written}");
        assert_eq!(written.lines().count(), LINES_MAX + 1);
    }
}
